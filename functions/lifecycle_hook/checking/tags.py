"""Tags on instances, for whoever takes over: until when the hook lives, and which instances failed.

They are written while they are needed and taken away when they have done their work (``spotkeeper.hooks``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from checking.assignment import Partial
from checking.facts import Facts
from checking.steps import Decision
from checking.tools import Tools, chunks
from spotkeeper.errors import CloudError
from spotkeeper.hooks import ALIVE_TAG, FAILED_TAG, failed_mark, life_mark, remembered_life
from spotkeeper.instances import Described, describe_instance, describe_instances, tags_of
from spotkeeper.retry import is_throttling, passes_by_itself

NO_INSTANCE = "InvalidResourceId.NotFound"
PER_CALL = 50


def remember(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """Tell other calls, and the sweep, until when the hook lives: no API does.

    Nothing depends on it: a refusal is recorded, unless it is throttling, after which it is written later.
    """
    first = min(facts.action.instance_ids, default="") if facts.action else ""
    try:
        if first:
            _call(tools, "TagResources", [first], _tag(ALIVE_TAG, life_mark(facts.event.token, facts.alive_until)))
    except CloudError as error:
        if is_throttling(error):
            raise
        tools.audit.record("remember how long the hook lives", "failed", str(error))
    return facts.but(untold=False)


def mark(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """Tag the failed instances, so that a call after CONTINUE knows them although this one may die.

    Where that is refused (20 tags already, RAM) they may not enter: nothing would take them out again.
    """
    failed = sorted(facts.progress.failures) if facts.progress else []
    try:
        _on_each(tools, "TagResources", failed, _tag(FAILED_TAG, mark_of(facts)))
    except CloudError as error:
        if passes_by_itself(error):
            raise
        return facts.but(hindrance=error)
    return facts.but(marked=True)


def marked(tools: Tools, facts: Facts) -> Iterator[Described]:
    """The instances that carry the mark of this action, whoever wrote it."""
    parameters = {"Tag": [{"Key": FAILED_TAG, "Value": mark_of(facts)}]}
    found = describe_instances(tools.ecs, "marked instances", parameters)
    return (one for one in found if tags_of(one).get(FAILED_TAG) == mark_of(facts))


def mark_of(facts: Facts) -> str:
    """What the failed instances of this action carry."""
    event = facts.event
    return failed_mark(event.token, event.hook_id, event.scaling_activity_id)


def tidy(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """Take away the action's tags once it is over and whoever failed is removed.

    A refusal that does not pass is a warning. Raises ``CloudError``.
    """
    try:
        _untag(tools, ALIVE_TAG, _remembering(tools, facts))
        removing = facts.plan and facts.plan.partial is Partial.CONTINUE_AND_REMOVE_FAILED
        _untag(tools, FAILED_TAG, [str(one["InstanceId"]) for one in marked(tools, facts)] if removing else [])
    except CloudError as error:
        if passes_by_itself(error):
            raise
        return facts.but(tidied=True, untidy=error)
    return facts.but(tidied=True)


def _remembering(tools: Tools, facts: Facts) -> list[str]:
    first = min(facts.action.instance_ids, default="") if facts.action else ""
    tags = tags_of(describe_instance(tools.ecs, first)) if first else {}
    return [first] if remembered_life(tags, facts.event.token) is not None else []


def _untag(tools: Tools, key: str, instance_ids: Iterable[str]) -> None:
    ids = list(instance_ids)
    _on_each(tools, "UntagResources", ids, {"TagKey": [key]})
    if ids:
        tools.audit.record("take away the tags", "done", f"{key} of {', '.join(ids)}")


def _tag(key: str, value: str) -> dict[str, Any]:
    return {"Tag": [{"Key": key, "Value": value}]}


def _on_each(tools: Tools, action: str, instance_ids: Iterable[str], parameters: Mapping[str, Any]) -> None:
    """The call on all of them; where one is gone it refuses all, so each is asked alone."""
    for chunk in chunks(instance_ids, PER_CALL):
        if not _call(tools, action, chunk, parameters):
            for one in chunk:
                _call(tools, action, [one], parameters)


def _call(tools: Tools, action: str, instance_ids: list[str], parameters: Mapping[str, Any]) -> bool:
    """Whether all of them were there."""
    given = {"ResourceType": "instance", "ResourceId": instance_ids, **parameters}
    try:
        tools.ecs.call(action, f"{len(instance_ids)} instances", given)
    except CloudError as error:
        if error.code != NO_INSTANCE:
            raise
        return False
    return True
