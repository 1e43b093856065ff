"""The platform's formats of a moment."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

# 20190409T121826.922+0800 (CloudMonitor), 2020-11-19T21:04:41+08:00 (EventBridge), 2018-06-21T03:07:57.641Z (Auto
# Scaling), 2019-11-11T11:00Z (intervals). datetime.fromisoformat of CPython 3.10 reads only the second.
_MOMENT = re.compile(
    r"(?P<year>[0-9]{4})-?(?P<month>[0-9]{2})-?(?P<day>[0-9]{2})[Tt ]"
    r"(?P<hour>[0-9]{2}):?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<zone>[Zz]|(?P<sign>[+-])(?P<zone_hours>[0-9]{2}):?(?P<zone_minutes>[0-9]{2})?)"
)


FAR_FUTURE = 1e11
"""The year 5138. A later moment is a mistake, and a moment after the year 9999 could not be written."""


def epoch_seconds(text: str) -> float | None:
    """Seconds since 1970-01-01 UTC, to the microsecond; ``None`` for other texts, and for a moment without a zone.

    ``None`` also for a moment before 1970 or after the year 5138.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    part = {name: int(match[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")}
    microseconds = int((match["fraction"] or "0").ljust(6, "0")[:6])
    try:
        seconds = datetime(**part, microsecond=microseconds, tzinfo=_zone(match)).timestamp()
    except (ValueError, OverflowError):  # the 31st of February, or a zone of 99 hours
        return None
    return seconds if 0 <= seconds < FAR_FUTURE else None


def _zone(match: re.Match[str]) -> timezone:
    if match["sign"] is None:
        return timezone.utc
    offset = timedelta(hours=int(match["zone_hours"]), minutes=int(match["zone_minutes"] or 0))
    return timezone(-offset if match["sign"] == "-" else offset)
