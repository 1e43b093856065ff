"""Tags on instances of a pending lifecycle action: no API shows until when a hook lives or which checks failed.

``lifecycle_hook`` writes and removes them, ``sweep`` reads them too.
"""

from __future__ import annotations

from collections.abc import Mapping

ALIVE_TAG = "spotkeeper:hook-alive-until"
"""``spotkeeper:hook-alive-until:<hook>`` = ``<lifecycle action token>/<seconds since 1970>``: the hook lives at least
so long, by the last heartbeat. Each hook has a tag of its own: an instance may wait for several hooks."""
FAILED_TAG = "spotkeeper:failed-check"
"""``<token>/<hook>/<scaling activity>``: the instance failed and has to leave its group after CONTINUE."""
LONGEST_LIFE = 21_600
"""All heartbeats together keep a hook alive for six hours at most (RecordLifecycleActionHeartbeat)."""
MOST_HEARTBEATS = 20


def longest_heartbeat(timeout: float) -> float:
    """Seconds of a heartbeat of a hook with this HeartbeatTimeout: a twentieth of the rest of six hours."""
    return (LONGEST_LIFE - timeout) / MOST_HEARTBEATS


def latest_life(now: float, began_at: float, timeout: float) -> float:
    """No heartbeat until now can have extended the hook's life beyond this time, seconds since 1970."""
    return min(now + longest_heartbeat(timeout), began_at + LONGEST_LIFE)


def life_tag(hook_id: str) -> str:
    """The key of the tag with the end of this hook's life."""
    return f"{ALIVE_TAG}:{hook_id}"


def life_mark(token: str, alive_until: float) -> str:
    """The value of that tag."""
    return f"{token}/{int(alive_until)}"


def recorded_life(tags: Mapping[str, str], hook_id: str, token: str, latest: float) -> float | None:
    """The end of life of the hook's action with this token, by the tag of the call that extended it.

    A time after ``latest`` (``latest_life``) is ignored: anybody can write the tag.
    """
    owner, _, moment = tags.get(life_tag(hook_id), "").rpartition("/")
    return float(moment) if owner == token and moment.isdecimal() and float(moment) <= latest else None


def failed_mark(token: str, hook_id: str, activity_id: str | None) -> str:
    """The value of ``FAILED_TAG``, which finds the action again; 128 characters at most."""
    return f"{token}/{hook_id}/{activity_id or ''}"
