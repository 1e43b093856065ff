"""The search for the source's memberships; they are recorded before the first weight is changed."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import asdict

from rescue.actions import interrupted_replacement
from rescue.actions.record_checks import check_memberships, lost_weights, may_have_left, own_servers
from rescue.actions.source_instance import look_if_stale
from rescue.context import Context
from rescue.decide import Decision
from rescue.next_try import continue_at, try_later
from rescue.state import State
from rescue.steps import HOLD_UP_SECONDS, Step
from spotkeeper.clock import Deadline
from spotkeeper.errors import BrokenRecord, CloudError, DeadlineReached, RescueFailed, RescueIncomplete
from spotkeeper.instances import server_ids
from spotkeeper.load_balancers.membership import Membership, batches, is_complete, recorded, searched_scopes, unreadable
from spotkeeper.load_balancers.search import MembershipSearch

SLICE_SECONDS = 10.0
"""After this time a search pauses for more urgent steps."""
REPORT_TRIES = 5
"""Tries of the report of a scope whose memberships are known (groups that no API changes): more than a minute."""
BREATH = 0.5
FORBIDDEN = frozenset({"Forbidden.RAM", "Forbidden", "NoPermission", "Forbidden.NoPermission"})
"""The function's role may not make the call."""
FORBIDDEN_TRIES = 3
"""Further tries of a forbidden read: a policy takes a moment to reach every server."""


def begin(run: Context, state: State) -> MembershipSearch:
    """A search for the source's memberships, and for those that an earlier rescue owes the source."""
    first = interrupted_replacement.launched_by(run, state)
    owed = {} if first is None else {first.name: lambda: interrupted_replacement.owed(run, first)}
    return MembershipSearch(run.load_balancers.values(), server_ids(state.source, run.instance_id), owed)


def find(run: Context, state: State, _: Decision) -> State:
    """Continue the search, and record what was found.

    A load balancer that is refused delays neither the search of other load balancers nor the drain of what was found.
    A load balancer that was not searched before the release stays unknown, since a released server leaves its groups.
    """
    search = run.search = run.search or begin(run, state)
    if broken := _lost_record(run, state):
        return try_later(state, Step.FIND_MEMBERSHIPS, "", broken, run.clock.now())
    state = _search_scopes(run, state.accepted(Step.FIND_MEMBERSHIPS), search)
    state = look_if_stale(run, state)
    if not state.gone:
        search.trust()
    if run.attempt > 1 and not batches(run.episode.records):
        run.episode.look("memberships")  # of a call side by side; somebody may have overwritten them since
    if lost := _lost_record(run, state) if state.gone else lost_weights(run, search):
        return try_later(state, Step.FIND_MEMBERSHIPS, "", lost, run.clock.now())
    state = check_memberships(run, state, search)
    left = _unsearched(run, state, search)
    due = [scope for scope in left if _is_due(run, state, scope)]
    if due and not state.gone and not _is_late(run, state):
        return _continue_later(run, state.replace(unsearched=left), due)
    if not _record(run, search, complete=not left) and not state.gone:
        # Another call has recorded memberships during the search: they are checked, and superseded if contradicted.
        state = check_memberships(run, state, search)
        left = _unsearched(run, state, search)
        _record(run, search, complete=not left)
    state = recall(run, state, _unchecked(run, state, search, left)).replace(unsearched=left)
    return _report_unsearched(run, state, search) if state.gone else _continue_later(run, state, due)


def _search_scopes(run: Context, state: State, search: MembershipSearch) -> State:
    for scope in search.scopes:
        if run.step_limit.remaining() <= 0:
            break
        if _is_due(run, state, scope):
            state = _search_scope(run, state, search, scope)
    return state


def _is_due(run: Context, state: State, scope: str) -> bool:
    refusal = state.refusal(Step.FIND_MEMBERSHIPS, scope)
    return refusal is None or refusal.again_at <= run.clock.now()


def _is_late(run: Context, state: State) -> bool:
    """Whether the search has delayed the image for long enough."""
    return run.clock.now() >= (state.load_balancers_since or 0.0) + HOLD_UP_SECONDS


def is_forbidden(search: MembershipSearch, scope: str, error: CloudError) -> bool:
    """Whether the role may not read a whole product: its load balancers are a warning."""
    return search.is_product(scope) and error.code in FORBIDDEN


def _search_scope(run: Context, state: State, search: MembershipSearch, scope: str) -> State:
    progress = search.progress
    searched = state.accepted(Step.FIND_MEMBERSHIPS, scope)
    try:
        search.look_through(scope, once(run), run.step_limit.until)
    except DeadlineReached:
        return searched
    except (CloudError, RescueFailed) as error:
        # Throttling by the second is no reason for longer pauses while each try reads something new.
        before = searched if search.progress > progress else state
        refused = try_later(before, Step.FIND_MEMBERSHIPS, scope, error, run.clock.now())
        if not isinstance(error, CloudError):
            return refused
        tries = refused.refusals[Step.FIND_MEMBERSHIPS, scope].tries
        forbidden = is_forbidden(search, scope, error)
        if forbidden and tries <= FORBIDDEN_TRIES:
            return continue_at(refused, Step.FIND_MEMBERSHIPS, scope, error, run.clock.now() + 2.0 ** (tries - 1))
        if not forbidden and not (search.knows(scope) and tries >= REPORT_TRIES):
            return refused
        search.leave_out(scope, error)
    return searched


def _lost_record(run: Context, state: State) -> BrokenRecord | None:
    """The error about an overwritten record, if no list can show its memberships any more."""
    if not state.gone and not may_have_left(run.episode.records):
        return None
    if unread := unreadable(run.episode.records, run.episode.broken):
        return unread
    own = own_servers(state, run.episode.records, run.instance_id)
    foreign = sorted({member.server_id for member in recorded(run.episode.records)} - own)
    names = f"names {', '.join(foreign)}, and not {run.instance_id}"
    return BrokenRecord(run.episode.key("memberships"), names) if foreign else None


def _unsearched(run: Context, state: State, search: MembershipSearch) -> tuple[str, ...]:
    """The scopes in which the source may have unknown memberships.

    While the source is in its groups, a complete record of an earlier call is compared with the readable scopes.
    """
    if not is_complete(run.episode.records):
        known = searched_scopes(run.episode.records).union(search.trusted)
    elif state.gone or may_have_left(run.episode.records):
        return tuple(search.unlisted)
    else:
        refusals = ((scope, state.refusal(Step.FIND_MEMBERSHIPS, scope)) for scope in search.scopes)
        known = {scope for scope, refusal in refusals if refusal and refusal.final}.union(search.trusted)
    return tuple(scope for scope in search.scopes if scope not in known)


def _unchecked(run: Context, state: State, search: MembershipSearch, left: tuple[str, ...]) -> tuple[Membership, ...]:
    """Recorded memberships that no search has compared yet.

    After some time, the record of a load balancer that is listed and refused is believed.
    """
    if state.gone or may_have_left(run.episode.records):
        return ()
    waits = {*search.unlisted, *(() if _is_late(run, state) else left)}
    found = {member.key for member in search.found}
    doubtful = (member for member in recorded(run.episode.records) if member.key not in found)
    return tuple(member for member in doubtful if {member.scope, member.product} & waits)


def _record(run: Context, search: MembershipSearch, *, complete: bool) -> bool:
    """Record a batch of what was found: first ``memberships``, then ``memberships-<n>``.

    Returns whether this call knew the standing record before. No weight is changed before its batch is recorded, and
    batches are read in order: so the first batch that names a membership has its weight before the rescue. What was
    found in a load balancer that is not searched to the end is news, too: one of its groups may refuse for ever.
    """
    known = {member.key for member in recorded(run.episode.records)}
    found = any(member.key not in known for member in search.found)
    news = complete or found or set(search.trusted) - searched_scopes(run.episode.records)
    if not news or is_complete(run.episode.records):
        return True
    document = {
        "memberships": [asdict(member) for member in search.found],
        "searched": list(search.trusted),
        "complete": complete,
        "warnings": list(search.warnings),
    }
    standing = run.episode.record("memberships", document)
    if standing != document and not standing.get("complete", True):
        run.episode.claim("memberships", document)
    return standing == document


def _continue_later(run: Context, state: State, due: list[str]) -> State:
    """The scopes without a turn in this slice come next, unless another step is more urgent."""
    if not due:
        return state
    error = DeadlineReached(f"{len(due)} load balancers were not searched for memberships in this call's time")
    return continue_at(state, Step.FIND_MEMBERSHIPS, due[0], error, run.clock.now() + BREATH)


def _report_unsearched(run: Context, state: State, search: MembershipSearch) -> State:
    """After the release, the load balancers that were not searched stay unknown."""
    for scope in state.unsearched:
        if not search.is_product(scope):
            error = RescueIncomplete(
                f"{scope} was not searched before {run.instance_id} was released: if the instance was a member of it, "
                "add the replacement by hand"
            )
            state = try_later(state, Step.FIND_MEMBERSHIPS, scope, error, run.clock.now())
    return state


def recall(run: Context, state: State, unchecked: Container[Membership] = ()) -> State:
    """The state with the recorded memberships, if there are any; memberships of other servers are left out.

    Memberships that are new to this call are not drained, removed or returned yet. Without a complete batch, the load
    balancers that are left have no name before they are listed again. ``unchecked`` memberships are left as they are: a
    search may yet contradict their record.
    """
    records = run.episode.records
    if not batches(records):
        return state
    own = own_servers(state, records, run.instance_id)
    found = [member for member in recorded(records) if member.server_id in own and member not in unchecked]
    foreign = dict.fromkeys(member.server_id for member in recorded(records) if member.server_id not in own)
    undone = {"drained": False} if state.unsearched else {}
    if len(found) > len(state.memberships or ()) > 0:
        undone |= {"removed": False, "returned": False}
    left = () if is_complete(records) and not foreign else ("load balancers that an earlier call did not search",)
    return state.replace(memberships=tuple(found), unsearched=left, **undone).warn(
        *(f"journal record {run.episode.name}/memberships names {server_id}: left alone" for server_id in foreign),
        *(text for batch in batches(records) for text in batch.get("warnings", ())),
    )


def once(run: Context) -> Deadline:
    """For calls that are not repeated in the step: a refusal goes back to the loop, which decides anew."""
    return run.deadline.sooner(0.0)
