"""Tags on instances, for whoever takes over: until when the hook lives, and which instances failed.

They are written while they are needed and taken away when they have done their work (``spotkeeper.hooks``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from checking.assignment import Partial
from checking.context import Context
from checking.state import State
from checking.steps import Decision
from spotkeeper.clients import chunks
from spotkeeper.errors import CloudError
from spotkeeper.hooks import FAILED_TAG, failed_mark, life_mark, life_tag, recorded_life
from spotkeeper.instances import Described, describe_instance, describe_instances, tags_of
from spotkeeper.retry import is_throttling, passes_with_next_call

NO_INSTANCE = "InvalidResourceId.NotFound"
PER_CALL = 50


def record_life(run: Context, state: State, _: Decision) -> State:
    """Tell other calls, and the sweep, until when the hook lives: no API does.

    Nothing depends on it: a refusal is recorded, unless it is throttling, after which it is written later.
    """
    first = min(state.action.instance_ids, default="") if state.action else ""
    try:
        if first:
            tag = _tag(life_tag(state.event.hook_id), life_mark(state.event.token, state.alive_until))
            _call(run, "TagResources", [first], tag)
    except CloudError as error:
        if is_throttling(error):
            raise
        run.audit.record("record how long the hook lives", "failed", str(error))
    return state.replace(unrecorded=False)


def mark(run: Context, state: State, _: Decision) -> State:
    """Tag the failed instances, so that a call after CONTINUE knows them although this one may die.

    Where that is refused (20 tags already, RAM) they may not enter: nothing would take them out again.
    """
    failed = sorted(state.progress.failures) if state.progress else []
    try:
        _on_each(run, "TagResources", failed, _tag(FAILED_TAG, mark_of(state)))
    except CloudError as error:
        if passes_with_next_call(error):
            raise
        return state.replace(hindrance=error)
    return state.replace(marked=True)


def marked(run: Context, state: State) -> Iterator[Described]:
    """The instances that carry the mark of this action, whoever wrote it."""
    parameters = {"Tag": [{"Key": FAILED_TAG, "Value": mark_of(state)}]}
    found = describe_instances(run.ecs, "marked instances", parameters)
    return (one for one in found if tags_of(one).get(FAILED_TAG) == mark_of(state))


def mark_of(state: State) -> str:
    """What the failed instances of this action carry."""
    event = state.event
    return failed_mark(event.token, event.hook_id, event.scaling_activity_id)


def tidy(run: Context, state: State, _: Decision) -> State:
    """Take away the action's tags once it is over and whoever failed is removed.

    A refusal that does not pass is a warning. Raises ``CloudError``.
    """
    try:
        _untag(run, life_tag(state.event.hook_id), _remembering(run, state))
        removing = state.check_plan and state.check_plan.partial is Partial.CONTINUE_AND_REMOVE_FAILED
        _untag(run, FAILED_TAG, [str(one["InstanceId"]) for one in marked(run, state)] if removing else [])
    except CloudError as error:
        if passes_with_next_call(error):
            raise
        return state.replace(tidied=True, untidy=error)
    return state.replace(tidied=True)


def _remembering(run: Context, state: State) -> list[str]:
    first = min(state.action.instance_ids, default="") if state.action else ""
    tags = tags_of(describe_instance(run.ecs, first)) if first else {}
    return [first] if recorded_life(tags, state.event.hook_id, state.event.token) is not None else []


def _untag(run: Context, key: str, instance_ids: Iterable[str]) -> None:
    ids = list(instance_ids)
    _on_each(run, "UntagResources", ids, {"TagKey": [key]})
    if ids:
        run.audit.record("remove the tags", "done", f"{key} of {', '.join(ids)}")


def _tag(key: str, value: str) -> dict[str, Any]:
    return {"Tag": [{"Key": key, "Value": value}]}


def _on_each(run: Context, action: str, instance_ids: Iterable[str], parameters: Mapping[str, Any]) -> None:
    """The call on all of them; where one is gone it refuses all, so each is asked alone."""
    for chunk in chunks(instance_ids, PER_CALL):
        if not _call(run, action, chunk, parameters):
            for one in chunk:
                _call(run, action, [one], parameters)


def _call(run: Context, action: str, instance_ids: list[str], parameters: Mapping[str, Any]) -> bool:
    """Whether all of them were there."""
    given = {"ResourceType": "instance", "ResourceId": instance_ids, **parameters}
    try:
        run.ecs.call(action, f"{len(instance_ids)} instances", given)
    except CloudError as error:
        if error.code != NO_INSTANCE:
            raise
        return False
    return True
