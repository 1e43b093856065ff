"""The step that finds the source's memberships, and records them before the first weight is changed."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import asdict

from rescue import succession
from rescue.checked_records import check_memberships, may_have_left, own_servers
from rescue.facts import Facts
from rescue.refusals import later, refused
from rescue.source import look_if_stale
from rescue.tools import Tools
from rescue.tracks import HOLD_UP_SECONDS, Step
from spotkeeper.clock import Deadline
from spotkeeper.errors import BrokenRecord, CloudError, DeadlineReached, RescueFailed, RescueIncomplete
from spotkeeper.instances import server_ids
from spotkeeper.load_balancers.membership import Membership, batches, is_complete, recorded, unreadable
from spotkeeper.load_balancers.search import Search

SLICE_SECONDS = 10.0
"""After this time a search gives way to more urgent steps."""
REPORT_TRIES = 5
"""Reads of the groups that no API changes, once the memberships of a scope are known: the last one past the minute."""
BREATH = 0.5
FORBIDDEN = frozenset({"Forbidden.RAM", "Forbidden", "NoPermission", "Forbidden.NoPermission"})
"""The function's role may not make the call."""
FORBIDDEN_TRIES = 3
"""Further tries of a forbidden read: a policy takes a moment to reach every server."""


def begin(tools: Tools, facts: Facts) -> Search:
    """A search for the source's memberships, also for those that an earlier rescue still owes it."""
    first = succession.launched_by(tools, facts)
    owed = {} if first is None else {first.name: lambda: succession.owed(tools, first)}
    return Search(tools.load_balancers.values(), server_ids(facts.source, tools.instance_id), owed)


def find(tools: Tools, facts: Facts, search: Search, until: Deadline) -> Facts:
    """Search on, and record what was found before the first weight is changed.

    A load balancer that refuses does not keep the others from being searched, nor what was found from its drain.
    What is not searched when the source is released stays unknown: a load balancer drops a released server.
    """
    if broken := _lost_record(tools, facts):
        return refused(facts, Step.FIND_MEMBERSHIPS, "", broken, tools.clock.now())
    facts = _search_on(tools, facts.accepted(Step.FIND_MEMBERSHIPS), search, until)
    facts = look_if_stale(tools, facts)
    if not facts.gone:
        search.trust()
        facts = check_memberships(tools, facts, search)
    left = _unsearched(tools, facts, search)
    slow = [one for one in left if _is_due(tools, facts, one)]
    if slow and not facts.gone and tools.clock.now() < (facts.lb_since or 0.0) + HOLD_UP_SECONDS:
        return _go_on_later(tools, facts.but(unsearched=left), slow)
    if not _record(tools, search, complete=not left) and not facts.gone:
        # Somebody wrote it while this call searched: it is compared as well, and superseded where it is contradicted.
        facts = check_memberships(tools, facts, search)
        left = _unsearched(tools, facts, search)
        _record(tools, search, complete=not left)
    facts = recall(tools, facts, _unchecked(tools, facts, search, left)).but(unsearched=left)
    return _lose_sight(tools, facts, search) if facts.gone else _go_on_later(tools, facts, slow)


def _search_on(tools: Tools, facts: Facts, search: Search, until: Deadline) -> Facts:
    for scope in search.scopes:
        if until.remaining() <= 0:
            break
        if _is_due(tools, facts, scope):
            facts = _search_one(tools, facts, search, scope, until)
    return facts


def _is_due(tools: Tools, facts: Facts, scope: str) -> bool:
    refusal = facts.refusals.get((Step.FIND_MEMBERSHIPS, scope))
    return refusal is None or refusal.again_at <= tools.clock.now()


def _search_one(tools: Tools, facts: Facts, search: Search, scope: str, pause_at: Deadline) -> Facts:
    progress = search.progress
    try:
        search.look_through(scope, once(tools), pause_at)
    except DeadlineReached:
        return facts.accepted(Step.FIND_MEMBERSHIPS, scope)
    except (CloudError, RescueFailed) as error:
        # Throttling by the second is no reason for longer pauses while each try reads something new.
        known = facts.accepted(Step.FIND_MEMBERSHIPS, scope) if search.progress > progress else facts
        refusing = refused(known, Step.FIND_MEMBERSHIPS, scope, error, tools.clock.now())
        if not isinstance(error, CloudError):
            return refusing
        tries = refusing.refusals[Step.FIND_MEMBERSHIPS, scope].tries
        forbidden = search.is_product(scope) and error.code in FORBIDDEN
        if forbidden and tries <= FORBIDDEN_TRIES:
            return later(refusing, Step.FIND_MEMBERSHIPS, scope, error, tools.clock.now() + 2.0 ** (tries - 1))
        if not forbidden and not (search.knows(scope) and tries >= REPORT_TRIES):
            return refusing
        search.leave_out(scope, error)
    return facts.accepted(Step.FIND_MEMBERSHIPS, scope)


def _lost_record(tools: Tools, facts: Facts) -> BrokenRecord | None:
    """Which record somebody has overwritten, where no list tells any more what it said."""
    if may_have_left(tools.episode.records):
        return unreadable(tools.episode.records, tools.episode.broken) or _overwritten(tools, facts)
    return _overwritten(tools, facts) if facts.gone else None


def _overwritten(tools: Tools, facts: Facts) -> BrokenRecord | None:
    own = own_servers(facts, tools.episode.records, tools.instance_id)
    strangers = sorted({one.server_id for one in recorded(tools.episode.records)} - own)
    names = f"names {', '.join(strangers)}, and not {tools.instance_id}"
    return BrokenRecord(tools.episode.key("memberships"), names) if strangers else None


def _unsearched(tools: Tools, facts: Facts, search: Search) -> tuple[str, ...]:
    """The scopes of which nobody knows whether the source has memberships there.

    A complete record of an earlier call is compared with the scopes that can be read, while the source is in them.
    """
    if not is_complete(tools.episode.records):
        known = _searched(tools).union(search.trusted)
        return tuple(one for one in search.scopes if one not in known)
    if facts.gone or may_have_left(tools.episode.records):
        return tuple(search.unlisted)
    refusing = {part for (step, part), one in facts.refusals.items() if step is Step.FIND_MEMBERSHIPS and one.final}
    return tuple(one for one in search.scopes if one not in refusing.union(search.trusted))


def _unchecked(tools: Tools, facts: Facts, search: Search, left: Sequence[str]) -> tuple[Membership, ...]:
    """Recorded memberships that no search has compared yet.

    What a listed load balancer refuses to tell is believed after some time.
    """
    if facts.gone or may_have_left(tools.episode.records):
        return ()
    late = tools.clock.now() >= (facts.lb_since or 0.0) + HOLD_UP_SECONDS
    waits, found = {*search.unlisted, *(() if late else left)}, {one.key for one in search.found}
    doubtful = (one for one in recorded(tools.episode.records) if one.key not in found)
    return tuple(one for one in doubtful if {one.scope, one.product} & waits)


def _searched(tools: Tools) -> set[str]:
    """The scopes that this or an earlier call has searched, by the journal."""
    return {str(name) for one in batches(tools.episode.records) for name in one.get("searched", ())}


def _record(tools: Tools, search: Search, *, complete: bool) -> bool:
    """A batch of what was found. The first is ``memberships``; whoever finds more adds ``memberships-<n>``.

    Returns whether this call has seen before what stands.

    Nobody changes a weight before its batch stands, and batches are read in order: so the first one that names a
    membership has the weight that it had before the rescue.
    """
    begun = bool(batches(tools.episode.records))
    news = complete or set(search.trusted) - _searched(tools) or (search.found and not begun)
    if not news or is_complete(tools.episode.records):
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
    """The scopes that this slice had no time for come next, unless something is more urgent."""
    if not slow:
        return facts
    error = DeadlineReached(f"the memberships in {len(slow)} load balancers were not looked for in this call's time")
    return later(facts, Step.FIND_MEMBERSHIPS, slow[0], error, tools.clock.now() + BREATH)


def _lose_sight(tools: Tools, facts: Facts, search: Search) -> Facts:
    """The source is released: the load balancers that were not searched before stay unknown."""
    for scope in facts.unsearched:
        if not search.is_product(scope):
            error = RescueIncomplete(
                f"{scope} was not searched before {tools.instance_id} was released: where that was a member of it, "
                "add the replacement by hand"
            )
            facts = refused(facts, Step.FIND_MEMBERSHIPS, scope, error, tools.clock.now())
    return facts


def recall(tools: Tools, facts: Facts, unchecked: Container[Membership] = ()) -> Facts:
    """Memberships as the journal has them, where it has any; those of other servers than the source are refused.

    What was not known before is not drained, removed or returned yet. Where no batch is complete, the load balancers
    that are left have no name before they are listed again. Nothing is done about ``unchecked`` ones: somebody else's
    record may yet be contradicted.
    """
    records = tools.episode.records
    if not batches(records):
        return facts
    own = own_servers(facts, records, tools.instance_id)
    found = [one for one in recorded(records) if one.server_id in own and one not in unchecked]
    strangers = {one.server_id: None for one in recorded(records) if one.server_id not in own}
    undone = {"drained": False} if facts.unsearched else {}
    if len(found) > len(facts.memberships or ()) > 0:
        undone |= {"removed": False, "returned": False}
    left = () if is_complete(records) and not strangers else ("load balancers that an earlier call did not search",)
    return facts.but(memberships=tuple(found), unsearched=left, **undone).warn(
        *(f"journal record {tools.episode.name}/memberships names {one}: left alone" for one in strangers),
        *(text for batch in batches(records) for text in batch.get("warnings", ())),
    )


def once(tools: Tools) -> Deadline:
    """For calls that are not to be repeated here: a refusal goes back to the loop, which decides anew."""
    return tools.deadline.sooner(0.0)
