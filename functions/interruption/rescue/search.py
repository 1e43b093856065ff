"""The step that finds the source's memberships, and records them before the first weight is changed."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import asdict

from rescue import succession
from rescue.checked_records import check_memberships, may_have_left, own_servers
from rescue.context import Context
from rescue.refusals import later, refused
from rescue.source import look_if_stale
from rescue.state import State
from rescue.steps import HOLD_UP_SECONDS, Step
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


def begin(run: Context, state: State) -> Search:
    """A search for the source's memberships, also for those that an earlier rescue still owes it."""
    first = succession.launched_by(run, state)
    owed = {} if first is None else {first.name: lambda: succession.owed(run, first)}
    return Search(run.load_balancers.values(), server_ids(state.source, run.instance_id), owed)


def find(run: Context, state: State, search: Search, until: Deadline) -> State:
    """Search on, and record what was found before the first weight is changed.

    A load balancer that refuses does not keep the others from being searched, nor what was found from its drain.
    What is not searched when the source is released stays unknown: a load balancer drops a released server.
    """
    if broken := _lost_record(run, state):
        return refused(state, Step.FIND_MEMBERSHIPS, "", broken, run.clock.now())
    state = _search_on(run, state.accepted(Step.FIND_MEMBERSHIPS), search, until)
    state = look_if_stale(run, state)
    if not state.gone:
        search.trust()
        state = check_memberships(run, state, search)
    left = _unsearched(run, state, search)
    slow = [one for one in left if _is_due(run, state, one)]
    if slow and not state.gone and run.clock.now() < (state.lb_since or 0.0) + HOLD_UP_SECONDS:
        return _go_on_later(run, state.replace(unsearched=left), slow)
    if not _record(run, search, complete=not left) and not state.gone:
        # Somebody wrote it while this call searched: it is compared as well, and superseded where it is contradicted.
        state = check_memberships(run, state, search)
        left = _unsearched(run, state, search)
        _record(run, search, complete=not left)
    state = recall(run, state, _unchecked(run, state, search, left)).replace(unsearched=left)
    return _lose_sight(run, state, search) if state.gone else _go_on_later(run, state, slow)


def _search_on(run: Context, state: State, search: Search, until: Deadline) -> State:
    for scope in search.scopes:
        if until.remaining() <= 0:
            break
        if _is_due(run, state, scope):
            state = _search_one(run, state, search, scope, until)
    return state


def _is_due(run: Context, state: State, scope: str) -> bool:
    refusal = state.refusals.get((Step.FIND_MEMBERSHIPS, scope))
    return refusal is None or refusal.again_at <= run.clock.now()


def _search_one(run: Context, state: State, search: Search, scope: str, pause_at: Deadline) -> State:
    progress = search.progress
    try:
        search.look_through(scope, once(run), pause_at)
    except DeadlineReached:
        return state.accepted(Step.FIND_MEMBERSHIPS, scope)
    except (CloudError, RescueFailed) as error:
        # Throttling by the second is no reason for longer pauses while each try reads something new.
        known = state.accepted(Step.FIND_MEMBERSHIPS, scope) if search.progress > progress else state
        refusing = refused(known, Step.FIND_MEMBERSHIPS, scope, error, run.clock.now())
        if not isinstance(error, CloudError):
            return refusing
        tries = refusing.refusals[Step.FIND_MEMBERSHIPS, scope].tries
        forbidden = search.is_product(scope) and error.code in FORBIDDEN
        if forbidden and tries <= FORBIDDEN_TRIES:
            return later(refusing, Step.FIND_MEMBERSHIPS, scope, error, run.clock.now() + 2.0 ** (tries - 1))
        if not forbidden and not (search.knows(scope) and tries >= REPORT_TRIES):
            return refusing
        search.leave_out(scope, error)
    return state.accepted(Step.FIND_MEMBERSHIPS, scope)


def _lost_record(run: Context, state: State) -> BrokenRecord | None:
    """Which record somebody has overwritten, where no list tells any more what it said."""
    if may_have_left(run.episode.records):
        return unreadable(run.episode.records, run.episode.broken) or _overwritten(run, state)
    return _overwritten(run, state) if state.gone else None


def _overwritten(run: Context, state: State) -> BrokenRecord | None:
    own = own_servers(state, run.episode.records, run.instance_id)
    strangers = sorted({one.server_id for one in recorded(run.episode.records)} - own)
    names = f"names {', '.join(strangers)}, and not {run.instance_id}"
    return BrokenRecord(run.episode.key("memberships"), names) if strangers else None


def _unsearched(run: Context, state: State, search: Search) -> tuple[str, ...]:
    """The scopes of which nobody knows whether the source has memberships there.

    A complete record of an earlier call is compared with the scopes that can be read, while the source is in them.
    """
    if not is_complete(run.episode.records):
        known = _searched(run).union(search.trusted)
        return tuple(one for one in search.scopes if one not in known)
    if state.gone or may_have_left(run.episode.records):
        return tuple(search.unlisted)
    refusing = {part for (step, part), one in state.refusals.items() if step is Step.FIND_MEMBERSHIPS and one.final}
    return tuple(one for one in search.scopes if one not in refusing.union(search.trusted))


def _unchecked(run: Context, state: State, search: Search, left: Sequence[str]) -> tuple[Membership, ...]:
    """Recorded memberships that no search has compared yet.

    What a listed load balancer refuses to tell is believed after some time.
    """
    if state.gone or may_have_left(run.episode.records):
        return ()
    late = run.clock.now() >= (state.lb_since or 0.0) + HOLD_UP_SECONDS
    waits, found = {*search.unlisted, *(() if late else left)}, {one.key for one in search.found}
    doubtful = (one for one in recorded(run.episode.records) if one.key not in found)
    return tuple(one for one in doubtful if {one.scope, one.product} & waits)


def _searched(run: Context) -> set[str]:
    """The scopes that this or an earlier call has searched, by the journal."""
    return {str(name) for one in batches(run.episode.records) for name in one.get("searched", ())}


def _record(run: Context, search: Search, *, complete: bool) -> bool:
    """A batch of what was found. The first is ``memberships``; whoever finds more adds ``memberships-<n>``.

    Returns whether this call has seen before what stands.

    Nobody changes a weight before its batch stands, and batches are read in order: so the first one that names a
    membership has the weight that it had before the rescue.
    """
    begun = bool(batches(run.episode.records))
    news = complete or set(search.trusted) - _searched(run) or (search.found and not begun)
    if not news or is_complete(run.episode.records):
        return True
    document = {
        "memberships": [asdict(one) for one in search.found],
        "searched": list(search.trusted),
        "complete": complete,
        "warnings": list(search.warnings),
    }
    standing = run.episode.record("memberships", document)
    if standing != document and not standing.get("complete", True):
        run.episode.claim("memberships", document)
    return standing == document


def _go_on_later(run: Context, state: State, slow: list[str]) -> State:
    """The scopes that this slice had no time for come next, unless something is more urgent."""
    if not slow:
        return state
    error = DeadlineReached(f"the memberships in {len(slow)} load balancers were not looked for in this call's time")
    return later(state, Step.FIND_MEMBERSHIPS, slow[0], error, run.clock.now() + BREATH)


def _lose_sight(run: Context, state: State, search: Search) -> State:
    """The source is released: the load balancers that were not searched before stay unknown."""
    for scope in state.unsearched:
        if not search.is_product(scope):
            error = RescueIncomplete(
                f"{scope} was not searched before {run.instance_id} was released: where that was a member of it, "
                "add the replacement by hand"
            )
            state = refused(state, Step.FIND_MEMBERSHIPS, scope, error, run.clock.now())
    return state


def recall(run: Context, state: State, unchecked: Container[Membership] = ()) -> State:
    """Memberships as the journal has them, where it has any; those of other servers than the source are refused.

    What was not known before is not drained, removed or returned yet. Where no batch is complete, the load balancers
    that are left have no name before they are listed again. Nothing is done about ``unchecked`` ones: somebody else's
    record may yet be contradicted.
    """
    records = run.episode.records
    if not batches(records):
        return state
    own = own_servers(state, records, run.instance_id)
    found = [one for one in recorded(records) if one.server_id in own and one not in unchecked]
    strangers = {one.server_id: None for one in recorded(records) if one.server_id not in own}
    undone = {"drained": False} if state.unsearched else {}
    if len(found) > len(state.memberships or ()) > 0:
        undone |= {"removed": False, "returned": False}
    left = () if is_complete(records) and not strangers else ("load balancers that an earlier call did not search",)
    return state.replace(memberships=tuple(found), unsearched=left, **undone).warn(
        *(f"journal record {run.episode.name}/memberships names {one}: left alone" for one in strangers),
        *(text for batch in batches(records) for text in batch.get("warnings", ())),
    )


def once(run: Context) -> Deadline:
    """For calls that are not to be repeated here: a refusal goes back to the loop, which decides anew."""
    return run.deadline.sooner(0.0)
