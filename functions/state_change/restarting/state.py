"""The state of a state change: a frozen value that actions replace and ``decide`` reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from spotkeeper import loop
from spotkeeper.events.kinds import StateChange
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import Described, in_stop_mode, is_spot, manager_of, tags_of
from spotkeeper.load_balancers.membership import Records
from spotkeeper.restart_records import History


@dataclass(frozen=True)
class State(loop.State):
    """All times are seconds since 1970.

    ``instance`` is None before the first look (``looked``) and where Describe does not show it. ``rescue`` holds the
    records of the instance's latest episode where it is in stop mode. ``belongs`` is the reason why it belongs to a
    rescue; None where the instance was not stopped. The other fields are about this call: ``stopped_here`` (it has seen
    the instance stopped), ``asked_at`` (it has requested a start), ``ran`` (it has recorded that the instance ran
    again), ``serves`` and ``lost`` (memberships are restored, except for these), ``closed`` (the rescue is closed;
    ``stays``: why its entry in the index stays).
    """

    event: StateChange

    looked: bool = False
    instance: Described | None = None

    loaded: bool = False
    looked_since_loaded: bool = False
    looked_since_served: bool = False
    history: History = field(default_factory=History)
    rescue: Records = field(default_factory=dict)
    belongs: str | None = None

    stopped_here: bool = False
    asked_at: float | None = None
    ran: bool = False
    serves: bool = False
    lost: tuple[str, ...] = ()
    closed: bool = False
    reported: bool = False
    stays: str = ""

    @property
    def status(self) -> str:
        """The last status of the instance; empty where Describe did not show it."""
        return str((self.instance or {}).get("Status") or "")

    @property
    def started_by(self) -> float:
        """The end of the minute in which the instance was started last; now, where Describe does not tell.

        StartTime of DescribeInstances has no seconds ("yyyy-MM-ddTHH:mmZ").
        """
        minute = epoch_seconds(str((self.instance or {}).get("StartTime") or ""))
        return self.now if minute is None else min(minute + 60.0, self.now)

    @property
    def stop_mode(self) -> bool:
        """Whether it is a spot instance that is stopped when it is reclaimed."""
        return self.instance is not None and is_spot(self.instance) and in_stop_mode(self.instance)

    @property
    def rescue_open(self) -> bool:
        """Whether its rescue has begun and its memberships are not restored."""
        return in_stop_mode(self.rescue.get("event")) and not {"done", "lost"} & set(self.rescue)

    @property
    def managed_by(self) -> str:
        """The service that restores its memberships itself (Auto Scaling, ACK), now or at its rescue; else empty."""
        recorded = str(self.rescue.get("event", {}).get("managed_by") or "")
        return manager_of(tags_of(self.instance)) or recorded

    @property
    def runs_again(self) -> bool:
        """Whether it was stopped since its rescue drained it: the notice is over, or a call has seen it stopped."""
        drained = float(self.rescue.get("drained", {}).get("at", self.now))
        notice_end = float(self.rescue.get("event", {}).get("notice_end", 0.0))
        # The instance ran when it was drained, so a later event, Stopped or Running, comes after a stop.
        changed = self.event.time is not None and self.event.time > drained
        return self.stopped_here or self.now > notice_end or changed
