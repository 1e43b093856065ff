"""The state of a rescue, and of the leftovers of a finished rescue, as a sweep has read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spotkeeper.episode import EpisodeKey, has_attempt
from spotkeeper.errors import InaccessibleRecord, SpotkeeperError
from spotkeeper.instances import Described
from spotkeeper.signs_of_life import HUMAN, Sign


@dataclass(frozen=True)
class RescueState:
    """An instance that may need a rescue: under the lock, or with an episode, or both.

    ``instance`` is None where DescribeInstances does not show it, and where that was refused (``unknown``).
    ``records`` are the names of the episode's records (empty: no episode, or a call is working on it). ``notice_end``
    and ``opened_at`` are seconds since 1970, None where they are not recorded. ``signs`` are its calls' signs of life,
    ``invocations`` counts the accepted invocations since an error that needs a human; ``newly_locked``: the last of
    them found no lock, and now there is one.
    ``locked_later``: the lock is there long after the notice of its rescue (``episode.LATER_EVENT_SECONDS``).
    ``unreadable`` says why its records cannot be read, ``error`` is the error of an inaccessible record.
    ``indexed``: it is open by the index.
    """

    instance_id: str
    number: int
    instance: Described | None = None
    unknown: bool = False
    locked: bool = False
    records: frozenset[str] = frozenset()
    event: Mapping[str, Any] = field(default_factory=dict)
    end: Mapping[str, Any] = field(default_factory=dict)
    notice_end: float | None = None
    opened_at: float | None = None
    signs: tuple[Sign, ...] = ()
    invocations: int = 0
    newly_locked: bool = False
    locked_later: bool = False
    image_held: bool = False
    managed: bool = True
    indexed: bool = False
    unreadable: str = ""
    error: InaccessibleRecord | None = None

    @property
    def name(self) -> str:
        """``<instance>/<episode>``."""
        return f"{self.instance_id}/{self.number}"

    @property
    def about(self) -> dict[str, str]:
        """The fields of its audit records."""
        return {"instance_id": self.instance_id, "episode": self.name}

    @property
    def key(self) -> EpisodeKey:
        """Instance id and number of the episode."""
        return self.instance_id, self.number

    @property
    def open(self) -> bool:
        """Begun and not ended; also where a call died before the event, unless the instance is known to be well."""
        died = has_attempt(self.records) and (self.locked or self.instance is None)
        return ("event" in self.records or died) and not self.ended

    @property
    def ended(self) -> bool:
        """Done or lost."""
        return bool(self.records & {"done", "lost"})

    @property
    def alive_at(self) -> float | None:
        """The latest sign of life of a call that has not ended; None without any."""
        latest = {sign.attempt: sign for sign in self.signs}  # in their order: the last sign stays
        return max((float(sign.at) for sign in latest.values() if not sign.ending), default=None)

    @property
    def needs_human_since(self) -> float | None:
        """The end of the first call with an error that needs a human; None unless the latest call ended so too."""
        endings = [sign for sign in self.signs if sign.ending]
        if not endings or endings[-1].ending != HUMAN:
            return None
        return min(float(sign.at) for sign in endings if sign.ending == HUMAN)


@dataclass(frozen=True)
class Leftover:
    """The leftovers of a finished rescue: its image with its snapshots, and its retained disks.

    ``image`` is None where it does not exist any more; ``disks`` are the existing disks. ``released_by``: until then
    the source's release may have detached them. ``unreadable`` says why its records cannot be read, and then nothing
    else is known; ``error`` is the error of the journal or of the API. ``cleaned``: the clean-up is finished.
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
    error: SpotkeeperError | None = None

    @property
    def name(self) -> str:
        """``<instance>/<episode>``."""
        return f"{self.instance_id}/{self.number}"

    @property
    def about(self) -> dict[str, str]:
        """The fields of its audit records."""
        return {"instance_id": self.instance_id, "episode": self.name}
