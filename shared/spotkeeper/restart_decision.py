"""The decision whether a stopped instance is started again. Pure; every decision has a reason.

``state_change`` decides after an event, ``sweep`` where no event will come any more. The limit and its window are
settings (``settings.state_change``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import HELD, Described, held_until, iso, lock_reasons, locked, manager_of, tags_of
from spotkeeper.restart_records import History, Restart
from spotkeeper.settings.state_change import RestartRules

FIRST_PAUSE = 60.0
"""Seconds between the first and the second restart in a window; doubled with each further restart."""
LONGEST_PAUSE = 900.0
"""The longest pause of the sweep between two refused starts, in seconds: 60 at first, doubled each time."""


class RestartAction(Enum):
    """What is done about a stopped instance."""

    START = "start it"
    WAIT = "wait for a start that is under way"
    LATER = "start it later"
    LIMIT = "leave it alone until the window is over"
    LEAVE = "leave it alone"
    GIVE_UP = "leave it to a human"


@dataclass(frozen=True)
class RestartDecision:
    """An action and its reason, a clause about the instance; ``due_at`` is the end of LATER and LIMIT."""

    action: RestartAction
    reason: str
    due_at: float | None = None


def not_restartable(rules: RestartRules, instance: Described, now: float) -> RestartDecision | None:
    """The decision against a start that needs no journal: tag, manager, status, locks, hold."""
    reasons = (reason for applies, reason in _against(rules, instance, now) if applies)
    if reason := next(reasons, None):
        return RestartDecision(RestartAction.LEAVE, reason)
    end = held_until(tags_of(instance))
    if end is None or end <= now:
        return None
    if end == math.inf:
        return RestartDecision(RestartAction.LEAVE, HELD)
    return RestartDecision(RestartAction.LATER, f"{HELD} until {iso(end)}", end)


def _against(rules: RestartRules, instance: Described, now: float) -> Iterator[tuple[bool, str]]:
    yield rules.tag is None, "SPOTKEEPER_RESTART_TAG is empty: no instance is started again"
    tagged = rules.tag is not None and rules.tag.matches(tags_of(instance))
    yield not tagged, f"it does not carry the tag {rules.tag} (SPOTKEEPER_RESTART_TAG)"
    manager = manager_of(tags_of(instance))
    yield bool(manager), f"{manager} manages it, and alone decides whether it runs"
    yield instance.get("Status") != "Stopped", f"it is {instance.get('Status')}, not Stopped"
    yield locked(instance), "it is under the Recycling lock: only its rescue starts it"
    locks = ", ".join(lock_reasons(instance))
    yield bool(locks), f"it is under the lock {locks}, which needs a human"
    expired = epoch_seconds(str(instance.get("ExpiredTime") or ""))
    yield expired is not None and expired <= now, f"it expired at {instance.get('ExpiredTime')}: renew it"


def decide_restart(
    rules: RestartRules, instance: Described, history: History, now: float, *, belongs: str = ""
) -> RestartDecision:
    """The decision about an instance. ``belongs``: the reason where it belongs to a rescue (see ``belonging``)."""
    if against := not_restartable(rules, instance, now):
        return against
    if belongs:
        return RestartDecision(RestartAction.LEAVE, belongs)
    if history.last and history.last.settling(now):
        return RestartDecision(RestartAction.WAIT, f"restart {history.last.number} was accepted a moment ago")
    counted = history.counted(rules, now)
    reason = f"it is stopped: restart {len(counted) + 1} of at most {rules.limit} in {rules.window:g} s"
    start = RestartDecision(RestartAction.START, reason)
    return _limit(rules, counted) or _back_off(rules, counted, now) or start


def decide_next_try(rules: RestartRules, instance: Described, history: History, now: float) -> RestartDecision:
    """As ``decide_restart``, for a sweep: pauses after refused starts grow. An event does not wait for them."""
    decision, last = decide_restart(rules, instance, history, now), history.last
    if decision.action is not RestartAction.START or last is None or last.ended(now) or not last.refusals:
        return decision
    if last.exhausted:
        return RestartDecision(RestartAction.GIVE_UP, f"{last.refusals} starts in a row were refused: start it by hand")
    due = last.refused_at + min(back_off(last.refusals), LONGEST_PAUSE)
    if due <= now:
        return decision
    reason = f"starts refused in a row: {last.refusals}; the next is due at {iso(due)}"
    return RestartDecision(RestartAction.LATER, reason, due)


def _limit(rules: RestartRules, counted: Sequence[Restart]) -> RestartDecision | None:
    if not rules.limit:
        return RestartDecision(RestartAction.LEAVE, "SPOTKEEPER_RESTART_LIMIT is 0: no instance is started again")
    if len(counted) < rules.limit:
        return None
    due = counted[-rules.limit].at + rules.window
    times = f"it was started again {len(counted)} times in the last {rules.window:g} s and stopped again each time"
    reason = f"{times} (SPOTKEEPER_RESTART_LIMIT): it is left alone until {iso(due)}"
    return RestartDecision(RestartAction.LIMIT, reason, due)


def _back_off(rules: RestartRules, counted: Sequence[Restart], now: float) -> RestartDecision | None:
    pause = min(back_off(len(counted)), rules.window)
    due = counted[-1].at + pause if counted else 0.0
    if due <= now:
        return None
    waits = f"restart {len(counted) + 1} of the window waits for {pause:g} s after the restart before"
    return RestartDecision(RestartAction.LATER, f"{waits}: until {iso(due)}", due)


def back_off(restarts: int) -> float:
    """Seconds between restart number ``restarts`` of the window and the next: 0, 60, then doubled each time."""
    return FIRST_PAUSE * 2.0 ** (restarts - 1) if restarts else 0.0
