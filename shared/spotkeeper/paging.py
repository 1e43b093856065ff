"""Lists in pages: by ``NextToken``, or by ``PageNumber``, where a list may change between two pages."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from spotkeeper.errors import CloudUnreachable

TOKEN_PAGED = frozenset(
    {"DescribeInstances", "DescribeSnapshots", "DescribeInvocationResults", "DescribeLifecycleActions"}
)
PAGE_SIZES = {
    "DescribeCloudAssistantStatus": 50,
    "DescribeInvocationResults": 50,
    "DescribeLifecycleActions": 50,
    "DescribeLifecycleHooks": 50,
    "DescribeScalingActivities": 50,
    "DescribeScalingGroups": 50,
}
"""The largest page of operations whose limit is not 100."""
LISTINGS = 4
"""A list that changes between its pages is read so often."""

Page = dict[str, Any]
Call = Callable[[Mapping[str, Any]], Page]
"""Given the paging parameters, returns the page."""


def pages(action: str, about: str, call: Call) -> Iterator[Page]:
    """All pages, as large as can be. Raises what ``call`` raises, and ``CloudUnreachable`` as ``_whole`` does."""
    size = PAGE_SIZES.get(action, 100)
    return _by_token(call, size) if action in TOKEN_PAGED else _whole(action, about, call, size)


def _by_token(call: Call, size: int) -> Iterator[Page]:
    paging: dict[str, Any] = {"MaxResults": size}
    while paging.get("NextToken", "first"):
        page = call(paging)
        yield page
        # DescribeInvocationResults has the token inside.
        paging = {"MaxResults": size, "NextToken": (page.get("Invocation") or page).get("NextToken")}


def _by_number(call: Call, size: int) -> Iterator[Page]:
    for number in itertools.count(1):
        page = call({"PageNumber": number, "PageSize": size})
        yield page
        if number * size >= _total(page):
            return


def _whole(action: str, about: str, call: Call, size: int) -> Iterator[Page]:
    """A list, read again if it changed between its pages: each deletion hides an element of the next page.

    Raises ``CloudUnreachable`` where the list still gets shorter at the last reading. A list that grows hides no old
    element.
    """
    found = list(_by_number(call, size))
    for _ in range(LISTINGS - 1):
        if _is_whole(found):
            break
        found = list(_by_number(call, size))
    totals = [_total(page) for page in found]
    if totals != sorted(totals):
        problem = f"the list got shorter while it was read, {LISTINGS} times"
        raise CloudUnreachable(action, about, "ListChanged", problem)
    yield from found


def _is_whole(found: Sequence[Page]) -> bool:
    """Whether all pages have the same TotalCount and together so many elements; a single page hides nothing."""
    if len(found) == 1:
        return True
    shown = {json.dumps(element, sort_keys=True) for page in found for element in _elements(page)}
    return {_total(page) for page in found} <= {len(shown)}


def _total(page: Page) -> int:
    return int(page.get("TotalCount") or 0)


def _elements(page: Page) -> list[Any]:
    """The elements of a page: ``{"Disks": {"Disk": [...]}}``, or without the inner name (Auto Scaling)."""
    fields = (list(field.values()) if isinstance(field, Mapping) else [field] for field in page.values())
    return next((value for values in fields for value in values if isinstance(value, list)), [])
