"""What must be true of the calls, one by one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from chaos.invariants.told import blind, never_compared
from chaos.story import Story
from simulator import proof
from simulator.cloud import Call

SURPLUS = "DeleteInstance"
SAVING = ("ModifyDiskAttribute",)
"""What is done without a journal, too."""
VERSION = r"(\.\d+)?"
"""Of a record that supersedes what somebody else wrote."""


def without_lock_or_tag_untouched(story: Story) -> Iterator[str]:
    """Nothing is written, in the journal neither, for an instance without tag, or before its lock shows."""
    allowed_from = story.start + (story.scenario.changes.get("lock_delay", 0.0) if story.scenario.needs_lock else 0.0)
    for one in story.writes():
        if one.at < (allowed_from if story.scenario.touchable else math.inf):
            yield f"call {one.number} {one.action} wrote without lock or tag"


def finished_untouched(story: Story) -> Iterator[str]:
    """A run that begins when the episode is done writes nothing; it may delete a duplicate replacement.

    A run that could not read the journal, or a record in it that somebody else wrote, cannot know: it saves the data
    once more, which ends in the same image.
    """
    end = _done_at(story)
    if end is None:
        return
    begun = {name: number for number, name in sorted(story.callers.items(), reverse=True)}
    unread = {story.callers[number] for number, hit in story.hits.items() if hit.cell.product == "oss"}
    unread |= {run.name for run in story.runs if blind(story, run)}
    for one in story.writes():
        caller = story.callers[one.number]
        if begun[caller] > end and caller not in unread and not _of_duplicate(story, one):
            yield f"call {one.number} {one.action} by {caller} although the rescue was done"


def _done_at(story: Story) -> int | None:
    """The number of the last call up to the end of the first episode."""
    number = story.recorded("done")
    if number is None and "done" in story.first and not story.forged("done"):
        return max((one.number for one in story.calls if one.at <= story.first["done"]["at"]), default=None)
    return number


def _of_duplicate(story: Story, call: Call) -> bool:
    kept = story.first.get("replacement", {}).get("instance_id")
    return call.action == SURPLUS and call.parameters["InstanceId"] not in (kept, *proof.ids(story.before))


def only_own_resources(story: Story) -> Iterator[str]:
    """No write names another instance, disk or image than the source's and what the rescue made.

    The image that the source was launched from may be launched, and never deleted.
    """
    others = proof.ids(story.before) - {story.source_id}
    own_disks = {one["DiskId"] for one in proof.disks(story.before, story.source_id)}
    others |= {one["DiskId"] for one in story.before["ecs"]["disks"]} - own_disks
    others |= {one["ImageId"] for one in story.before["ecs"]["images"]}
    launchable = (proof.instance(story.before, story.source_id) or {}).get("ImageId")
    for one in story.writes():
        may_launch = one.action == "RunInstances" and one.parameters.get("ImageId") == launchable
        values = {name: value for name, value in one.parameters.items() if name != "ImageId" or not may_launch}
        named = sorted(other for other in others if other in json.dumps(values))
        if named:
            yield f"call {one.number} {one.action} names {', '.join(named)}"
        if one.action == "DeleteInstance" and one.parameters["InstanceId"] == story.source_id:
            yield f"call {one.number} deletes the source"


def the_source_stays_stopped(story: Story) -> Iterator[str]:
    """Nobody starts what is rescued: its replacement would run beside it."""
    for one in story.calls:
        if one.action == "StartInstance" and not story.scenario.stop_mode:
            yield f"call {one.number} by {story.callers[one.number]} starts an instance whose rescue has begun"


def one_token_one_call(story: Story) -> Iterator[str]:
    """No ClientToken is used for different parameters."""
    seen: dict[tuple[str, str], Call] = {}
    for one in story.writes():
        token = one.parameters.get("ClientToken")
        if token is None:
            continue
        first = seen.setdefault((one.action, token), one)
        if first.parameters != one.parameters:
            changed = {name for name, _ in set(first.parameters.items()) ^ set(one.parameters.items())}
            yield f"call {one.number} {one.action} has the token of call {first.number}, but other {sorted(changed)}"


def looked_before_launching(story: Story) -> Iterator[str]:
    """A run launches nothing where DescribeInstances showed a replacement already when the run began.

    The same RunInstances with the same ClientToken launches nothing: it asks what an earlier call has launched.
    """
    replaced = {run.name for run in story.runs if run.replaced}
    asked: set[str] = set()
    for one in story.calls:
        if one.action != "RunInstances":
            continue
        again = str(one.parameters.get("ClientToken")) in asked
        asked.add(str(one.parameters.get("ClientToken")))
        if story.callers[one.number] in replaced and not again:
            yield f"call {one.number} RunInstances by {story.callers[one.number]} although there was a replacement"


def remembered_first(story: Story) -> Iterator[str]:
    """Flags, memberships, launch spec and launch option are in the journal before what they are to undo is done.

    A record that somebody else forged is superseded first; where the search for memberships is refused or loses
    answers, what it has found of theirs is true, and stands in the journal. Where a record of theirs stands that only a
    human can move away, nothing is written, and only the disks are changed.
    """
    spec, memberships = rf"launch-spec{VERSION}", rf"memberships(-\d+)?{VERSION}"
    rules = [(memberships, "SetBackendServers"), (memberships, "SetVServerGroupAttribute"), (spec, "RunInstances")]
    rules += [(r"launch-request-\d+-\d+", "RunInstances"), (memberships, "RemoveBackendServers")]
    if not story.disturbed("oss"):
        rules += [(rf"disks{VERSION}", "ModifyDiskAttribute")]
    if not story.scenario.stop_mode and not any(story.disturbed(product) for product in ("ecs", "slb", "oss")):
        rules += [(spec, "SetBackendServers"), (spec, "SetVServerGroupAttribute")]
    if story.forged(memberships) and story.disturbed("slb"):
        rules = [one for one in rules if one[0] != memberships]
    if never_compared(story):
        rules = [one for one in rules if one[0] != spec]
    unread = {run.name for run in story.runs if blind(story, run)}
    calls = [one for one in story.calls if story.callers[one.number] not in unread or one.action not in SAVING]
    for record, action in rules:
        acted = min((one.number for one in calls if one.action == action), default=None)
        if acted is not None and (story.recorded(record) or math.inf) > acted:
            yield f"call {acted} {action} before {record} was in the journal"
