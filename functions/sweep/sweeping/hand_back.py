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
from spotkeeper.settings import HandBackSettings
from sweeping.act import MINUTE, Hands, envelope
from sweeping.decide import HUMAN_WAITS
from sweeping.facts import Rescue
from sweeping.observe import Observer, tag_parameter, turn


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
class HandBack:
    """The eyes and hands of one sweep for ``state_change``."""

    observer: Observer
    hands: Hands
    settings: HandBackSettings

    def stopped(self, now: float) -> list[Described]:
        """Stopped instances with the restart tag, in turns: what a sweep has no time for is not always the same."""
        rules = self.settings.restart
        if rules.tag is None:
            return []
        parameters = {"Status": "Stopped", "Tag": [tag_parameter(rules.tag)]}
        found = describe_instances(self.observer.ecs, "stopped instances", parameters)
        # A filter that is not understood would show everybody's instances: what is not tagged is not judged.
        ours = [one for one in found if one.get("Status") == "Stopped" and rules.tag.matches(tags_of(one))]
        return sorted(ours, key=lambda one: turn(str(one["InstanceId"]), now))

    def judged(self, instance: Described, now: float) -> Returning:
        """Whether a stopped instance is due, as ``state_change`` itself would judge.

        Raises ``JournalUnavailable``, ``RefusedRecord`` where the journal does not give a record of this instance.
        """
        try:
            return decide_restart(instance, *self._judgement(instance, now))
        except BrokenRecord as error:
            return Returning(
                str(instance["InstanceId"]), "Stopped", "restart-0", due=False, reason=str(error), needs_human=True
            )

    def _judgement(self, instance: Described, now: float) -> tuple[int, Judgement]:
        """The number of the restart that it waits for and what is to be done; what is not due costs no more reading."""
        rules, journal, home = self.settings.restart, self.observer.journal, self.observer.home
        if against := hindrance(rules, instance, now):
            return 0, against
        history = Ledger(journal, home, str(instance["InstanceId"])).load(rules, now)
        judgement = judge_again(rules, instance, history, now)
        if judgement.verdict is Verdict.START:
            belongs = rescue_of(journal, home, instance, now)
            judgement = judge(rules, instance, history, now, belongs=belongs)
        return history.number(now), judgement

    def paced(self, one: Returning, now: float) -> Returning:
        """The same, unless it was handed back and nothing came of it: then ever more seldom, and at last no more."""
        handed = len(self.observer.journal.keys(self._handed(one, ""))) if one.due else 0
        if not handed:
            return one
        if handed > len(HUMAN_WAITS):
            reason = f"handed back {handed} times and its rescue is still open: look at the last error and settle it"
            return replace(one, due=False, reason=reason, needs_human=True)
        due_at = self.observer.written_at(self._handed(one, "1"), now) + HUMAN_WAITS[handed - 1]
        if due_at <= now:
            return one
        return replace(one, due=False, reason=f"handed back {handed} times: the next is due at {iso(due_at)}")

    def give_back(self, one: Returning, now: float) -> None:
        """Hand it over, and write down that this was done. Raises ``CloudError``, ``JournalUnavailable``."""
        self.hand_over(one, now)
        handed = len(self.observer.journal.keys(self._handed(one, "")))
        self.observer.journal.create(self._handed(one, str(handed + 1)), {"at": now})

    def _handed(self, one: Returning, number: str) -> str:
        return f"{self.hands.home}/sweeps/{one.instance_id}/{one.about}/{number}"

    def hand_over(self, one: Returning, now: float) -> None:
        """Invoke the state_change function asynchronously, at most once a minute for one stop. Raises ``CloudError``.

        The event has no time: nobody knows when it stopped, or began to run.
        """
        task_id = f"{one.instance_id}-{one.about}-{int(now // MINUTE)}"
        event = {
            **envelope(self.hands.home, one.instance_id, task_id),
            "type": "ecs:Instance:StateChange",
            "data": {"resourceId": one.instance_id, "resourceType": "ALIYUN::ECS::Instance", "state": one.state},
        }
        self.hands.functions.hand_over(self.settings.state_change_function, event, task_id)
