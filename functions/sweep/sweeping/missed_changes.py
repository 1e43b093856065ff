"""State changes whose event does not come: ``state_change`` is invoked with them.

A stopped instance whose next start is due (after a back-off, a window or a refused start), and an instance in stop mode
that runs again without its memberships, or that was released.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from spotkeeper.belonging import rescue_of
from spotkeeper.errors import InaccessibleRecord, UnreadableRecord
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import Described, describe_instances, in_stop_mode, is_held, iso, tags_of
from spotkeeper.restart_decision import RestartAction, decide_next_try, decide_restart, not_restartable
from spotkeeper.restart_records import Ledger
from sweeping.context import Context
from sweeping.decide import HUMAN_WAITS
from sweeping.observe import written_at
from sweeping.state import RescueState


@dataclass(frozen=True)
class MissedChange:
    """An instance for which ``state_change`` may have to be invoked with ``state``.

    ``about`` is what it waits for: ``restart-<n>``, ``running-<n>``, ``deleted-<n>``. ``needs_human``: no further call
    will change it, and the reason says why. ``episode`` is its rescue, ``<instance>/<n>``, if any.
    Invocations are counted anew when the instance was started again: ``started_at``, in seconds since 1970, 0 where it
    is released or Describe does not tell.
    """

    instance_id: str
    state: str
    about: str
    due: bool
    reason: str
    needs_human: bool = False
    episode: str = ""
    started_at: int = 0

    @property
    def name(self) -> str:
        """``<instance>/<about>``."""
        return f"{self.instance_id}/{self.about}"

    def __str__(self) -> str:
        return f"{self.name}: {'invoke state_change' if self.due else 'leave'} ({self.reason})"


def of_rescue(rescue: RescueState, now: float) -> MissedChange | None:
    """The change that an open rescue in stop mode waits for; None for another rescue, and an unknown instance."""
    if rescue.unknown or not rescue.open or not in_stop_mode(rescue.event) or rescue.notice_end is None:
        return None
    over, instance, episode = now > rescue.notice_end, rescue.instance, rescue.name
    if instance is None:
        reason = "the instance is released and its rescue is still open"
        return MissedChange(rescue.instance_id, "Deleted", f"deleted-{rescue.number}", over, reason, episode=episode)
    runs = instance.get("Status") == "Running" and not rescue.locked and not is_held(tags_of(instance), now)
    reason = "it runs again and no call has restored its memberships" if runs and over else "it does not run again yet"
    return MissedChange(
        rescue.instance_id,
        "Running",
        f"running-{rescue.number}",
        runs and over,
        reason,
        episode=episode,
        started_at=int(epoch_seconds(str(instance.get("StartTime") or "")) or 0),
    )


def stopped(run: Context) -> list[Described]:
    """Stopped instances with the restart tag, in turns: a sweep may have no time for all of them."""
    tag = run.settings.restart.tag
    if tag is None:
        return []
    found = describe_instances(run.ecs, "stopped instances", {"Status": "Stopped", "Tag": [tag.parameter]})
    # A filter that the API does not understand would show all instances.
    ours = (instance for instance in found if instance.get("Status") == "Stopped" and tag.matches(tags_of(instance)))
    return sorted(ours, key=lambda instance: run.turn(str(instance["InstanceId"])))


def of_stopped(run: Context, instance: Described) -> MissedChange:
    """Whether the start of a stopped instance is due, as ``state_change`` decides.

    Raises ``JournalUnavailable``, and ``InaccessibleRecord`` for a record of this instance.
    """
    instance_id, rules, number = str(instance["InstanceId"]), run.settings.restart, 0
    decision = not_restartable(rules, instance, run.now)  # an instance that is not due costs no further reading
    try:
        if decision is None:
            history = Ledger(run.journal, run.home, instance_id).load(rules, run.now)
            number, decision = history.number(run.now), decide_next_try(rules, instance, history, run.now)
            if decision.action is RestartAction.START:
                belongs = rescue_of(run.journal, run.home, instance, run.now)
                decision = decide_restart(rules, instance, history, run.now, belongs=belongs)
    except InaccessibleRecord:
        raise
    except UnreadableRecord as error:
        return MissedChange(instance_id, "Stopped", "restart-0", due=False, reason=str(error), needs_human=True)
    due, given_up = decision.action is RestartAction.START, decision.action is RestartAction.GIVE_UP
    return MissedChange(instance_id, "Stopped", f"restart-{number}", due, decision.reason, given_up)


def paced(run: Context, change: MissedChange) -> MissedChange:
    """The change, with growing pauses after invocations that did not close its rescue, and an end."""
    count = len(run.journal.keys(_key(run, change, ""))) if change.due else 0
    if not count:
        return change
    if count > len(HUMAN_WAITS):
        reason = f"state_change was invoked {count} times and the rescue is still open: look at its last error"
        return replace(change, due=False, reason=reason, needs_human=True)
    due_at = written_at(run, _key(run, change, "1")) + HUMAN_WAITS[count - 1]
    if due_at <= run.now:
        return change
    reason = f"state_change was invoked {count} times: the next invocation is due at {iso(due_at)}"
    return replace(change, due=False, reason=reason)


def record(run: Context, change: MissedChange) -> None:
    """Record an invocation. Raises ``JournalUnavailable``."""
    count = len(run.journal.keys(_key(run, change, "")))
    run.journal.create(_key(run, change, str(count + 1)), {"at": run.now})


def _key(run: Context, change: MissedChange, number: str) -> str:
    return f"{run.home}/sweeps/{change.instance_id}/{change.about}/{change.started_at}-{number}"
