"""The shapes of journal records, by name. Pure.

Every program with access to the bucket can write records: text that is no JSON object, a missing field and a field of
another type are a ``BrokenRecord``. Unknown fields are allowed, except in memberships, where an unknown field could
change the request to a load balancer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from spotkeeper.errors import BrokenRecord, UnknownFormat
from spotkeeper.events.text import read_json
from spotkeeper.events.times import FAR_FUTURE
from spotkeeper.load_balancers import PRODUCTS

Check = Callable[[Any, str], str]
"""Given a value and its place, returns the first problem in words; empty where there is none."""

EXPIRED = 1_000_000
"""So many episodes or restarts of an instance may have expired: the bucket's lifecycle rule takes the oldest first."""
MISSING = object()
"""The value of a missing field."""
_MEMBER = re.compile(r"((-[0-9]+)+|-i-[a-z0-9]{1,40})$")
_INSTANCE_ID = re.compile(r"i-[a-z0-9]{1,40}")


def in_reach(numbers: Iterable[int], missing: int) -> list[int]:
    """The numbers that Spotkeeper's records can have, where ``missing`` records may be gone.

    Records are numbered without gaps: a number that exceeds their count by more than ``missing`` is foreign.
    """
    given = list(numbers)
    return [number for number in given if number <= len(given) + missing]


FORMAT = 1
"""The format of all records, also of records without a format."""


def written(record: Mapping[str, Any]) -> bytes:
    """The content of the object of a record."""
    return json.dumps({"format": FORMAT, **record}).encode()


def parse(content: bytes, key: str) -> dict[str, Any]:
    """The record in the content of an object. Raises ``BrokenRecord``, ``UnknownFormat``."""
    try:
        record = read_json(content.decode())
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise BrokenRecord(key, "is not a JSON object")
    known = record.pop("format", FORMAT)
    if problem := INTEGER(known, "format"):
        raise BrokenRecord(key, f"has a wrong field: {problem}")
    if known != FORMAT:
        raise UnknownFormat(
            f"journal record {key} has format {known}, which this version of Spotkeeper cannot read: a later version "
            "wrote it. Deploy that version, or move the record away"
        )
    return record


def family(name: str) -> str:
    """The name without its numbers or instance id: ``image-3``, ``launch-request-1-2``, ``launched-i-…``."""
    return _MEMBER.sub("", name)


def checked(name: str, record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """``record``, if it has the shape of its name. Raises ``BrokenRecord`` with the ``key``."""
    shape = SHAPES.get(family(name))
    if shape and (problem := shape(record, "")):
        raise BrokenRecord(key, f"has a wrong field: {problem}")
    return record


def _kind(words: str, fits: Callable[[Any], bool]) -> Check:
    return lambda value, place: "" if fits(value) else f"{place} is not {words}"


TEXT = _kind("a text", lambda value: isinstance(value, str))
INTEGER = _kind("a whole number", lambda value: type(value) is int)
FLAG = _kind("true or false", lambda value: isinstance(value, bool))
MOMENT = _kind("a moment in seconds since 1970", lambda value: type(value) in (int, float) and 0 <= value < FAR_FUTURE)
SCALAR = _kind("a text, a number or a flag", lambda value: isinstance(value, (str, int, float)))
LIST = _kind("a list", lambda value: isinstance(value, list))
MAPPING = _kind("an object", lambda value: isinstance(value, dict))
INSTANCE_ID = _kind("an instance id", lambda value: isinstance(value, str) and bool(_INSTANCE_ID.fullmatch(value)))


def _first(problems: Any) -> str:
    return next((problem for problem in problems if problem), "")


def optional(check: Check) -> Check:
    """``check``, or null, or a missing field."""
    return lambda value, place: "" if value is None or value is MISSING else check(value, place)


def defaulted(check: Check) -> Check:
    """``check``, or a missing field."""
    return lambda value, place: "" if value is MISSING else check(value, place)


def list_of(check: Check) -> Check:
    """A list whose elements pass ``check``."""
    return lambda value, place: (
        LIST(value, place) or _first(check(element, f"{place}[{index}]") for index, element in enumerate(value))
    )


def map_of(check: Check) -> Check:
    """An object whose values pass ``check``."""
    return lambda value, place: (
        MAPPING(value, place) or _first(check(element, f"{place}.{key}") for key, element in value.items())
    )


def fields(*, closed: bool = False, **checks: Check) -> Check:
    """An object whose fields pass their checks; ``closed``: unknown fields are a problem."""

    def check(value: Any, place: str) -> str:
        if problem := MAPPING(value, place or "the record"):
            return problem
        prefix = f"{place}." if place else ""
        unknown = sorted(set(value) - set(checks)) if closed else []
        if unknown:
            return f"{prefix}{unknown[0]} is unknown"
        return _first(field_check(value.get(name, MISSING), prefix + name) for name, field_check in checks.items())

    return check


def nullable(check: Check) -> Check:
    """``check``, or null."""
    return lambda value, place: "" if value is None else check(value, place)


# The fields of ``Membership``.
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
