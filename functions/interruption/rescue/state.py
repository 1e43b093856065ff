"""The state of a call: a frozen value that actions replace and ``decide`` reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from spotkeeper import loop
from spotkeeper.instances import Described, in_stop_mode, manager_of, tags_of
from spotkeeper.load_balancers import Membership

if TYPE_CHECKING:
    from rescue.steps import Step


class Image(Enum):
    """The episode's image."""

    UNKNOWN = "not looked for yet"
    NONE = "not there"
    CREATING = "being created"
    USABLE = "usable"
    FAILED = "failed"


class Replacement(Enum):
    """The instance that takes over."""

    NONE = "not launched"
    STARTING = "starting"
    RUNNING = "running"


@dataclass(frozen=True)
class State(loop.State):
    """All times are seconds since 1970 unless a name says ``_for``.

    ``records`` are the episode's journal records; the other fields (``disks_retained``, ``removed`` …) are what this
    call knows. ``source`` is None before the first look and after the release (``source_seen`` tells which).
    ``lock_seen``: this call has seen the source under the Recycling lock.

    ``memberships`` is None before the search; ``unsearched`` names the load balancers that are not searched yet.
    ``settled`` holds the groups in which a step is done; ``drained``, ``removed`` and ``returned`` mean all groups.
    ``unretained`` names the disks that cannot be retained, with the reason. ``load_balancers_since`` is when this call
    began with the load balancers, and ``drained_at`` when it set the weights to 0, or looked at them.
    """

    entered: float
    notice_end: float
    notice_estimated: bool = False

    loaded: bool = False
    journal_reached: bool = True
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    source: Described | None = None
    source_seen: bool = False
    source_seen_at: float = 0.0
    lock_seen: bool = False

    opened: bool = False

    stopped_at: float | None = None

    disks: tuple[Described, ...] | None = None
    spec_checked: bool = False
    disks_retained: bool = False
    unretained: tuple[str, ...] = ()
    flags_restored: bool = False
    disks_settled: bool = False
    snapshots_complete: bool = False

    memberships: tuple[Membership, ...] | None = None
    unsearched: tuple[str, ...] = ()
    load_balancers_since: float | None = None
    settled: frozenset[tuple[Step, str]] = frozenset()
    drained: bool = False
    drained_at: float | None = None
    drain_waited: bool = False
    removed: bool = False

    image: Image = Image.UNKNOWN
    image_id: str = ""
    snapshot_ids: tuple[str, ...] = ()

    replacement: Replacement = Replacement.NONE
    replacement_id: str = ""
    launched_here: bool = False
    returned: bool = False
    health_asked: bool = False
    health: tuple[tuple[str, str], ...] = ()
    duplicates_checked: bool = False

    not_carried: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups with a membership, by name."""
        return tuple(dict.fromkeys(member.group_name for member in self.memberships or ()))

    def unsettled(self, step: Step) -> tuple[str, ...]:
        """The groups in which a step is not done."""
        return tuple(group for group in self.groups if (step, group) not in self.settled)

    @property
    def gone(self) -> bool:
        """The source was looked for and does not exist."""
        return self.source_seen and self.source is None

    @property
    def has_image(self) -> bool:
        """There is an image, maybe still in creation."""
        return self.image in {Image.CREATING, Image.USABLE}

    @property
    def needs_image(self) -> bool:
        """The source can still be imaged, or its replacement is still to be launched."""
        return not self.gone or self.replacement is Replacement.NONE

    @property
    def stop_mode(self) -> bool:
        """The source is stopped instead of released (``SpotInterruptionBehavior=Stop``)."""
        return in_stop_mode(self.source or self.records.get("event"))

    @property
    def managed_by(self) -> str:
        """The service that replaces the source itself (Auto Scaling, ACK); else empty."""
        recorded = str(self.records.get("event", {}).get("managed_by") or "")
        return manager_of(tags_of(self.source)) if self.source else recorded

    @property
    def stopped(self) -> bool:
        """The source does not run."""
        return self.gone or (self.source is not None and self.source.get("Status") == "Stopped")
