"""Whether a stopped instance is started again. Pure, with a reason in words for every branch.

``state_change`` asks when an event says that an instance is stopped, ``sweep`` when no event will come any more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import HANDS_OFF, Described, held_until, iso, lock_reasons, locked, tags_of
from spotkeeper.restarts import History
from spotkeeper.settings import RestartRules

FIRST_PAUSE = 60.0
"""Seconds between the first restart in a window and the second; doubled with each further one."""
LONGEST_PAUSE = 900.0
"""Most seconds between a start that was refused and the next that a sweep asks for: first 60, doubled each time."""


class Verdict(Enum):
    """What is to be done about a stopped instance."""

    START = "start it"
    WAIT = "wait for a start that is under way"
    LATER = "start it later"
    LIMIT = "leave it alone until the window is over"
    LEAVE = "leave it alone"
    GIVE_UP = "leave it to a human"


@dataclass(frozen=True)
class Judgement:
    """A verdict and its reason, a clause about the instance; ``due_at`` is when LATER and LIMIT end."""

    verdict: Verdict
    reason: str
    due_at: float | None = None


def hindrance(rules: RestartRules, instance: Described, now: float) -> Judgement | None:
    """What the instance itself says against a start, whatever the journal holds."""
    reasons = (reason for applies, reason in _against(rules, instance, now) if applies)
    if reason := next(reasons, None):
        return Judgement(Verdict.LEAVE, reason)
    return _held(instance, now)


def _against(rules: RestartRules, instance: Described, now: float) -> Iterator[tuple[bool, str]]:
    yield rules.tag is None, "SPOTKEEPER_RESTART_TAG is empty: no instance is started again"
    tagged = rules.tag is not None and rules.tag.matches(tags_of(instance))
    yield not tagged, f"it does not carry the tag {rules.tag} (SPOTKEEPER_RESTART_TAG)"
    yield instance.get("Status") != "Stopped", f"it is {instance.get('Status')}, not Stopped"
    yield locked(instance), "it is under the Recycling lock: until that is gone it belongs to the rescue"
    locks = ", ".join(lock_reasons(instance))
    yield bool(locks), f"it is under the lock {locks}: that is for a human to settle"
    expired = epoch_seconds(str(instance.get("ExpiredTime") or ""))
    yield expired is not None and expired <= now, f"it expired at {instance.get('ExpiredTime')}: renew it"


def _held(instance: Described, now: float) -> Judgement | None:
    end = held_until(tags_of(instance))
    if end is None or end <= now:
        return None
    if end == math.inf:
        return Judgement(Verdict.LEAVE, HANDS_OFF)
    return Judgement(Verdict.LATER, f"{HANDS_OFF} until {iso(end)}", end)


def judge(rules: RestartRules, instance: Described, history: History, now: float, *, belongs: str = "") -> Judgement:
    """What to do about an instance. ``belongs``: why it belongs to a rescue (see ``belonging``), if it does."""
    if against := hindrance(rules, instance, now):
        return against
    if belongs:
        return Judgement(Verdict.LEAVE, belongs)
    if history.last and history.last.settling(now):
        return Judgement(Verdict.WAIT, f"restart {history.last.number} was accepted a moment ago")
    return _limit(rules, history, now) or _back_off(rules, history, now) or _start(rules, history, now)


def judge_again(rules: RestartRules, instance: Described, history: History, now: float) -> Judgement:
    """As ``judge``, for a sweep: it asks again for what was refused, ever more seldom. An event does not wait."""
    judgement, last = judge(rules, instance, history, now), history.last
    if judgement.verdict is not Verdict.START or last is None or last.over(now) or not last.refusals:
        return judgement
    if last.exhausted:
        return Judgement(Verdict.GIVE_UP, f"{last.refusals} starts in a row were refused: start it by hand")
    due = last.refused_at + min(back_off(last.refusals), LONGEST_PAUSE)
    if due <= now:
        return judgement
    return Judgement(Verdict.LATER, f"starts refused in a row: {last.refusals}; the next is due at {iso(due)}", due)


def _limit(rules: RestartRules, history: History, now: float) -> Judgement | None:
    if not rules.limit:
        return Judgement(Verdict.LEAVE, "SPOTKEEPER_RESTART_LIMIT is 0: no instance is started again")
    counted = history.counted(rules, now)
    if len(counted) < rules.limit:
        return None
    due = counted[-rules.limit].at + rules.window
    times = f"it was started again {len(counted)} times in the last {rules.window:g} s and stopped again each time"
    return Judgement(Verdict.LIMIT, f"{times} (SPOTKEEPER_RESTART_LIMIT): it is left alone until {iso(due)}", due)


def _back_off(rules: RestartRules, history: History, now: float) -> Judgement | None:
    counted = history.counted(rules, now)
    pause = min(back_off(len(counted)), rules.window)
    due = counted[-1].at + pause if counted else 0.0
    if due <= now:
        return None
    waits = f"restart {len(counted) + 1} of the window waits for {pause:g} s after the one before"
    return Judgement(Verdict.LATER, f"{waits}: until {iso(due)}", due)


def _start(rules: RestartRules, history: History, now: float) -> Judgement:
    place = len(history.counted(rules, now)) + 1
    return Judgement(Verdict.START, f"it is stopped: restart {place} of at most {rules.limit} in {rules.window:g} s")


def back_off(restarts: int) -> float:
    """Seconds from the last of so many restarts in the window to the next: 0, 60, then doubled each time."""
    return FIRST_PAUSE * 2.0 ** (restarts - 1) if restarts else 0.0
