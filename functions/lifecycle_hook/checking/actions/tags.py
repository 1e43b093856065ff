"""Tags on instances for later calls: the end of the hook's life, and the failed instances (``spotkeeper.hooks``)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from checking.assignment import Partial
from checking.context import Context
from checking.state import State
from checking.steps import Decision
from spotkeeper.clients import chunks
from spotkeeper.errors import CloudError
from spotkeeper.hooks import FAILED_TAG, failed_mark, life_mark, life_tag, recorded_life
from spotkeeper.instances import describe_instance, describe_instances, tags_of
from spotkeeper.retry import is_throttling, passes_with_next_call

NO_INSTANCE = "InvalidResourceId.NotFound"
PER_CALL = 50


def record_life(run: Context, state: State, _: Decision) -> State:
    """Record the hook's end of life for other calls and the sweep: no API shows it.

    No step depends on it: a refusal is recorded; after throttling the tag is written later.
    """
    try:
        if first := min(state.instance_ids, default=""):
            key, value = life_tag(state.event.hook_id), life_mark(state.event.token, state.alive_until)
            _call(run, "TagResources", [first], {"Tag": [{"Key": key, "Value": value}]})
    except CloudError as error:
        if is_throttling(error):
            raise
        run.audit.record("record how long the hook lives", "failed", str(error))
    return state.replace(unrecorded=False)


def mark(run: Context, state: State, _: Decision) -> State:
    """Tag the failed instances, so that another call can remove them after CONTINUE if this call dies.

    After a refusal (20 tags already, RAM) they may not enter the group: no call could remove them.
    """
    try:
        _on_each(run, "TagResources", state.failing, {"Tag": [{"Key": FAILED_TAG, "Value": mark_of(state)}]})
    except CloudError as error:
        if passes_with_next_call(error):
            raise
        return state.replace(removal_error=error)
    return state.replace(marked=True)


def marked(run: Context, state: State) -> list[str]:
    """The ids of the instances that carry the mark of this action."""
    parameters = {"Tag": [{"Key": FAILED_TAG, "Value": mark_of(state)}]}
    found = describe_instances(run.ecs, "marked instances", parameters)
    return [str(each["InstanceId"]) for each in found if tags_of(each).get(FAILED_TAG) == mark_of(state)]


def mark_of(state: State) -> str:
    """The mark of this action's failed instances."""
    return failed_mark(state.event.token, state.event.hook_id, state.event.scaling_activity_id)


def tidy(run: Context, state: State, _: Decision) -> State:
    """Remove the action's tags after its end, and after the removal of failed instances.

    A refusal that does not pass is a warning. Raises ``CloudError``.
    """
    try:
        _untag(run, life_tag(state.event.hook_id), _with_life_tag(run, state))
        removing = state.check_plan and state.check_plan.partial is Partial.CONTINUE_AND_REMOVE_FAILED
        _untag(run, FAILED_TAG, marked(run, state) if removing else [])
    except CloudError as error:
        if passes_with_next_call(error):
            raise
        return state.replace(tidied=True, untidy=error)
    return state.replace(tidied=True)


def _with_life_tag(run: Context, state: State) -> list[str]:
    first = min(state.instance_ids, default="")
    tags = tags_of(describe_instance(run.ecs, first)) if first else {}
    return [first] if recorded_life(tags, state.event.hook_id, state.event.token, math.inf) is not None else []


def _untag(run: Context, key: str, instance_ids: list[str]) -> None:
    _on_each(run, "UntagResources", instance_ids, {"TagKey": [key]})
    if instance_ids:
        run.audit.record("remove the tags", "done", f"{key} of {', '.join(instance_ids)}")


def _on_each(run: Context, action: str, instance_ids: Iterable[str], parameters: Mapping[str, Any]) -> None:
    """The call on all instances; an instance that is gone makes the API refuse it, so each instance is tried alone."""
    for chunk in chunks(instance_ids, PER_CALL):
        if not _call(run, action, chunk, parameters):
            for instance_id in chunk:
                _call(run, action, [instance_id], parameters)


def _call(run: Context, action: str, instance_ids: list[str], parameters: Mapping[str, Any]) -> bool:
    """Whether all instances exist."""
    given = {"ResourceType": "instance", "ResourceId": instance_ids, **parameters}
    try:
        run.ecs.call(action, f"{len(instance_ids)} instances", given)
    except CloudError as error:
        if error.code != NO_INSTANCE:
            raise
        return False
    return True
