"""Hand instances back to ``state_change`` for which no event will come.

Stopped ones whose next start is due (its back-off or the window is over, or there was no stock), and those in stop mode
that run again although nobody has put them back, or were released.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from spotkeeper.belonging import rescue_of
from spotkeeper.errors import BrokenRecord
from spotkeeper.instances import Described, describe_instances, in_stop_mode, is_held, iso, tags_of
from spotkeeper.restart_rules import Judgement, Verdict, hindrance, judge, judge_again
from spotkeeper.restarts import Ledger
from sweeping.context import Context
from sweeping.decide import HUMAN_WAITS
from sweeping.reader import Reader, tag_parameter, turn
from sweeping.state import Rescue


@dataclass(frozen=True)
class Returning:
    """An instance that may have to be handed back.

    ``about`` is what it waits for: ``restart-<n>``, ``running-<n>``, ``deleted-<n>``. ``needs_human``: no further call
    will change it, and the reason says why.
    """

    instance_id: str
    state: str
    about: str
    due: bool
    reason: str
    needs_human: bool = False

    @property
    def name(self) -> str:
        """``<instance>/<about>``."""
        return f"{self.instance_id}/{self.about}"

    def __str__(self) -> str:
        return f"{self.name}: {'hand back' if self.due else 'leave'} ({self.reason})"


def decide_restart(instance: Described, number: int, judgement: Judgement) -> Returning:
    """What to do about a stopped instance, as ``state_change`` itself would judge."""
    due, given_up = judgement.verdict is Verdict.START, judgement.verdict is Verdict.GIVE_UP
    return Returning(str(instance["InstanceId"]), "Stopped", f"restart-{number}", due, judgement.reason, given_up)


def decide_return(rescue: Rescue, now: float) -> Returning | None:
    """What to do about the open rescue of an instance; None where it is not in stop mode, or cannot be read."""
    if not rescue.open or not in_stop_mode(rescue.event) or rescue.notice_end is None:
        return None
    over, instance = now > rescue.notice_end, rescue.instance
    if instance is None:
        reason = "it is released and its rescue still open"
        return Returning(rescue.instance_id, "Deleted", f"deleted-{rescue.number}", over, reason)
    runs = instance.get("Status") == "Running" and not rescue.locked and not is_held(tags_of(instance), now)
    reason = "it runs again and nobody has put it back" if runs and over else "it does not run again yet"
    return Returning(rescue.instance_id, "Running", f"running-{rescue.number}", runs and over, reason)


@dataclass(frozen=True)
class Returns:
    """Finds the instances that ``state_change`` has to look at, and paces those that were handed over in vain."""

    run: Context

    def stopped(self) -> list[Described]:
        """Stopped instances with the restart tag, in turns: what a sweep has no time for is not always the same."""
        rules = self.run.restarts.restart
        if rules.tag is None:
            return []
        parameters = {"Status": "Stopped", "Tag": [tag_parameter(rules.tag)]}
        found = describe_instances(self.run.ecs, "stopped instances", parameters)
        # A filter that is not understood would show everybody's instances: what is not tagged is not judged.
        ours = [one for one in found if one.get("Status") == "Stopped" and rules.tag.matches(tags_of(one))]
        return sorted(ours, key=lambda one: turn(str(one["InstanceId"]), self.run.now))

    def judged(self, instance: Described) -> Returning:
        """Whether a stopped instance is due, as ``state_change`` itself would judge.

        Raises ``JournalUnavailable``, ``RefusedRecord`` where the journal does not give a record of this instance.
        """
        try:
            return decide_restart(instance, *self._judgement(instance, self.run.now))
        except BrokenRecord as error:
            return Returning(
                str(instance["InstanceId"]), "Stopped", "restart-0", due=False, reason=str(error), needs_human=True
            )

    def _judgement(self, instance: Described, now: float) -> tuple[int, Judgement]:
        """The number of the restart that it waits for and what is to be done; what is not due costs no more reading."""
        rules, journal, home = self.run.restarts.restart, self.run.journal, self.run.home
        if against := hindrance(rules, instance, now):
            return 0, against
        history = Ledger(journal, home, str(instance["InstanceId"])).load(rules, now)
        judgement = judge_again(rules, instance, history, now)
        if judgement.verdict is Verdict.START:
            belongs = rescue_of(journal, home, instance, now)
            judgement = judge(rules, instance, history, now, belongs=belongs)
        return history.number(now), judgement

    def paced(self, one: Returning) -> Returning:
        """The same, unless it was handed back and nothing came of it: then ever more seldom, and at last no more."""
        handed = len(self.run.journal.keys(self._handed(one, ""))) if one.due else 0
        if not handed:
            return one
        if handed > len(HUMAN_WAITS):
            reason = f"handed back {handed} times and its rescue is still open: look at the last error and settle it"
            return replace(one, due=False, reason=reason, needs_human=True)
        due_at = Reader(self.run).written_at(self._handed(one, "1"), self.run.now) + HUMAN_WAITS[handed - 1]
        if due_at <= self.run.now:
            return one
        return replace(one, due=False, reason=f"handed back {handed} times: the next is due at {iso(due_at)}")

    def record(self, one: Returning) -> None:
        """Write down that it was handed over. Raises ``JournalUnavailable``."""
        handed = len(self.run.journal.keys(self._handed(one, "")))
        self.run.journal.create(self._handed(one, str(handed + 1)), {"at": self.run.now})

    def _handed(self, one: Returning, number: str) -> str:
        return f"{self.run.home}/sweeps/{one.instance_id}/{one.about}/{number}"
