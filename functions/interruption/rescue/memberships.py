"""The source's memberships: set to weight 0, removed, and given to the replacement; group by group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rescue import succession
from rescue.checked_records import may_have_left
from rescue.context import Context
from rescue.refusals import later, refused
from rescue.search import SLICE_SECONDS, once
from rescue.state import State
from rescue.steps import Step, group_again_at
from spotkeeper.clock import Deadline
from spotkeeper.errors import CloudError, DeadlineReached, RescueFailed
from spotkeeper.instances import Described, describe_instance, locked
from spotkeeper.load_balancers import Health, Membership, by_group
from spotkeeper.load_balancers.membership import by_scope
from spotkeeper.retry import passes_by_itself

DRAIN_SHARE = 5
"""The drain may use at most a fifth of the remaining notice."""
HEALTH_SECONDS = 70.0
"""The health is asked again for this time after a refusal: past the next minute."""


def _each_group(run: Context, state: State, step: Step, act: Callable[[State, list[Membership]], State]) -> State:
    """Do a step in every group in which it is due; one that refuses does not keep the others from their turn.

    Where there are many, the rest comes next, unless something is more urgent by then.
    """
    pause_at = run.deadline.sooner(SLICE_SECONDS)
    for members in by_group(state.memberships or ()):
        group = members[0].group_name
        if pause_at.remaining() <= 0:
            break
        if group not in state.unsettled(step) or group_again_at(step, group, state) > run.clock.now():
            continue
        try:
            state = act(state, members).accepted(step, group)
            state = state.replace(settled=state.settled | {(step, group)})
        except (CloudError, RescueFailed) as error:
            state = refused(state, step, group, error, run.clock.now())
    return state


def drain(run: Context, state: State) -> State:
    """Weight 0 in every group; once it is in all of them, the journal knows since when."""

    def weigh(state: State, members: list[Membership]) -> State:
        run.load_balancers[members[0].product].set_weights([replace(one, weight=0) for one in members], once(run))
        return state.replace(drain_waited=False)

    state = _each_group(run, state, Step.DRAIN, weigh)
    if state.unsettled(Step.DRAIN):
        return state
    if not state.unsearched:
        run.episode.record("drained", {"at": run.clock.now()})
    return state.replace(drained=True, drained_at=run.clock.now())


def wait_drain(run: Context, state: State, until: Deadline) -> State:
    """Wait for in-flight requests: as long as the setting says, at most a fifth of the remaining notice."""
    now = run.clock.now()
    known = state.refusals.get((Step.WAIT_DRAIN, ""))
    over = _drained_until(run, state, now) if known is None else known.again_at
    seconds = over - now
    if seconds > max(0.0, until.remaining()):
        run.clock.sleep(until.remaining())
        error = DeadlineReached(f"{run.instance_id} drains; this call's time is up, the next goes on")
        return later(state, Step.WAIT_DRAIN, "", error, over)
    run.clock.sleep(seconds)
    return state.accepted(Step.WAIT_DRAIN).replace(drain_waited=True)


def _drained_until(run: Context, state: State, now: float) -> float:
    drained_at = min(now, float(run.episode.records.get("drained", {}).get("at", state.drained_at or now)))
    return drained_at + min(run.settings.drain_seconds, max(0.0, state.notice_end - now) / DRAIN_SHARE)


def remove(run: Context, state: State) -> State:
    """Out of every group: exactly what was found, then list again and believe the list, not the answer."""

    def leave(state: State, members: list[Membership]) -> State:
        return state.warn(*run.load_balancers[members[0].product].remove(members, once(run)))

    if not state.gone and not may_have_left(run.episode.records):
        run.episode.record("removing", {"at": run.clock.now()})
    state = _undrained(_each_group(run, state, Step.REMOVE, leave))
    return state.replace(removed=not state.unsettled(Step.REMOVE))


def _undrained(state: State) -> State:
    """What was left needs weight 0 no more: that it was refused there is a warning."""
    left = set(state.groups) - set(state.unsettled(Step.REMOVE))
    for group in left:
        if refusal := state.refusals.get((Step.DRAIN, group)):
            state = state.accepted(Step.DRAIN, group).warn(f"{group} was left without weight 0: {refusal.error}")
    return state


def return_replacement(run: Context, state: State) -> State:
    """The replacement into the source's groups, with ports, weights and descriptions; then list again.

    Between two tries it may have been interrupted or released itself: then ``succession`` says what becomes of it.
    """
    if any(step is Step.RETURN for step, _ in state.refusals):
        seen = describe_instance(run.ecs, state.replacement_id)
        if seen is None or locked(seen):
            return _not_given(run, state, seen)
        state = state.accepted(Step.RETURN)

    def join(state: State, members: list[Membership]) -> State:
        own = [one for one in members if one.server_id == run.instance_id]
        lost = [f"membership of network card {one.server_id} in {one.name}" for one in members if one not in own]
        if own:
            new = [replace(one, server_id=state.replacement_id, server_ip="") for one in own]
            product = run.load_balancers[members[0].product]
            if state.launched_here and (Step.RETURN, members[0].group_name) not in state.refusals:
                lost += product.add(new, once(run))
            else:
                lost += product.restore(new, once(run))
        return state.replace(not_carried=tuple(dict.fromkeys((*state.not_carried, *lost))))

    state = _each_group(run, state, Step.RETURN, join)
    if state.unsettled(Step.RETURN):
        return state
    run.episode.record("serving", {"at": run.clock.now()})
    return state.replace(returned=True)


def _not_given(run: Context, state: State, seen: Described | None) -> State:
    """A replacement that is not to serve any more: its successor, if any, is given all groups anew."""
    unsettled = state.unsettled(Step.RETURN)
    bare = state.replace(
        settled=frozenset(one for one in state.settled if one[0] is not Step.RETURN),
        refusals={key: one for key, one in state.refusals.items() if key[0] is not Step.RETURN},
    )
    try:
        return succession.interrupted(run, bare, seen)
    except RescueFailed as error:
        for group in unsettled:
            state = refused(state, Step.RETURN, group, error, run.clock.now())
        return state


def ask_health(run: Context, state: State) -> State:
    """What the health checks say of the replacement, once; reported, never decisive.

    Raises ``CloudError`` for a refusal that is worth another try; any other one is a warning.
    """
    found: list[Health] = []
    for members in by_scope(state.memberships or ()):
        try:
            results = run.load_balancers[members[0].product].health(members, once(run))
        except CloudError as error:
            if _worth_another_try(run, state, error):
                raise
            state = state.warn(f"the health of the replacement is not known: {error}")
            continue
        found += [one for one in results if one.server_id == state.replacement_id]
    health = {one.check: one.status for one in found}
    unhealthy = [f"health check of {one.check}: {one.status}" for one in found if one.healthy is False]
    return state.replace(health_asked=True, health=tuple(health.items())).warn(*unhealthy)


def _worth_another_try(run: Context, state: State, error: CloudError) -> bool:
    before = state.refusals.get((Step.ASK_HEALTH, ""))
    waited = run.clock.now() - (run.clock.now() if before is None else before.since)
    return passes_by_itself(error) and waited < HEALTH_SECONDS
