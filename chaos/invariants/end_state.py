"""What must be true of the cloud once calls have ended, Describe has converged and the source is released."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from chaos.invariants.told import blocked, excused, last_ended, never_compared, told_in_time, undetectable
from chaos.story import Story
from simulator import proof

EPISODE_TAG = "spotkeeper:episode"
FAILED = ("CreateFailed", "UnAvailable")
UNREAD = "CLB was not searched for memberships"
LISTING, NOT_ALLOWED, UNREADABLE_TRIES = "DescribeLoadBalancers", ("code:Forbidden.RAM",), 4
"""A role may be given a right a moment before it reaches every server: it is asked again three times."""
WARNING = "looked for after the release"
MEMBERSHIPS = r"memberships(\.\d+)?"
"""The record, or one that supersedes what somebody else wrote in its place."""

Group = list[tuple[Any, ...]]


def at_most_one_replacement(story: Story) -> Iterator[str]:
    """At most one surviving instance per episode, none where none is due."""
    made = Counter(one["Tags"].get(EPISODE_TAG, "no episode") for one in story.replacements)
    most = 1 if story.scenario.relaunches and story.scenario.touchable else 0
    yield from (f"{count} replacements of {name}" for name, count in made.items() if count > most)


def at_most_one_image(story: Story) -> Iterator[str]:
    """At most one image kept per episode, none where none is due."""
    made = Counter(one["Tags"].get(EPISODE_TAG, "no episode") for one in story.images if one["Status"] not in FAILED)
    most = 1 if story.scenario.makes_image and story.scenario.touchable else 0
    yield from (f"{count} images of {name}" for name, count in made.items() if count > most)


def memberships_as_they_were(story: Story) -> Iterator[str]:
    """Where the rescue is done, every group is as at the start but for the replacement in the source's places.

    Nobody can know them any more where no call got to read them before the release; then the answer warns. Nor can
    anybody know a port that was forged when the source had left its groups: it is believed. A source that was stopped
    before its groups let it go stays in them, at weight 0, until it is released; the answer says so.
    """
    if undetectable(story):
        return
    if not _remembered(story):
        if told_in_time(story) and not blocked(story, last_ended(story)) and not excused(story, "slb", "oss"):
            yield "the memberships were not remembered although there was time"
        if story.done is not None and WARNING not in str(story.done["warnings"]):
            yield "the memberships were not remembered in time, and the answer does not say so"
        return
    unread = any(UNREAD in str(run.answer) for run in story.runs)
    if unread and not _may_not_read(story):
        yield "an answer says that CLB was not searched, but the role was not refused so often"
    now = _but_for_stopped_source(story, proof.memberships(story.after))
    for group, members in proof.memberships(story.before).items():
        expected = _expected(story, members)
        # What the role may not read is left as it is: the replacement is in no group, and a released source neither.
        stay = [one for one in members if story.source is not None or not _is_source(story, one)]
        left = stay if unread else expected
        if expected is not None and now.get(group) not in (expected, left):
            yield f"group {group} has {now.get(group)} instead of {expected}"


def _but_for_stopped_source(story: Story, groups: dict[str, Group]) -> dict[str, Group]:
    warned = story.done is not None and f"{story.source_id} is still listed in" in str(story.done["warnings"])
    if not (warned and story.source is not None and story.source["Status"] == "Stopped"):
        return groups
    return {name: [one for one in group if not _is_source(story, one) or one[2]] for name, group in groups.items()}


def _may_not_read(story: Story) -> bool:
    """Whether one call was told so often that its role may not list load balancers that it looks for them no more."""
    tries = Counter(
        story.callers[number]
        for number, hit in story.hits.items()
        if hit.cell.action == LISTING and hit.cell.effect in NOT_ALLOWED
    )
    return max(tries.values(), default=0) >= UNREADABLE_TRIES


def _remembered(story: Story) -> bool:
    """Whether the memberships were in the journal before the release, where there is a rescue at all."""
    number = story.recorded(MEMBERSHIPS)
    if story.released_at is None or not story.first:
        return True
    return number is not None and story.calls[number - 1].at < story.released_at


def _expected(story: Story, members: Group) -> Group | None:
    """A group's members at the end; None where that depends on when the rescue was broken off."""
    if not story.scenario.touchable or not story.first:
        return [one for one in members if story.source is not None or not _is_source(story, one)]
    if story.scenario.stop_mode:
        drained = "drained" in story.first and "done" not in story.first
        return [(*one[:2], 0, *one[3:]) if drained and _is_source(story, one) else one for one in members]
    if story.done is None:
        return None
    if not story.scenario.relaunches:
        return [one for one in members if not _is_source(story, one)]
    new = story.done.get("replacement_id")
    return sorted(((new, *one[1:]) if _is_source(story, one) else one for one in members), key=repr)


def _is_source(story: Story, member: tuple[Any, ...]) -> bool:
    return bool(member[0] == story.source_id)


def others_untouched(story: Story) -> Iterator[str]:
    """Other instances and other members are exactly as they were, whatever became of the rescue."""
    yield from proof.bystanders_changed(story.before, story.after, story.source_id)
    ours = {story.source_id, *(one["InstanceId"] for one in story.replacements)}
    now = proof.memberships(story.after)
    for group, members in proof.memberships(story.before).items():
        others = [one for one in members if one[0] not in ours]
        if [one for one in now.get(group, []) if one[0] not in ours] != others:
            yield f"group {group} has {now.get(group)} where others were {others}"


def replacement_like_source(story: Story) -> Iterator[str]:
    """A replacement that serves is what the source was, from the episode's image."""
    if story.done is None or not story.scenario.relaunches or len(story.replacements) != 1 or never_compared(story):
        return
    new = story.replacements[0]
    yield from (
        text
        for text in proof.not_like_source(story.before, story.after, story.source_id, new)
        if not (_flags_unknown(story) and text.startswith("disks."))
    )
    if story.scenario.retains and len(story.images) == 1 and told_in_time(story):
        yield from proof.image_wrong(story.before, story.images[0], story.source_id, new)


def _flags_unknown(story: Story) -> bool:
    """Whether nobody could record the flags, or somebody has overwritten the record once they were changed."""
    changed = min((one.number for one in story.calls if one.action == "ModifyDiskAttribute"), default=math.inf)
    return story.disturbed("oss") or any(one.calls >= changed for one in story.forged("disks"))


def data_is_safe(story: Story) -> Iterator[str]:
    """Told at least 60 s before the release and never refused by ECS: each disk is retained or in a complete image."""
    if (
        not story.scenario.retains
        or not story.scenario.touchable
        or story.released_at is None
        or not told_in_time(story)
    ):
        return
    saved = _saved_disks(story) | {one["DiskId"] for one in story.after["ecs"]["disks"]}
    for disk in proof.disks(story.before, story.source_id):
        if disk["DiskId"] not in saved:
            yield f"{disk['DiskId']} ({disk['Type']}) was released with the source and is in no complete image"


def _saved_disks(story: Story) -> set[str]:
    """The disks with a complete snapshot behind a usable image."""
    snapshots: Mapping[str, Any] = {one["SnapshotId"]: one for one in story.after["ecs"]["snapshots"]}
    behind = [
        snapshots.get(mapping["SnapshotId"], {})
        for image in story.images
        if image["Status"] == "Available" or image.get("Usable")
        for mapping in image["DiskDeviceMappings"]["DiskDeviceMapping"]
    ]
    return {one["SourceDiskId"] for one in behind if one.get("Status") == "accomplished"}


def disks_settled(story: Story) -> Iterator[str]:
    """A disk that outlives the source because of us was named to somebody; one that was to outlive it does."""
    left = {one["DiskId"] for one in story.after["ecs"]["disks"]}
    said = "\n".join(story.outputs)
    for disk in proof.disks(story.before, story.source_id):
        if not disk["DeleteWithInstance"] and disk["DiskId"] not in left:
            yield f"{disk['DiskId']} was to stay and is gone"
        stays = disk["DeleteWithInstance"] and disk["DiskId"] in left and story.source is None
        if stays and story.done is not None and disk["DiskId"] not in said:
            yield f"{disk['DiskId']} stays, costs money and was reported nowhere"
