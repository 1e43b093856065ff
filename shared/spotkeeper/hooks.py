"""What is written on instances that a lifecycle hook holds back: tags, since neither API nor journal tells others.

``lifecycle_hook`` writes them and takes them away, ``sweep`` reads them too.
"""

from __future__ import annotations

from collections.abc import Mapping

ALIVE_TAG = "spotkeeper:hook-alive-until"
"""``spotkeeper:hook-alive-until:<hook>`` = ``<lifecycle action token>/<seconds since 1970>``: the hook lives at least
so long, by the last heartbeat. Several hooks may hold one instance back: each has a tag of its own."""
FAILED_TAG = "spotkeeper:failed-check"
"""``<token>/<hook>/<scaling activity>``: the instance failed and has to leave its group after CONTINUE."""
NOT_THERE = ("InvalidScalingActivity", "InvalidRegionId", "InvalidScalingGroupId", "InvalidParameter")
"""How codes begin that say: there is no such thing. An id that no activity has is an InvalidParameter."""


def life_tag(hook_id: str) -> str:
    """The key of the tag that tells until when this hook lives."""
    return f"{ALIVE_TAG}:{hook_id}"


def life_mark(token: str, alive_until: float) -> str:
    """The value of that tag."""
    return f"{token}/{int(alive_until)}"


def recorded_life(tags: Mapping[str, str], hook_id: str, token: str) -> float | None:
    """Until when the hook's action with this token lives, as a call that extended it has written down."""
    owner, _, moment = tags.get(life_tag(hook_id), "").rpartition("/")
    return float(moment) if owner == token and moment.isdecimal() else None


def failed_mark(token: str, hook_id: str, activity_id: str | None) -> str:
    """The value of ``FAILED_TAG``: what is needed to find the action again; 128 characters at most."""
    return f"{token}/{hook_id}/{activity_id or ''}"
