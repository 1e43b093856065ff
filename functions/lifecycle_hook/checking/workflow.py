"""The loop: look, decide, act, look again; and what becomes of a hook when this code itself fails."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from typing import Any

from checking import act, observe, report, tags, trail
from checking.assignment import Rules
from checking.commands import RUN
from checking.decide import RETRY_SECONDS, decide
from checking.facts import Facts, Refusal
from checking.steps import Decision, Step
from checking.tools import Tools
from spotkeeper.errors import CloudError, DeadlineReached, MalformedEvent, SpotkeeperError, WaitFailed
from spotkeeper.events import HookResult
from spotkeeper.retry import patience, pause_before
from spotkeeper.settings import LifecycleHookSettings

TAG_SECONDS = 5.0
"""What a call that fails spends on writing down how long the hook lives."""
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
        _tie(tools, facts)
        if answer := report.answers(facts, decision, dry_run=settings.dry_run):
            return answer
        known.append(_acted(tools, facts, decision, acts[decision.step]))
        del known[:-1]


def _tie(tools: Tools, facts: Facts) -> None:
    """While the hook has plenty of time a refused call may wait for its next try, later no step waits inside itself."""
    if _over(facts):
        tools.leash.loose()
    else:
        tools.leash.tie(facts.patient_until)


def _over(facts: Facts) -> bool:
    return facts.completed is not None or (facts.action is not None and facts.action.status != "Pending")


def _acted(tools: Tools, facts: Facts, decision: Decision, one: Act) -> Facts:
    try:
        after = one(tools, facts, decision)
    except CloudError as error:
        refusal = None if _over(facts) else _refusal(tools, facts, decision.step, error)
        if refusal is None:
            trail.failed(tools, facts, decision, error)
            raise
        return facts.holding_up(decision.step, refusal)
    except SpotkeeperError as error:
        trail.failed(tools, facts, decision, error)
        raise
    trail.done(tools, facts, after, decision)
    return after.after_step(decision.step) if after.refusals is facts.refusals else after


def _refusal(tools: Tools, facts: Facts, step: Step, error: CloudError) -> Refusal | None:
    """When a refused step is tried again; None for what does not pass, or has gone on for too long."""
    before, now = facts.refusals.get(step), tools.clock.now()
    since, attempts = (before.since, before.attempts) if before else (now, 0)
    until = now + pause_before(error, attempts, now, random.random)
    return Refusal(error, since, attempts + 1, until) if until - since <= patience(error, RUN) else None


def _own_failure(tools: Tools, settings: LifecycleHookSettings, facts: Facts, error: Exception) -> None:
    """A failure of ours is not a failed check: the hook stays open for the next call while there is time for one.

    Where there is none, the hook ends as SPOTKEEPER_HOOK_ON_INTERNAL_ERROR says, else as its own DefaultResult: what
    the cloud would do anyway, but said, and on record.
    """
    if _over(facts) or _extended(tools, facts):
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
    if after.untold:
        tools.leash.tie(tools.clock.now() + TAG_SECONDS)
        with contextlib.suppress(SpotkeeperError):
            tags.remember(tools, after, decision)
    return after.left >= RETRY_SECONDS or not after.looked


def _result(settings: LifecycleHookSettings, facts: Facts) -> HookResult | None:
    """What to complete with: a check that is known to have failed, or that nobody could pass, is not our failure."""
    if facts.plan and facts.progress and (facts.progress.failures or not facts.progress.instance_ids):
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
    Step.REMEMBER: tags.remember,
    Step.MARK: tags.mark,
    Step.COMPLETE: act.complete,
    Step.VERIFY: lambda tools, facts, _: observe.verify(tools, facts),
    Step.RECALL: act.recall,
    Step.REMOVE: act.remove,
    Step.TIDY: tags.tidy,
    Step.WAIT: lambda tools, facts, _: observe.wait(tools, facts),
    Step.LEAVE: _leave,
    Step.FAIL: _fail,
}
