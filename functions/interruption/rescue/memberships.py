"""The source's memberships: set to weight 0, removed, and given to the replacement; group by group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rescue import succession
from rescue.checked_records import may_have_left
from rescue.facts import Facts
from rescue.refusals import later, refused
from rescue.search import SLICE_SECONDS, once
from rescue.tools import Tools
from rescue.tracks import Step, group_again_at
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


def _each_group(tools: Tools, facts: Facts, step: Step, act: Callable[[Facts, list[Membership]], Facts]) -> Facts:
    """Do a step in every group in which it is due; one that refuses does not keep the others from their turn.

    Where there are many, the rest comes next, unless something is more urgent by then.
    """
    pause_at = tools.deadline.sooner(SLICE_SECONDS)
    for members in by_group(facts.memberships or ()):
        group = members[0].group_name
        if pause_at.remaining() <= 0:
            break
        if group not in facts.unsettled(step) or group_again_at(step, group, facts) > tools.clock.now():
            continue
        try:
            facts = act(facts, members).accepted(step, group)
            facts = facts.but(settled=facts.settled | {(step, group)})
        except (CloudError, RescueFailed) as error:
            facts = refused(facts, step, group, error, tools.clock.now())
    return facts


def drain(tools: Tools, facts: Facts) -> Facts:
    """Weight 0 in every group; once it is in all of them, the journal knows since when."""

    def weigh(facts: Facts, members: list[Membership]) -> Facts:
        tools.load_balancers[members[0].product].set_weights([replace(one, weight=0) for one in members], once(tools))
        return facts.but(drain_waited=False)

    facts = _each_group(tools, facts, Step.DRAIN, weigh)
    if facts.unsettled(Step.DRAIN):
        return facts
    if not facts.unsearched:
        tools.episode.record("drained", {"at": tools.clock.now()})
    return facts.but(drained=True, drained_at=tools.clock.now())


def wait_drain(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """Wait for in-flight requests: as long as the setting says, at most a fifth of the remaining notice."""
    now = tools.clock.now()
    known = facts.refusals.get((Step.WAIT_DRAIN, ""))
    over = _drained_until(tools, facts, now) if known is None else known.again_at
    seconds = over - now
    if seconds > max(0.0, until.remaining()):
        tools.clock.sleep(until.remaining())
        error = DeadlineReached(f"{tools.instance_id} drains; this call's time is up, the next goes on")
        return later(facts, Step.WAIT_DRAIN, "", error, over)
    tools.clock.sleep(seconds)
    return facts.accepted(Step.WAIT_DRAIN).but(drain_waited=True)


def _drained_until(tools: Tools, facts: Facts, now: float) -> float:
    drained_at = min(now, float(tools.episode.records.get("drained", {}).get("at", facts.drained_at or now)))
    return drained_at + min(tools.settings.drain_seconds, max(0.0, facts.notice_end - now) / DRAIN_SHARE)


def remove(tools: Tools, facts: Facts) -> Facts:
    """Out of every group: exactly what was found, then list again and believe the list, not the answer."""

    def leave(facts: Facts, members: list[Membership]) -> Facts:
        return facts.warn(*tools.load_balancers[members[0].product].remove(members, once(tools)))

    if not facts.gone and not may_have_left(tools.episode.records):
        tools.episode.record("removing", {"at": tools.clock.now()})
    facts = _undrained(_each_group(tools, facts, Step.REMOVE, leave))
    return facts.but(removed=not facts.unsettled(Step.REMOVE))


def _undrained(facts: Facts) -> Facts:
    """What was left needs weight 0 no more: that it was refused there is a warning."""
    left = set(facts.groups) - set(facts.unsettled(Step.REMOVE))
    for group in left:
        if refusal := facts.refusals.get((Step.DRAIN, group)):
            facts = facts.accepted(Step.DRAIN, group).warn(f"{group} was left without weight 0: {refusal.error}")
    return facts


def return_replacement(tools: Tools, facts: Facts) -> Facts:
    """The replacement into the source's groups, with ports, weights and descriptions; then list again.

    Between two tries it may have been interrupted or released itself: then ``succession`` says what becomes of it.
    """
    if any(step is Step.RETURN for step, _ in facts.refusals):
        seen = describe_instance(tools.ecs, facts.replacement_id)
        if seen is None or locked(seen):
            return _not_given(tools, facts, seen)

    def join(facts: Facts, members: list[Membership]) -> Facts:
        own = [one for one in members if one.server_id == tools.instance_id]
        lost = [f"membership of network card {one.server_id} in {one.name}" for one in members if one not in own]
        if own:
            new = [replace(one, server_id=facts.replacement_id, server_ip="") for one in own]
            product = tools.load_balancers[members[0].product]
            if facts.launched_here and (Step.RETURN, members[0].group_name) not in facts.refusals:
                lost += product.add(new, once(tools))
            else:
                lost += product.restore(new, once(tools))
        return facts.but(not_carried=tuple(dict.fromkeys((*facts.not_carried, *lost))))

    facts = _each_group(tools, facts, Step.RETURN, join)
    if facts.unsettled(Step.RETURN):
        return facts
    tools.episode.record("serving", {"at": tools.clock.now()})
    return facts.but(returned=True)


def _not_given(tools: Tools, facts: Facts, seen: Described | None) -> Facts:
    """A replacement that is not to serve any more: its successor, if any, is given all groups anew."""
    unsettled = facts.unsettled(Step.RETURN)
    bare = facts.but(
        settled=frozenset(one for one in facts.settled if one[0] is not Step.RETURN),
        refusals={key: one for key, one in facts.refusals.items() if key[0] is not Step.RETURN},
    )
    try:
        return succession.interrupted(tools, bare, seen)
    except RescueFailed as error:
        for group in unsettled:
            facts = refused(facts, Step.RETURN, group, error, tools.clock.now())
        return facts


def ask_health(tools: Tools, facts: Facts) -> Facts:
    """What the health checks say of the replacement, once; reported, never decisive.

    Raises ``CloudError`` for a refusal that is worth another try; any other one is a warning.
    """
    found: list[Health] = []
    for members in by_scope(facts.memberships or ()):
        try:
            results = tools.load_balancers[members[0].product].health(members, once(tools))
        except CloudError as error:
            if _worth_another_try(tools, facts, error):
                raise
            facts = facts.warn(f"the health of the replacement is not known: {error}")
            continue
        found += [one for one in results if one.server_id == facts.replacement_id]
    health = {one.check: one.status for one in found}
    unhealthy = [f"health check of {one.check}: {one.status}" for one in found if one.healthy is False]
    return facts.but(health_asked=True, health=tuple(health.items())).warn(*unhealthy)


def _worth_another_try(tools: Tools, facts: Facts, error: CloudError) -> bool:
    before = facts.refusals.get((Step.ASK_HEALTH, ""))
    waited = tools.clock.now() - (tools.clock.now() if before is None else before.since)
    return passes_by_itself(error) and waited < HEALTH_SECONDS
