"""The instance of an event, as the functions' own parser reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator import fleet

if TYPE_CHECKING:
    from spotkeeper.events.notification import Kind

REGION = "cn-hangzhou"


@dataclass(frozen=True)
class Subject:
    """``event`` is the typed view of an event of ``kind``; a missing value is as in the sample events."""

    kind: Kind
    event: Any = None

    @property
    def function(self) -> str:
        """The function that the event belongs to; ``interruption`` for an event of no function."""
        kinds = {"TIMER": "sweep", "STATE_CHANGE": "state_change"}
        hooks = dict.fromkeys(("LIFECYCLE_HOOK", "LIFECYCLE_HOOK_TEST", "CHECK"), "lifecycle_hook")
        return {**kinds, **hooks}.get(self.kind.name, "interruption")

    @property
    def instance_id(self) -> str:
        """The instance."""
        return getattr(self.event, "instance_id", None) or fleet.INSTANCE_ID

    @property
    def region(self) -> str:
        """The region."""
        return getattr(self.event, "region", None) or REGION

    @property
    def account_id(self) -> str:
        """The account."""
        return getattr(self.event, "account_id", None) or fleet.ACCOUNT_ID

    @property
    def sent_at(self) -> float:
        """When the event was sent, seconds since 1970."""
        sent = getattr(self.event, "time", None) or getattr(self.event, "trigger_time", None)
        return float(sent or fleet.EVENT_TIME)


def subject_of(raw: bytes) -> Subject:
    """The first event in ``raw`` that belongs to a function; a malformed event is left to the function."""
    from spotkeeper.errors import MalformedEvent  # noqa: PLC0415 - on the path since load()
    from spotkeeper.events.envelopes import unwrap  # noqa: PLC0415
    from spotkeeper.events.kinds import CheckOnDemand, Interruption, LifecycleHook, StateChange, Timer  # noqa: PLC0415
    from spotkeeper.events.notification import Kind, Notification  # noqa: PLC0415

    views: dict[Kind, Any] = {
        Kind.INTERRUPTION: Interruption,
        Kind.STATE_CHANGE: StateChange,
        Kind.LIFECYCLE_HOOK: LifecycleHook,
        Kind.CHECK: CheckOnDemand,
        Kind.TIMER: Timer,
    }
    try:
        for found in unwrap(raw):
            if isinstance(found, Notification) and found.kind in views:
                return Subject(found.kind, views[found.kind].of(found, REGION))
            if isinstance(found, Notification) and found.kind is Kind.LIFECYCLE_HOOK_TEST:
                return Subject(found.kind)
    except MalformedEvent:
        pass
    return Subject(Kind.OTHER)
