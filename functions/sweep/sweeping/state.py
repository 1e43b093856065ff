"""What one sweep has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spotkeeper.errors import RefusedRecord, SpotkeeperError
from spotkeeper.hints import HUMAN, Key, Sign
from spotkeeper.instances import Described


@dataclass(frozen=True)
class Rescue:
    """One instance that may need a rescue: under the lock, or with an episode, or both.

    ``instance`` is None where DescribeInstances does not show it. ``records`` are the names of the episode's records
    (none: no episode, or a call works on it and nobody looked). ``notice_end`` and ``opened_at`` are seconds since
    1970, None where nobody has written them down. ``signs`` are its calls' signs of life, ``handed`` is how often it
    was handed over since an error that needs a human. ``unreadable`` says why its records cannot be read, ``refusal``
    is the error where the journal does not give them. ``indexed``: the index says that it is open.
    """

    instance_id: str
    number: int
    instance: Described | None = None
    locked: bool = False
    records: frozenset[str] = frozenset()
    event: Mapping[str, Any] = field(default_factory=dict)
    end: Mapping[str, Any] = field(default_factory=dict)
    notice_end: float | None = None
    opened_at: float | None = None
    signs: tuple[Sign, ...] = ()
    handed: int = 0
    image_held: bool = False
    managed: bool = True
    indexed: bool = False
    unreadable: str = ""
    refusal: RefusedRecord | None = None

    @property
    def name(self) -> str:
        """``<instance>/<episode>``."""
        return f"{self.instance_id}/{self.number}"

    @property
    def key(self) -> Key:
        """Instance id and number of the episode."""
        return self.instance_id, self.number

    @property
    def open(self) -> bool:
        """Begun and not ended."""
        return "event" in self.records and not self.records & {"done", "lost"}

    @property
    def alive_at(self) -> float | None:
        """The latest sign of life of a call that has not said that it ended; None without any."""
        latest = {one.attempt: one for one in self.signs}  # in their order: the last one stays
        return max((float(one.at) for one in latest.values() if not one.ending), default=None)

    @property
    def needs_human_since(self) -> float | None:
        """When the first call ended with an error that does not pass by itself; None unless the latest one did too."""
        endings = [one for one in self.signs if one.ending]
        if not endings or endings[-1].ending != HUMAN:
            return None
        return min(float(one.at) for one in endings if one.ending == HUMAN)


@dataclass(frozen=True)
class Leftover:
    """What a finished rescue left: its image with the snapshots behind it, and the disks that it kept from release.

    ``image`` is None where it does not exist any more; ``disks`` are those that still exist. ``released_by``: until
    then the source's release may have detached them. ``unreadable`` says why it cannot be read: nothing else of it is
    known then; ``refusal`` is the error where journal or API refuse it. ``cleaned``: nothing is left to be done.
    """

    instance_id: str
    number: int
    finished_at: float = 0.0
    image_id: str = ""
    image: Described | None = None
    snapshot_ids: tuple[str, ...] = ()
    disks: tuple[Described, ...] = ()
    released_by: float = 0.0
    held: bool = False
    source_stands: bool = False
    finished: bool = True
    cleaned: bool = False
    unreadable: str = ""
    refusal: SpotkeeperError | None = None

    @property
    def name(self) -> str:
        """``<instance>/<episode>``."""
        return f"{self.instance_id}/{self.number}"
