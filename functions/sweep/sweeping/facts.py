"""What one sweep has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spotkeeper.instances import Described


@dataclass(frozen=True)
class Rescue:
    """One instance that may need a rescue: under the lock, or with an episode, or both.

    ``instance`` is None where DescribeInstances does not show it. ``records`` are the names of the episode's records
    (none: no episode). ``notice_end``, ``opened_at`` and ``working_until`` (the latest deadline of its attempts) are
    seconds since 1970, None where nobody has written them down. ``unreadable`` says why its records cannot be read.
    """

    instance_id: str
    number: int
    instance: Described | None = None
    locked: bool = False
    records: frozenset[str] = frozenset()
    event: Mapping[str, Any] = field(default_factory=dict)
    notice_end: float | None = None
    opened_at: float | None = None
    working_until: float | None = None
    image_held: bool = False
    unreadable: str = ""

    @property
    def name(self) -> str:
        """``<instance>/<episode>``."""
        return f"{self.instance_id}/{self.number}"

    @property
    def open(self) -> bool:
        """Begun and not ended."""
        return "event" in self.records and not self.records & {"done", "lost"}


@dataclass(frozen=True)
class Leftover:
    """What a finished rescue left: its image with the snapshots behind it, and the disks that it kept from release.

    ``image`` is None where it does not exist any more; ``disks`` are those that still exist. ``unreadable`` says why
    its records cannot be read: nothing else of it is known then.
    """

    instance_id: str
    number: int
    finished_at: float = 0.0
    image_id: str = ""
    image: Described | None = None
    snapshot_ids: tuple[str, ...] = ()
    disks: tuple[Described, ...] = ()
    held: bool = False
    source_stands: bool = False
    unreadable: str = ""

    @property
    def name(self) -> str:
        """``<instance>/<episode>``."""
        return f"{self.instance_id}/{self.number}"
