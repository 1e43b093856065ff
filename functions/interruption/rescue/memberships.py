"""The source's places behind CLB: found, set to weight 0, given up, and taken by the replacement; group by group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from rescue.checked_records import check_memberships, may_have_left, own_servers
from rescue.facts import Facts
from rescue.refusals import accepted, later, refused
from rescue.search import Search
from rescue.source import look_if_stale
from rescue.tools import Tools
from rescue.tracks import HOLD_UP_SECONDS, Step, group_again_at
from spotkeeper.backend_servers import (
    Membership,
    add_to_group,
    by_group,
    remove_from_group,
    set_weights,
    unless_group_is_gone,
)
from spotkeeper.clients import items
from spotkeeper.clock import Deadline
from spotkeeper.episode import recorded_memberships
from spotkeeper.errors import BrokenRecord, CloudError, DeadlineReached, RescueFailed, RescueIncomplete
from spotkeeper.retry import passes_by_itself

DRAIN_SHARE = 5
"""Of what is left of the notice the drain may take one in so many parts."""
SLICE_SECONDS = 10.0
"""So long a search goes on before the loop looks whether there is something more urgent."""
REPORT_TRIES = 5
"""So often a CLB is asked for its master/slave groups, which no API changes, once its memberships are known: the last
time past the next minute."""
BREATH = 0.5
UNREADABLE = frozenset({"Forbidden.RAM", "Forbidden", "NoPermission"})
"""Refusals that say that the function's role may not do this."""
UNREADABLE_TRIES = 3
"""So often a role that may not read is asked again: a policy takes a moment to reach every server."""
HEALTH_SECONDS = 70.0
"""For so long a refused question about health is asked again: past the next minute."""


def find(tools: Tools, facts: Facts, search: Search, until: Deadline) -> Facts:
    """Search on, and record what was found before the first weight is changed.

    A load balancer that refuses does not keep the others from being searched, nor what was found from its drain.
    What is not searched when the source is released stays unknown: CLB drops a released server.
    """
    if lost := _unreadable(tools):
        return refused(facts, Step.FIND_MEMBERSHIPS, "", lost, tools.clock.now())
    try:
        everywhere = search.load_balancers(once(tools))
    except CloudError as error:
        facts = refused(facts, Step.FIND_MEMBERSHIPS, "", error, tools.clock.now())
        if error.code not in UNREADABLE:
            return facts
        if (tries := facts.refusals[Step.FIND_MEMBERSHIPS, ""].tries) <= UNREADABLE_TRIES:
            return later(facts, Step.FIND_MEMBERSHIPS, "", error, tools.clock.now() + 2.0 ** (tries - 1))
        # A product that the role may not read is looked for no further, and the rescue goes on.
        everywhere = ()
        search.warnings.append(f"CLB was not searched for memberships: {error}")
    everywhere = (*everywhere, *search.creditors)
    facts = _search_on(tools, accepted(facts, Step.FIND_MEMBERSHIPS), search, everywhere, until.sooner(SLICE_SECONDS))
    facts = look_if_stale(tools, facts)
    if not facts.gone:
        search.trust()
        facts = check_memberships(tools, facts, search)
    left = _unsearched(tools, search, everywhere)
    slow = [one for one in left if _is_due(tools, facts, one)]
    if slow and not facts.gone and tools.clock.now() < (facts.lb_since or 0.0) + HOLD_UP_SECONDS:
        return _go_on_later(tools, facts.but(unsearched=left), slow)
    if not _record(tools, search, complete=not left) and not facts.gone:
        # Somebody wrote it while this call searched: it is compared as well, and superseded where it is contradicted.
        facts = check_memberships(tools, facts, search)
        left = _unsearched(tools, search, everywhere)
        _record(tools, search, complete=not left)
    facts = recall(tools, facts).but(unsearched=left)
    return _lose_sight(tools, facts) if facts.gone else _go_on_later(tools, facts, slow)


def _unreadable(tools: Tools) -> BrokenRecord | None:
    """A broken record of memberships that the source may have left already: no list tells them any more."""
    if recorded_memberships(tools.episode.records) or not may_have_left(tools.episode.records):
        return None
    return next((error for name, error in tools.episode.broken.items() if name.startswith("memberships")), None)


def _search_on(tools: Tools, facts: Facts, search: Search, everywhere: tuple[str, ...], until: Deadline) -> Facts:
    for load_balancer in everywhere:
        if load_balancer in search.searched or not _is_due(tools, facts, load_balancer):
            continue
        if until.remaining() <= 0:
            break
        facts = _search_one(tools, facts, search, load_balancer)
    return facts


def _is_due(tools: Tools, facts: Facts, load_balancer: str) -> bool:
    refusal = facts.refusals.get((Step.FIND_MEMBERSHIPS, load_balancer))
    return refusal is None or refusal.again_at <= tools.clock.now()


def _search_one(tools: Tools, facts: Facts, search: Search, load_balancer: str) -> Facts:
    progress = search.progress
    try:
        search.look_through(load_balancer, once(tools))
    except (CloudError, RescueFailed) as error:
        # Who gets on between two refusals by the second is not refused for ever longer pauses.
        known = accepted(facts, Step.FIND_MEMBERSHIPS, load_balancer) if search.progress > progress else facts
        after = refused(known, Step.FIND_MEMBERSHIPS, load_balancer, error, tools.clock.now())
        tries = after.refusals[Step.FIND_MEMBERSHIPS, load_balancer].tries
        if tries < REPORT_TRIES or not search.found_all(load_balancer):
            return after
        search.leave_out_report(load_balancer, error)
    return accepted(facts, Step.FIND_MEMBERSHIPS, load_balancer)


def _unsearched(tools: Tools, search: Search, everywhere: tuple[str, ...]) -> tuple[str, ...]:
    """The load balancers of which nobody knows whether the source is behind them."""
    batches = recorded_memberships(tools.episode.records)
    if any(one.get("complete", True) for one in batches):
        return ()
    known = {str(name) for one in batches for name in one.get("searched", ())}
    return tuple(one for one in everywhere if one not in known and one not in search.trusted)


def _record(tools: Tools, search: Search, *, complete: bool) -> bool:
    """A batch of what was found. The first is ``memberships``; whoever finds more adds ``memberships-<n>``.

    Returns whether this call has seen before what stands.

    Nobody changes a weight before its batch stands, and batches are read in order: so the first one that names a
    membership has the weight that it had before the rescue.
    """
    batches = recorded_memberships(tools.episode.records)
    searched = {str(name) for one in batches for name in one.get("searched", ())}
    news = complete or set(search.trusted) - searched
    if batches and (not news or any(one.get("complete", True) for one in batches)):
        return True
    document = {
        "memberships": [asdict(one) for one in search.found],
        "searched": list(search.trusted),
        "complete": complete,
        "warnings": list(search.warnings),
    }
    standing = tools.episode.record("memberships", document)
    if standing != document and not standing.get("complete", True):
        tools.episode.claim("memberships", document)
    return standing == document


def _go_on_later(tools: Tools, facts: Facts, slow: list[str]) -> Facts:
    """The load balancers that this slice had no time for come next, unless something is more urgent."""
    if not slow:
        return facts
    error = DeadlineReached(f"the memberships in {len(slow)} load balancers were not looked for in this call's time")
    return later(facts, Step.FIND_MEMBERSHIPS, slow[0], error, tools.clock.now() + BREATH)


def _lose_sight(tools: Tools, facts: Facts) -> Facts:
    """The source is released: the load balancers that were not searched before stay unknown."""
    for load_balancer in facts.unsearched:
        error = RescueIncomplete(
            f"{load_balancer} was not searched before {tools.instance_id} was released: where that was a member of it, "
            "add the replacement by hand"
        )
        facts = refused(facts, Step.FIND_MEMBERSHIPS, load_balancer, error, tools.clock.now())
    return facts


def recall(tools: Tools, facts: Facts) -> Facts:
    """Memberships as the journal has them, where it has any; those of other servers than the source are refused.

    What was not known before is not drained, removed or returned yet. Where no batch is complete, the load balancers
    that are left have no name before they are listed again.
    """
    batches = recorded_memberships(tools.episode.records)
    if not batches:
        return facts
    own = own_servers(facts, tools.episode.records, tools.instance_id)
    found: dict[tuple[tuple[str, str], str, int | None], Membership] = {}
    for one in (Membership(**entry) for batch in batches for entry in batch.get("memberships", ())):
        if one.server_id in own:
            found.setdefault((one.group, one.server_id, one.port), one)
        else:
            facts = facts.warn(f"journal record {tools.episode.name}/memberships names {one.server_id}: left alone")
    undone = {"drained": False} if facts.unsearched else {}
    if len(found) > len(facts.memberships or ()) > 0:
        undone |= {"removed": False, "returned": False}
    complete = any(one.get("complete", True) for one in batches)
    warnings = [text for batch in batches for text in batch.get("warnings", ())]
    left = () if complete else ("load balancers that an earlier call did not search",)
    return facts.but(memberships=tuple(found.values()), unsearched=left, **undone).warn(*warnings)


def once(tools: Tools) -> Deadline:
    """For calls that are not to be repeated here: a refusal goes back to the loop, which decides anew."""
    return tools.deadline.sooner(0.0)


def _each_group(tools: Tools, facts: Facts, step: Step, act: Callable[[Facts, list[Membership]], Facts]) -> Facts:
    """Do a step in every group in which it is due; one that refuses does not keep the others from their turn."""
    for members in by_group(facts.memberships or ()):
        group = members[0].where
        if group not in facts.unsettled(step) or group_again_at(step, group, facts) > tools.clock.now():
            continue
        try:
            facts = accepted(act(facts, members), step, group)
            facts = facts.but(settled=facts.settled | {(step, group)})
        except (CloudError, RescueFailed) as error:
            facts = refused(facts, step, group, error, tools.clock.now())
    return facts


def drain(tools: Tools, facts: Facts) -> Facts:
    """Weight 0 in every group; once it is in all of them, the journal knows since when."""

    def weigh(facts: Facts, members: list[Membership]) -> Facts:
        set_weights(tools.slb, [replace(member, weight=0) for member in members], once(tools))
        return facts.but(drain_waited=False)

    facts = _each_group(tools, facts, Step.DRAIN, weigh)
    if facts.unsettled(Step.DRAIN):
        return facts
    if not facts.unsearched:
        tools.episode.record("drained", {"at": tools.clock.now()})
    return facts.but(drained=True, drained_at=tools.clock.now())


def wait_drain(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """Give in-flight requests their time: the setting, but never more than a fifth of what is left of the notice."""
    now = tools.clock.now()
    known = facts.refusals.get((Step.WAIT_DRAIN, ""))
    over = _drained_until(tools, facts, now) if known is None else known.again_at
    seconds = over - now
    if seconds > max(0.0, until.remaining()):
        tools.clock.sleep(until.remaining())
        error = DeadlineReached(f"{tools.instance_id} drains; this call's time is up, the next goes on")
        return later(facts, Step.WAIT_DRAIN, "", error, over)
    tools.clock.sleep(seconds)
    return accepted(facts, Step.WAIT_DRAIN).but(drain_waited=True)


def _drained_until(tools: Tools, facts: Facts, now: float) -> float:
    drained_at = min(now, float(tools.episode.records.get("drained", {}).get("at", facts.drained_at or now)))
    return drained_at + min(tools.settings.drain_seconds, max(0.0, facts.notice_end - now) / DRAIN_SHARE)


def remove(tools: Tools, facts: Facts) -> Facts:
    """Out of every group: exactly what was found, then list again and believe the list, not the answer."""

    def leave(facts: Facts, members: list[Membership]) -> Facts:
        left = remove_from_group(tools.slb, members, once(tools))
        return facts.warn(*(_still_there(member) for member in left))

    if not facts.gone and not may_have_left(tools.episode.records):
        tools.episode.record("removing", {"at": tools.clock.now()})
    facts = _undrained(_each_group(tools, facts, Step.REMOVE, leave))
    return facts.but(removed=not facts.unsettled(Step.REMOVE))


def _undrained(facts: Facts) -> Facts:
    """What was left needs weight 0 no more: that it was refused there is a warning."""
    left = set(facts.groups) - set(facts.unsettled(Step.REMOVE))
    for group in left:
        if refusal := facts.refusals.get((Step.DRAIN, group)):
            facts = accepted(facts, Step.DRAIN, group).warn(f"{group} was left without weight 0: {refusal.error}")
    return facts


def _still_there(member: Membership) -> str:
    return (
        f"{member.server_id} is still listed in {member.place}: "
        "CLB does not remove a server that does not run, and drops it when it is released"
    )


def return_replacement(tools: Tools, facts: Facts) -> Facts:
    """The replacement into the source's groups, with ports, weights and descriptions; then list again."""

    def join(facts: Facts, members: list[Membership]) -> Facts:
        cards = [one for one in members if one.server_id != tools.instance_id]
        lost = [f"place of network card {one.server_id} in {one.place}" for one in cards]
        places = [replace(one, server_id=facts.replacement_id, server_ip="") for one in members if one not in cards]
        if places:
            unasked = facts.launched_here and (Step.RETURN, members[0].where) not in facts.refusals
            lost += add_to_group(tools.slb, places, once(tools), nowhere_yet=unasked)
        return facts.but(not_carried=tuple(dict.fromkeys((*facts.not_carried, *lost))))

    facts = _each_group(tools, facts, Step.RETURN, join)
    if facts.unsettled(Step.RETURN):
        return facts
    tools.episode.record("serving", {"at": tools.clock.now()})
    return facts.but(returned=True)


def ask_health(tools: Tools, facts: Facts) -> Facts:
    """What the health checks say of the replacement, once; reported, never decisive.

    Raises ``CloudError`` for a refusal that is worth another try; any other one is a warning.
    """
    health: dict[str, str] = {}
    for load_balancer in dict.fromkeys(member.load_balancer_id for member in facts.memberships or ()):
        try:
            servers = _health_of(tools, load_balancer)
        except CloudError as error:
            if _worth_another_try(tools, facts, error):
                raise
            facts = facts.warn(f"the health of the replacement is not known: {error}")
            continue
        for server in servers:
            if server.get("ServerId") == facts.replacement_id:
                place = f"{load_balancer} listener {server.get('ListenerPort')} port {server.get('Port')}"
                health[place] = str(server.get("ServerHealthStatus"))
    abnormal = [f"health check of {place}: {status}" for place, status in health.items() if status == "abnormal"]
    return facts.but(health_asked=True, health=tuple(health.items())).warn(*abnormal)


def _health_of(tools: Tools, load_balancer: str) -> list[dict[str, Any]]:
    body: dict[str, Any] = {}
    with unless_group_is_gone():
        body = tools.slb.call(
            "DescribeHealthStatus", load_balancer, {"LoadBalancerId": load_balancer}, until=once(tools)
        )
    return items(body, "BackendServers", "BackendServer")


def _worth_another_try(tools: Tools, facts: Facts, error: CloudError) -> bool:
    before = facts.refusals.get((Step.ASK_HEALTH, ""))
    waited = tools.clock.now() - (tools.clock.now() if before is None else before.since)
    return passes_by_itself(error) and waited < HEALTH_SECONDS
