"""The loop: look, decide, act, look again; and what becomes of a hook when this code itself fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from checking import act, observe, report, trail
from checking.assignment import Rules
from checking.decide import RETRY_SECONDS, Decision, Step, decide
from checking.facts import Facts
from checking.tools import Tools
from spotkeeper.errors import CloudError, DeadlineReached, MalformedEvent, SpotkeeperError, WaitFailed
from spotkeeper.events import HookResult
from spotkeeper.retry import passes_by_itself
from spotkeeper.settings import LifecycleHookSettings

LONGEST_RETRY = 65.0
"""Seconds: no try is put off for longer than until the next minute."""
Act = Callable[[Tools, Facts, Decision], Facts]


def run(tools: Tools, settings: LifecycleHookSettings, facts: Facts, rules: Callable[[], Rules]) -> dict[str, Any]:
    """Step by step until there is an answer. ``rules`` reads what hooks want.

    Raises what the acts raise, after it has seen to it that no hook waits for a call that cannot come any more.
    """
    known = [facts]
    try:
        return _steps(tools, settings, known, rules)
    except MalformedEvent:
        raise
    except Exception as error:
        if not settings.dry_run:
            _own_failure(tools, settings, known[-1].but(now=tools.clock.now()), error)
        raise


def _steps(
    tools: Tools, settings: LifecycleHookSettings, known: list[Facts], rules: Callable[[], Rules]
) -> dict[str, Any]:
    """``known[-1]`` is always what this call knows, also where a step raises."""
    acts: dict[Step, Act] = {**ACTS, Step.PLAN: lambda _, facts, __: observe.choose(facts, rules)}
    while True:
        facts = known[-1].but(now=tools.clock.now())
        decision = decide(facts)
        _tie(tools, facts, decision)
        if answer := report.answers(facts, decision, dry_run=settings.dry_run):
            return answer
        known.append(_acted(tools, facts, decision, acts[decision.step]))
        del known[:-1]


def _tie(tools: Tools, facts: Facts, decision: Decision) -> None:
    """No call may wait longer than the hook can: what is throttled meanwhile is tried again after a heartbeat."""
    waits = facts.life_known and facts.heartbeat and not facts.completed and facts.now < facts.due_at
    if waits and decision.step is not Step.HEARTBEAT:
        tools.leash.tie(facts.due_at)
    else:
        tools.leash.loose()


def _acted(tools: Tools, facts: Facts, decision: Decision, one: Act) -> Facts:
    try:
        after = one(tools, facts, decision)
    except CloudError as error:
        if not _cut_short(tools, error):
            trail.failed(tools, facts, decision, error)
            raise
        tools.clock.sleep(tools.leash.remaining())
        return facts
    except SpotkeeperError as error:
        trail.failed(tools, facts, decision, error)
        raise
    trail.done(tools, facts, after, decision)
    return after


def _cut_short(tools: Tools, error: CloudError) -> bool:
    """Whether the call would have been tried again if the hook had the time; its own deadline is another matter."""
    leash = tools.leash
    return passes_by_itself(error) and leash.at < leash.deadline.at and leash.remaining() <= LONGEST_RETRY


def _own_failure(tools: Tools, settings: LifecycleHookSettings, facts: Facts, error: Exception) -> None:
    """A failure of ours is not a failed check: the hook stays open for the next call while there is time for one.

    Where there is none, the hook ends as SPOTKEEPER_HOOK_ON_INTERNAL_ERROR says, else as its own DefaultResult: what
    the cloud would do anyway, but said, and on record.
    """
    pending = facts.action is None or facts.action.status == "Pending"
    if facts.completed or not pending or _extended(tools, facts):
        return
    result = _result(settings, facts)
    if result is None:
        return
    decision = Decision(Step.COMPLETE, f"{facts.left:.0f} s are too few for another call after {error}", result)
    try:
        act.send(tools, facts, result)
    except SpotkeeperError as refusal:
        trail.failed(tools, facts, decision, refusal)  # the error that led here is the one to raise
    else:
        trail.done(tools, facts, facts, decision)


def _extended(tools: Tools, facts: Facts) -> bool:
    """Whether the hook lives until another call can come, or is over; nothing but a refusal says that it does not."""
    if facts.life_known and facts.left >= RETRY_SECONDS:
        return True
    tools.leash.loose()
    decision = Decision(Step.HEARTBEAT, "another call has to come")
    try:
        after = act.heartbeat(tools, facts.but(looked=True), decision) if facts.heartbeat else facts.but(looked=True)
    except SpotkeeperError:
        return not facts.life_known
    trail.done(tools, facts, after, decision)
    return after.left >= RETRY_SECONDS or not after.looked


def _result(settings: LifecycleHookSettings, facts: Facts) -> HookResult | None:
    """What to complete with: a check that is known to have failed is not our failure."""
    if facts.plan and facts.progress and facts.progress.failures:
        return facts.plan.on_failure
    return settings.on_internal_error or facts.default_result


def _leave(_: Tools, facts: Facts, decision: Decision) -> Facts:
    raise DeadlineReached(f"{facts.event.hook_id}: {decision.reason}; the next call goes on")


def _fail(_: Tools, facts: Facts, decision: Decision) -> Facts:
    if facts.refused is None:
        raise WaitFailed(f"lifecycle action of {facts.event.hook_id}: {decision.reason}")
    raise facts.refused


ACTS: dict[Step, Act] = {
    Step.READ: lambda tools, facts, _: observe.read(tools, facts),
    Step.LOOK: lambda tools, facts, _: observe.look(tools, facts),
    Step.OBSERVE: lambda tools, facts, _: observe.observe(tools, facts),
    Step.RUN: act.run,
    Step.GIVE_UP: act.give_up,
    Step.HEARTBEAT: act.heartbeat,
    Step.SPARE: act.spare,
    Step.MARK: act.mark,
    Step.COMPLETE: act.complete,
    Step.VERIFY: lambda tools, facts, _: observe.verify(tools, facts),
    Step.RECALL: act.recall,
    Step.REMOVE: act.remove,
    Step.LEAVE: _leave,
    Step.FAIL: _fail,
}
