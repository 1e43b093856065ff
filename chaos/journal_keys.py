"""Where the journal keeps what: the one place here that knows how its keys are made."""

from __future__ import annotations

import re
from dataclasses import dataclass

_KEY = re.compile(r".*/rescues/(?P<instance>i-[a-z0-9]{1,40})/(?P<number>[0-9]{1,9})/(?P<name>[a-z0-9.-]+)\.json")


@dataclass(frozen=True)
class Record:
    """A record of an episode."""

    instance_id: str
    number: str
    name: str

    def is_of(self, instance_id: str, number: int) -> bool:
        """Whether it belongs to this episode."""
        return (self.instance_id, self.number) == (instance_id, str(number))


def record_of(key: str) -> Record | None:
    """The record that an object's key, or the path of a request, stands for; None for what is no rescue's record."""
    found = _KEY.fullmatch(key)
    return Record(found["instance"], found["number"], found["name"]) if found else None
