"""The errors of the cloud's APIs, by code, as the error tables in their documentation have them.

Sources: "Common errors" and the error table of each ECS, CLB, Auto Scaling and RAM operation; "Error codes" of Function
Compute, OSS and RAM; status without a code in "Task deduplication" of Function Compute.

The tables under ``errors/``, one per product, hold ``{action: {code: [HTTP status, fault, message]}}``; action ``*`` is
any. Fault ``server``: the same request may succeed later. ``request``: the request has to change. An empty message
depends on the request.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from simulator.wire import ApiError

Entry = tuple[int, str, str]
_FOLDER = Path(__file__).parent / "errors"


def refusal(code: str, message: str = "", action: str = "*") -> ApiError:
    """The error with this code, with the action's own status and message where it has them.

    ``message`` replaces that of the catalogue. A code that no table has gets status 400.
    """
    status, _, usual = _entries(action).get(code) or _entries("*").get(code) or (400, "request", "")
    return ApiError(status, code, message or usual or f"The request was refused: {code}.")


def server_codes(product: str) -> tuple[str, ...]:
    """The codes of a product after which the same request may succeed later."""
    return tuple(code for code, (_, fault, _) in _table(product)["*"].items() if fault == "server")


@cache
def _entries(action: str) -> dict[str, Entry]:
    tables = [_table(path.stem) for path in sorted(_FOLDER.glob("*.json"))]
    return {code: entry for table in tables for code, entry in table.get(action, {}).items()}


@cache
def _table(product: str) -> dict[str, dict[str, Entry]]:
    loaded: dict[str, dict[str, Entry]] = json.loads((_FOLDER / f"{product}.json").read_text(encoding="utf-8"))
    return loaded
