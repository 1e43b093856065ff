"""A deliberate bug: an exact text that stands once in one file, and what stands there instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """``before`` stands exactly once in ``path``. ``kind``: of the scenarios of ``chaos`` that have to show it."""

    name: str
    path: str
    before: str
    after: str
    kind: str = "rescue"


class BugDoesNotFitError(Exception):
    """The file has changed since the bug was written: say the bug anew."""


def put_into(bug: Bug, source: str) -> str:
    """The file with the bug.

    Raises BugDoesNotFitError.
    """
    if (found := source.count(bug.before)) != 1:
        raise BugDoesNotFitError(f"{bug.name}: its text stands {found} times in {bug.path}, not once")
    return source.replace(bug.before, bug.after)
