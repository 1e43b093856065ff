"""What a rescue launched beside its replacement: deleted where a record proves it, reported where a tag says so."""

from __future__ import annotations

from dataclasses import replace

from rescue import asks
from rescue.asks import Ask, Asks
from rescue.context import Context
from rescue.ladder import ends_round
from rescue.launches import check_age, run_instances, suspects, tagged
from rescue.state import State
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import CloudError
from spotkeeper.instances import describe_instance
from spotkeeper.retry import RetryPolicy

DELETE_CONFLICTS = RetryPolicy(conflicts=frozenset({"IncorrectInstanceStatus.Initializing", "IncorrectInstanceStatus"}))
ALREADY_GONE = "InvalidInstanceId.NotFound"

SEARCH_SECONDS = 3600.0
"""For how long after the rescue's end a surplus launch of a dead call is searched for."""


def check_strays(run: Context, state: State) -> State:
    """Delete what the records say this rescue launched and ``replacement`` does not name.

    What a dead call launched without a record is searched for until an hour after the rescue's end. A call that
    launched the replacement, and has been the only one that asked for any, need not search.
    """
    known = asks.read(run)
    strangers: list[str] = []
    alone = state.launched_here and set(known.last) <= {run.attempt}
    if not alone and _search_is_due(run):
        known, strangers = _searched(run, known)
    surplus = sorted(set(known.launched) - known.deleted - {state.replacement_id, _serving(run)})
    surplus = [one for one in surplus if _delete(run, one)]
    return state.replace(strays_checked=True).warn(
        *(f"surplus replacement {one} was deleted" for one in surplus),
        *(_stranger(run, one) for one in strangers if one != state.replacement_id),
    )


def _serving(run: Context) -> str:
    """The replacement that the rescue's end names: it serves, whatever another record says by now."""
    answer = run.episode.records.get("done", {}).get("answer", {})
    return str(answer.get("replacement_id") or "")


def _search_is_due(run: Context) -> bool:
    done = run.episode.records.get("done")
    return done is None or run.clock.now() - float(done["at"]) < SEARCH_SECONDS


def _searched(run: Context, known: Asks) -> tuple[Asks, list[str]]:
    """What the records name once every instance with our tag was looked at, and those that nothing proves ours.

    The last RunInstances of another call is sent once more only where its answer would settle whose an instance is.
    """
    found = tagged(run)
    others = replace(known, last={number: ask for number, ask in known.last.items() if number != run.attempt})
    for ask in others.unanswered():
        if suspects(ask, found, known) and not asks.why_not_repeated(run, ask):
            _prove(run, ask)
            known = asks.read(run)
    return known, sorted(set(found) - set(known.launched))


def _prove(run: Context, ask: Ask) -> None:
    """Send it again; the answer becomes a record. A refusal says that this call launched nothing."""
    try:
        run_instances(run, ask)
    except CloudError as error:
        if ends_round(error):
            raise


def _stranger(run: Context, instance_id: str) -> str:
    return (
        f"instance {instance_id} carries the tag {EPISODE_TAG}={run.episode.name}, but no record of this rescue "
        "names it: it is left alone"
    )


def _delete(run: Context, instance_id: str) -> bool:
    """Delete a surplus replacement (a new instance refuses for its first minute), and record that it is gone.

    Returns whether it was still there.
    """
    existed = True
    if seen := describe_instance(run.ecs, instance_id):
        check_age(run, seen)
    try:
        run.ecs.call("DeleteInstance", instance_id, {"InstanceId": instance_id, "Force": True}, retry=DELETE_CONFLICTS)
    except CloudError as error:
        if error.code != ALREADY_GONE:
            raise
        existed = False
    run.episode.record(f"deleted-{instance_id}", {"at": run.clock.now()})
    return existed
