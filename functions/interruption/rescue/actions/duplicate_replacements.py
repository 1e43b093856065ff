"""Duplicates: launched beside the replacement. A recorded duplicate is deleted, a tagged instance only reported."""

from __future__ import annotations

from dataclasses import replace

from rescue.actions import launch_requests
from rescue.actions.launch_refusals import may_launch
from rescue.actions.launch_requests import LaunchRecords, LaunchRequest
from rescue.actions.run_instances import check_age, possible_launches, run_instances, tagged_instances
from rescue.context import Context
from rescue.decide import Decision
from rescue.state import State
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import CloudError
from spotkeeper.instances import describe_instance
from spotkeeper.retry import RetryPolicy

DELETE_CONFLICTS = RetryPolicy(conflicts=frozenset({"IncorrectInstanceStatus.Initializing", "IncorrectInstanceStatus"}))
ALREADY_GONE = "InvalidInstanceId.NotFound"

SEARCH_SECONDS = 3600.0
"""How long after the rescue's end the launch of a dead call is searched for."""


def delete_duplicates(run: Context, state: State, _: Decision) -> State:
    """Delete the recorded instances that the record ``replacement`` does not name.

    Launches of dead calls without a record are searched for until an hour after the rescue's end, unless this call has
    launched the replacement and no other call has requested an instance.
    """
    known = launch_requests.read(run)
    unproven: list[str] = []
    alone = state.launched_here and set(known.last) <= {run.attempt}
    if not alone and _search_is_due(run):
        known, unproven = _search(run, known)
    # The replacement that the recorded answer names serves, whatever another record says now.
    serving = run.episode.records.get("done", {}).get("answer", {}).get("replacement_id")
    duplicates = sorted(set(known.launched) - known.deleted - {state.replacement_id, serving})
    deleted = [instance_id for instance_id in duplicates if _delete(run, instance_id)]
    return state.replace(duplicates_checked=True).warn(
        *(f"duplicate replacement {instance_id} was deleted" for instance_id in deleted),
        *(
            f"instance {instance_id} carries the tag {EPISODE_TAG}={run.episode.name}, but no record of this rescue "
            "names it: it is left alone"
            for instance_id in unproven
            if instance_id != state.replacement_id
        ),
    )


def _search_is_due(run: Context) -> bool:
    done = run.episode.records.get("done")
    return done is None or run.clock.now() - float(done["at"]) < SEARCH_SECONDS


def _search(run: Context, known: LaunchRecords) -> tuple[LaunchRecords, list[str]]:
    """The records after a look at every instance with the rescue's tag, and the tagged instances without a proof.

    The last RunInstances of another call is repeated only if its answer tells whose an instance is.
    """
    found = tagged_instances(run)
    others = replace(known, last={attempt: last for attempt, last in known.last.items() if attempt != run.attempt})
    for request in others.unanswered():
        if possible_launches(request, found, known) and not launch_requests.why_not_repeated(run, request):
            _repeat(run, request)
            known = launch_requests.read(run)
    return known, sorted(set(found) - set(known.launched))


def _repeat(run: Context, request: LaunchRequest) -> None:
    """Repeat RunInstances; its answer is recorded. A refusal that no further try changes leaves the launch unproven.

    Raises ``CloudError`` for any other refusal.
    """
    try:
        run_instances(run, request)
    except CloudError as error:
        if may_launch(error):
            raise


def _delete(run: Context, instance_id: str) -> bool:
    """Delete a duplicate (a new instance is refused in its first minute), and record it; whether it still existed."""
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
