"""Pages: by number, or by token where ``MaxResults`` or ``NextToken`` was sent."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from simulator.actions import Answer, Parameters, invalid
from simulator.error_catalogue import refusal

Item = TypeVar("Item")
_TOKEN = re.compile(rb"from:([0-9]{1,9})")


def numbered(p: Parameters, items: Sequence[Item], largest: int = 100) -> tuple[Sequence[Item], Answer]:
    """The page asked for by PageNumber and PageSize (default 10), and the fields that describe it."""
    size = p.int("PageSize", 10)
    number = p.int("PageNumber", 1)
    if not 1 <= size <= largest:
        raise invalid("PageSize", f"it must be from 1 to {largest}")
    if number < 1:
        raise invalid("PageNumber", "it must be at least 1")
    start = (number - 1) * size
    return items[start : start + size], {"TotalCount": len(items), "PageNumber": number, "PageSize": size}


def either(p: Parameters, items: Sequence[Item], largest: int = 100) -> tuple[Sequence[Item], Answer]:
    """A page by token where the call asks for that, else by number.

    Documented: with tokens TotalCount, PageNumber and PageSize mean nothing. So they are 0 here.
    """
    if "MaxResults" not in p and "NextToken" not in p:
        page, about = numbered(p, items)
        return page, {**about, "NextToken": ""}
    page, token = by_token(p, items, p.int("MaxResults", 10), largest)
    return page, {"TotalCount": 0, "PageNumber": 0, "PageSize": 0, "NextToken": token}


def by_token(p: Parameters, items: Sequence[Item], size: int, largest: int) -> tuple[Sequence[Item], str]:
    """The page after NextToken, and the token of the next page; empty after the last."""
    if not 1 <= size <= largest:
        raise invalid("MaxResults", f"it must be from 1 to {largest}")
    start = _position(p.get("NextToken", ""))
    rest = start + size
    return items[start:rest], _token(rest) if rest < len(items) else ""


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(f"from:{position}".encode()).decode()


def _position(token: Any) -> int:
    try:
        text = base64.urlsafe_b64decode(str(token or "")) or b"from:0"
    except ValueError:
        text = b""
    found = _TOKEN.fullmatch(text)
    if found is None:
        raise refusal("InvalidNextToken")
    return int(found[1])
