"""What a journal record must hold to be of use: one shape per name. Pure.

Whoever can write to the bucket can write anything: what is no JSON object, and what lacks a field or has one of another
type, is a ``BrokenRecord``, before anybody reads a field of it. Fields that nobody reads are nobody's concern, but for
memberships: a field that we do not know could change what is sent to a load balancer.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spotkeeper.errors import BrokenRecord, UnknownFormat
from spotkeeper.events.times import FAR_FUTURE
from spotkeeper.load_balancers import PRODUCTS

Check = Callable[[Any, str], str]
"""Of (value, where it stands): in words, the first thing that is wrong; empty where nothing is."""

EXPIRED = 1_000_000
"""So many episodes or restarts of one instance may be gone: the bucket's lifecycle rule takes the oldest first."""
MISSING = object()
"""Stands for the value of a field that is not there."""
_MEMBER = re.compile(r"((-[0-9]+)+|-i-[a-z0-9]{1,40})$")
_INSTANCE_ID = re.compile(r"i-[a-z0-9]{1,40}")


def in_reach(numbers: Iterable[int], missing: int) -> list[int]:
    """Those that can have been given to records of ours, where so many may be missing.

    Numbers are given one after the other: one that is further from how many there are is nobody's of ours, and no
    number would be left above the largest that is read.
    """
    given = list(numbers)
    return [one for one in given if one <= len(given) + missing]


FORMAT = 1
"""Of all records. A record that names none has this format."""


def written(record: Mapping[str, Any]) -> bytes:
    """The content of a record's object."""
    return json.dumps({"format": FORMAT, **record}).encode()


def parse(content: bytes, key: str) -> dict[str, Any]:
    """The record whose content this is. Raises ``BrokenRecord``, ``UnknownFormat``."""
    try:
        record = json.loads(content.decode(), parse_constant=_no_number, parse_int=_whole, parse_float=_finite)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise BrokenRecord(key, "is not a JSON object")
    known = record.pop("format", FORMAT)
    if problem := INTEGER(known, "format"):
        raise BrokenRecord(key, f"has a wrong field: {problem}")
    if known != FORMAT:
        raise UnknownFormat(key, known)
    return record


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _finite(text: str) -> float:
    """A number that can be reckoned with: whoever subtracts a longer one from a moment gets an ``OverflowError``."""
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _whole(text: str) -> int:
    _finite(text)
    return int(text)


def family(name: str) -> str:
    """The name without its numbers or instance id: ``image-3``, ``launch-request-1-2``, ``launched-i-…``."""
    return _MEMBER.sub("", name)


def checked(name: str, record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """``record``, where it has the shape that its name asks for. Raises ``BrokenRecord`` with the ``key``."""
    shape = SHAPES.get(family(name))
    if shape and (problem := shape(record, "")):
        raise BrokenRecord(key, f"has a wrong field: {problem}")
    return record


def _kind(words: str, fits: Callable[[Any], bool]) -> Check:
    return lambda value, place: "" if fits(value) else f"{place} is not {words}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


TEXT = _kind("a text", lambda value: isinstance(value, str))
INTEGER = _kind("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool))
FLAG = _kind("true or false", lambda value: isinstance(value, bool))
MOMENT = _kind("a moment in seconds since 1970", lambda value: _is_number(value) and 0 <= value < FAR_FUTURE)
SCALAR = _kind("a text, a number or a flag", lambda value: isinstance(value, (str, int, float)))
LIST = _kind("a list", lambda value: isinstance(value, list))
MAPPING = _kind("an object", lambda value: isinstance(value, dict))
INSTANCE_ID = _kind("an instance id", lambda value: isinstance(value, str) and bool(_INSTANCE_ID.fullmatch(value)))


def _first(problems: Any) -> str:
    return next((problem for problem in problems if problem), "")


def optional(check: Check) -> Check:
    """``check`` where there is a value: null and a missing field are none."""
    return lambda value, place: "" if value is None or value is MISSING else check(value, place)


def defaulted(check: Check) -> Check:
    """``check`` where there is a field."""
    return lambda value, place: "" if value is MISSING else check(value, place)


def list_of(check: Check) -> Check:
    """A list of which each element passes ``check``."""
    return lambda value, place: (
        LIST(value, place) or _first(check(one, f"{place}[{index}]") for index, one in enumerate(value))
    )


def map_of(check: Check) -> Check:
    """An object of which each value passes ``check``."""
    return lambda value, place: (
        MAPPING(value, place) or _first(check(one, f"{place}.{key}") for key, one in value.items())
    )


def fields(*, closed: bool = False, **checks: Check) -> Check:
    """An object whose fields pass their checks; ``closed``: it has no others."""

    def check(value: Any, place: str) -> str:
        if problem := MAPPING(value, place or "the record"):
            return problem
        prefix = f"{place}." if place else ""
        unknown = sorted(set(value) - set(checks)) if closed else []
        if unknown:
            return f"{prefix}{unknown[0]} is unknown"
        return _first(one(value.get(name, MISSING), prefix + name) for name, one in checks.items())

    return check


def nullable(check: Check) -> Check:
    """``check``, or null; the field has to be there."""
    return lambda value, place: "" if value is None else check(value, place)


# The fields of ``Membership``, and no others.
MEMBERSHIP = fields(
    closed=True,
    product=_kind("a load balancer product", lambda value: isinstance(value, str) and value in PRODUCTS),
    load_balancer_id=TEXT,
    group_id=TEXT,
    server_id=TEXT,
    port=nullable(INTEGER),
    weight=INTEGER,
    type=TEXT,
    server_ip=defaulted(TEXT),
    description=defaulted(TEXT),
)
AT = fields(at=MOMENT)
TAG = fields(Key=TEXT, Value=TEXT)
DISK = fields(Device=optional(TEXT), Type=optional(TEXT), Category=optional(TEXT), DeleteWithInstance=optional(FLAG))
ONE = _kind("1", lambda value: isinstance(value, int) and value == 1)
RUN = fields(
    Amount=optional(ONE),
    SecurityGroupIds=list_of(TEXT),
    Tag=list_of(TAG),
    SystemDisk=optional(map_of(SCALAR)),
    DataDisk=optional(list_of(map_of(SCALAR))),
    RamRoleName=optional(TEXT),
    UserData=optional(TEXT),
)
LAUNCH_OPTION = fields(add=fields(InstanceType=TEXT, VSwitchId=TEXT, SpotStrategy=TEXT), drops=list_of(TEXT))
LAUNCH_REQUEST = fields(
    round=INTEGER, option=INTEGER, instance_type=TEXT, vswitch_id=TEXT, image_id=TEXT, token=TEXT, at=MOMENT
)
ANSWER = fields(outcome=TEXT, reason=TEXT, warnings=list_of(TEXT), timeline=list_of(MAPPING))

SHAPES: dict[str, Check] = {
    "event": fields(
        notice_end=MOMENT,
        notice_estimated=FLAG,
        time=optional(MOMENT),
        managed_by=optional(TEXT),
        SpotInterruptionBehavior=optional(TEXT),
        launched_by=optional(TEXT),
        server_ids=optional(list_of(TEXT)),
    ),
    "disks": fields(disks=map_of(DISK)),
    "launch-spec": fields(
        run=RUN,
        launch_options=list_of(LAUNCH_OPTION),
        release=optional(TEXT),
        not_carried=list_of(TEXT),
        own_image=TEXT,
        source_type=optional(TEXT),
    ),
    "memberships": fields(
        memberships=list_of(MEMBERSHIP),
        searched=optional(list_of(TEXT)),
        complete=defaulted(FLAG),
        warnings=optional(list_of(TEXT)),
    ),
    "drained": AT,
    "image": AT,
    "failed": fields(image_id=optional(TEXT)),
    "usable": fields(image_id=TEXT, at=MOMENT),
    "launch-request": LAUNCH_REQUEST,
    "launched": lambda value, place: LAUNCH_REQUEST(value, place) or fields(launched_at=MOMENT)(value, place),
    "replacement": fields(
        instance_id=INSTANCE_ID, at=MOMENT, requested_at=optional(MOMENT), launch_option=TEXT, drops=list_of(TEXT)
    ),
    "handed-over": fields(to=TEXT, at=MOMENT),
    "running": AT,
    "serving": AT,
    "done": fields(at=MOMENT, answer=ANSWER),
    "lost": fields(reason=TEXT, at=MOMENT),
}
"""By the name of the record, or of its ``family``. A record of another name has any shape."""
