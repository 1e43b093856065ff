"""The source's memberships: set to weight 0, removed, and given to the replacement; group by group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rescue.actions import interrupted_replacement
from rescue.actions.membership_search import SLICE_SECONDS, once
from rescue.actions.record_checks import may_have_left
from rescue.context import Context
from rescue.decide import Decision
from rescue.next_try import continue_at, try_later
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
UNWEIGHTED = (
    "the source had weight 0 in all its server groups before this rescue, and so has the replacement: if another "
    "program drained the source for this notice, give the replacement its weight by hand"
)
HEALTH_SECONDS = 70.0
"""The health is read again for this time after a refusal: past the next minute."""


def _each_group(run: Context, state: State, step: Step, act: Callable[[State, list[Membership]], State]) -> State:
    """Take a step in every group in which it is due; the refusal of a group does not delay the others.

    After a slice of time, the other groups come next, unless another step is more urgent by then.
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
            state = try_later(state, step, group, error, run.clock.now())
    return state


def look_at_weights(run: Context, state: State, _: Decision) -> State:
    """Whether the recorded memberships still have weight 0; a group that cannot be listed counts as not drained."""
    until = run.deadline.sooner(SLICE_SECONDS)
    drained = all(_has_weight_0(run, group, until) for group in by_group(state.memberships or ()))
    return state.replace(drained=drained, drained_at=run.clock.now())


def _has_weight_0(run: Context, members: list[Membership], until: Deadline) -> bool:
    own = {member.key for member in members}
    try:
        listed = run.load_balancers[members[0].product].list_group(members[0].group, until)
    except CloudError:
        return False
    return not any(member.weight for member in listed if member.key in own)


def drain(run: Context, state: State, _: Decision) -> State:
    """Set weight 0 in every group; once all groups have it, record since when."""

    def weigh(state: State, members: list[Membership]) -> State:
        drained = [replace(member, weight=0) for member in members]
        run.load_balancers[members[0].product].set_weights(drained, once(run))
        return state.replace(drain_waited=False)

    state = _each_group(run, state, Step.DRAIN, weigh)
    if state.unsettled(Step.DRAIN):
        return state
    if not state.unsearched:
        run.episode.record("drained", {"at": run.clock.now()})
    return state.replace(drained=True, drained_at=run.clock.now())


def wait_drain(run: Context, state: State, _: Decision) -> State:
    """Wait for in-flight requests: as long as the setting says, at most a fifth of the remaining notice."""
    now, until = run.clock.now(), run.step_limit.until
    known = state.refusal(Step.WAIT_DRAIN)
    over = _drained_until(run, state, now) if known is None else known.again_at
    if over - now > max(0.0, until.remaining()):
        run.clock.sleep(until.remaining())
        error = DeadlineReached(f"{run.instance_id} drains; this call's time is up, the next call goes on")
        return continue_at(state, Step.WAIT_DRAIN, "", error, over)
    run.clock.sleep(over - now)
    return state.accepted(Step.WAIT_DRAIN).replace(drain_waited=True)


def _drained_until(run: Context, state: State, now: float) -> float:
    drained_at = min(now, float(run.episode.records.get("drained", {}).get("at", state.drained_at or now)))
    return drained_at + min(run.settings.drain_seconds, max(0.0, state.notice_end - now) / DRAIN_SHARE)


def remove(run: Context, state: State, _: Decision) -> State:
    """Remove exactly the found memberships, then list again and believe the list, not the answer.

    A group that was left without weight 0 is a warning.
    """

    def leave(state: State, members: list[Membership]) -> State:
        return state.warn(*run.load_balancers[members[0].product].remove(members, once(run)))

    if not state.gone and not may_have_left(run.episode.records):
        run.episode.record("removing", {"at": run.clock.now()})
    state = _each_group(run, state, Step.REMOVE, leave)
    for group in set(state.groups) - set(state.unsettled(Step.REMOVE)):
        if refusal := state.refusal(Step.DRAIN, group):
            state = state.accepted(Step.DRAIN, group).warn(f"{group} was left without weight 0: {refusal.error}")
    return state.replace(removed=not state.unsettled(Step.REMOVE))


def add_replacement(run: Context, state: State, _: Decision) -> State:
    """Add the replacement to the source's groups, with ports, weights and descriptions; then list again.

    Between two tries the replacement may have been interrupted or released (see ``interrupted_replacement``).
    """
    if any(step is Step.ADD_REPLACEMENT for step, _ in state.refusals):
        seen = describe_instance(run.ecs, state.replacement_id)
        if seen is None or locked(seen):
            return _interrupted(run, state, seen)
        state = state.accepted(Step.ADD_REPLACEMENT)

    def join(state: State, members: list[Membership]) -> State:
        own = [member for member in members if member.server_id == run.instance_id]
        lost = [f"membership of network card {card.server_id} in {card.name}" for card in members if card not in own]
        if own:
            new = [replace(member, server_id=state.replacement_id, server_ip="") for member in own]
            product = run.load_balancers[members[0].product]
            first = state.launched_here and state.refusal(Step.ADD_REPLACEMENT, members[0].group_name) is None
            lost += product.add(new, once(run)) if first else product.restore(new, once(run))
        return state.replace(not_carried=tuple(dict.fromkeys((*state.not_carried, *lost))))

    state = _each_group(run, state, Step.ADD_REPLACEMENT, join)
    if state.unsettled(Step.ADD_REPLACEMENT):
        return state
    run.episode.record("serving", {"at": run.clock.now()})
    unweighted = bool(state.memberships) and not any(member.weight for member in state.memberships or ())
    return state.replace(returned=True).warn(*[UNWEIGHTED] * unweighted)


def _interrupted(run: Context, state: State, seen: Described | None) -> State:
    """A replacement that must not serve any more; the next replacement, if any, is added to all groups anew."""
    anew = state.replace(
        settled=frozenset(settled for settled in state.settled if settled[0] is not Step.ADD_REPLACEMENT),
        refusals={key: refusal for key, refusal in state.refusals.items() if key[0] is not Step.ADD_REPLACEMENT},
    )
    try:
        return interrupted_replacement.interrupted(run, anew, seen)
    except RescueFailed as error:
        for group in state.unsettled(Step.ADD_REPLACEMENT):
            state = try_later(state, Step.ADD_REPLACEMENT, group, error, run.clock.now())
        return state


def ask_health(run: Context, state: State, _: Decision) -> State:
    """Read the health checks of the replacement once; they are reported and decide nothing.

    Raises ``CloudError`` for a refusal that is worth another try; any other refusal is a warning.
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
        found += [result for result in results if result.server_id == state.replacement_id]
    health = tuple({result.check: result.status for result in found}.items())
    unhealthy = [f"health check of {result.check}: {result.status}" for result in found if result.healthy is False]
    return state.replace(health_asked=True, health=health).warn(*unhealthy)


def _worth_another_try(run: Context, state: State, error: CloudError) -> bool:
    before = state.refusal(Step.ASK_HEALTH)
    waited = 0.0 if before is None else run.clock.now() - before.since
    return passes_by_itself(error) and waited < HEALTH_SECONDS
