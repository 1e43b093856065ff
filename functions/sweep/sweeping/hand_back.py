"""Hand instances back to ``state_change`` for which no event will come.

Stopped ones whose next start is due (its back-off or the window is over, or there was no stock), and those in stop mode
that run again although nobody has put them back, or were released.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spotkeeper.belonging import rescue_of
from spotkeeper.errors import BrokenRecord
from spotkeeper.instances import Described, describe_instances, in_stop_mode, is_held, locked, tags_of
from spotkeeper.restart_rules import Judgement, Verdict, hindrance, judge, judge_again
from spotkeeper.restarts import Ledger
from spotkeeper.settings import HandBackSettings
from sweeping.act import MINUTE, Hands, envelope
from sweeping.observe import Key, Observer, is_open, tag_parameter


@dataclass(frozen=True)
class Returning:
    """An instance that may have to be handed back.

    ``about`` is what it waits for: ``restart-<n>``, ``running-<n>``, ``deleted-<n>``. ``unreadable``: its records
    cannot be read, and the reason says why.
    """

    instance_id: str
    state: str
    about: str
    due: bool
    reason: str
    unreadable: bool = False

    @property
    def name(self) -> str:
        """``<instance>/<about>``."""
        return f"{self.instance_id}/{self.about}"

    def __str__(self) -> str:
        return f"{self.name}: {'hand back' if self.due else 'leave'} ({self.reason})"


def decide_restart(instance: Described, number: int, judgement: Judgement) -> Returning:
    """What to do about a stopped instance, as ``state_change`` itself would judge."""
    due = judgement.verdict is Verdict.START
    return Returning(str(instance["InstanceId"]), "Stopped", f"restart-{number}", due, judgement.reason)


def decide_return(key: Key, event: Mapping[str, Any], instance: Described | None, now: float) -> Returning | None:
    """What to do about the open rescue of an instance; None where it is not in stop mode."""
    if not in_stop_mode(event):
        return None
    over = now > float(event.get("notice_end") or 0.0)
    if instance is None:
        return Returning(key[0], "Deleted", f"deleted-{key[1]}", over, "it is released and its rescue still open")
    runs = instance.get("Status") == "Running" and not locked(instance) and not is_held(tags_of(instance), now)
    reason = "it runs again and nobody has put it back" if runs and over else "it does not run again yet"
    return Returning(key[0], "Running", f"running-{key[1]}", runs and over, reason)


@dataclass(frozen=True)
class HandBack:
    """The eyes and hands of one sweep for ``state_change``."""

    observer: Observer
    hands: Hands
    settings: HandBackSettings

    def returning(self, index: Mapping[Key, set[str]], now: float) -> list[Returning]:
        """Every instance that waits for a restart, or to be put back."""
        return [*self._stopped(now), *self._stop_mode(index, now)]

    def _stopped(self, now: float) -> Iterator[Returning]:
        rules = self.settings.restart
        if rules.tag is None:
            return
        parameters = {"Status": "Stopped", "Tag": [tag_parameter(rules.tag)]}
        # A filter that is not understood would show everybody's instances: what is not tagged is not judged.
        for instance in list(describe_instances(self.observer.ecs, "stopped instances", parameters)):
            if instance.get("Status") == "Stopped" and rules.tag.matches(tags_of(instance)):
                yield self._judged(instance, now)

    def _judged(self, instance: Described, now: float) -> Returning:
        try:
            return decide_restart(instance, *self._judgement(instance, now))
        except BrokenRecord as error:
            return Returning(
                str(instance["InstanceId"]), "Stopped", "restart-0", due=False, reason=str(error), unreadable=True
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

    def _stop_mode(self, index: Mapping[Key, set[str]], now: float) -> Iterable[Returning]:
        latest = dict(sorted(index))
        waiting = [(one, number) for one, number in latest.items() if is_open(index[one, number])]
        described = self.observer.instances(one for one, _ in waiting)
        found = (self._waiting(key, described.get(key[0]), now) for key in waiting)
        return [one for one in found if one]

    def _waiting(self, key: Key, instance: Described | None, now: float) -> Returning | None:
        try:
            return decide_return(key, self.observer.read(key, "event"), instance, now)
        except BrokenRecord:
            return None  # reported among the rescues

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
