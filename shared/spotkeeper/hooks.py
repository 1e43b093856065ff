"""What is written on instances that a lifecycle hook holds back: tags, since neither API nor journal tells others.

``lifecycle_hook`` writes them, ``sweep`` reads them too.
"""

from __future__ import annotations

from collections.abc import Mapping

ALIVE_TAG = "spotkeeper:hook-alive-until"
"""``<lifecycle action token>/<seconds since 1970>``: the hook lives at least so long, by the last heartbeat."""
FAILED_TAG = "spotkeeper:failed-check"
"""``<token>/<hook>/<scaling activity>``: the instance failed and has to leave its group after CONTINUE."""


def remembered_life(tags: Mapping[str, str], token: str) -> float | None:
    """Until when the action with this token lives, as a call that extended it has written down."""
    owner, _, moment = tags.get(ALIVE_TAG, "").rpartition("/")
    return float(moment) if owner == token and moment.isdecimal() else None
