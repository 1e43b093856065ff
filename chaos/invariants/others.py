"""What must be true whatever others refuse, write or own."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from chaos.deeds.records import FORGED_PORT, OTHER_GROUP, OTHER_ROLE, OTHER_USER_DATA
from chaos.deeds.scene import ID_FIELDS
from chaos.invariants.told import blocked, last_ended, never_compared, told_in_time, undetectable
from chaos.schedule import FaultSpec
from chaos.story import Hit, Run, Story
from simulator import proof

HEALTH = "DescribeHealthStatus"
REPORTED_ONLY = ("MasterSlave", HEALTH)
"""What is asked for a report, and decides nothing."""
GROUPS = "DescribeVServerGroups"
SOON = 150.0
"""Seconds to the disks: 60 without a sign of life, up to 60 to the next sweep, and a call that retains them."""
CALLS_PER_SWEEP = 40
"""Calls of a sweep that has one open rescue before it, whatever there was before."""


def nothing_foreign_changed(story: Story) -> Iterator[str]:
    """Disks, images and snapshots that the rescue neither found on the source nor made are exactly as they were."""
    own = {one["DiskId"] for one in proof.disks(story.before, story.source_id)}
    for kind in ("disks", "images", "snapshots"):
        field = ID_FIELDS[kind]
        now = {one[field]: one for one in story.after["ecs"][kind]}
        for one in story.before["ecs"][kind]:
            if one[field] not in own and now.get(one[field]) != one:
                yield f"{one[field]} is somebody else's and was {'changed' if one[field] in now else 'deleted'}"


def nothing_forged_acted_upon(story: Story) -> Iterator[str]:
    """No role, user data or security group that the source has not, and no server or port where it was not.

    A port is believed that was forged when the source had left its groups, and a launch spec that nobody could compare:
    nobody can know it any more.
    """
    compared = not never_compared(story)
    for new in story.replacements if compared else ():
        if new["RamRoleName"] == OTHER_ROLE or new["UserData"] == OTHER_USER_DATA:
            yield f"{new['InstanceId']} was launched with the role or the user data of a forged record"
    if not story.planted:
        return
    places = _places(story) | ({(group, FORGED_PORT) for group, _ in _places(story)} if undetectable(story) else set())
    for one in story.writes():
        if compared and one.action == "RunInstances" and {OTHER_ROLE, OTHER_GROUP} & set(one.parameters.values()):
            yield f"call {one.number} RunInstances has what a forged record says"
        for server in _servers(one.parameters):
            group = one.parameters.get("VServerGroupId") or one.parameters.get("LoadBalancerId", "")
            if (group, int(server.get("Port") or 0)) not in places:
                yield f"call {one.number} {one.action} is about port {server.get('Port')} of {group}: a forged record's"


def _places(story: Story) -> set[tuple[str, int]]:
    """(group, port) of every place of the source; default groups have no port."""
    members = proof.memberships(story.before).items()
    return {
        (group, 0 if group.startswith("lb-") else int(one[1] or 0))
        for group, found in members
        for one in found
        if one[0] == story.source_id
    }


def _servers(parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    """What a write to a group names."""
    found = json.loads(parameters.get("BackendServers") or "[]")
    return [one for one in found if isinstance(one, dict)]


def disks_retained_soon(story: Story) -> Iterator[str]:
    """Whoever dies, and however often, and nobody tries again: the disks are retained 150 s after the lock shows.

    Or 150 s after the last death. Load balancers may refuse meanwhile; not the others, which this takes.
    """
    scenario = story.scenario
    if not (scenario.retains and scenario.touchable and story.schedule.runs == 1):
        return
    wanted = {one["DiskId"] for one in proof.disks(story.before, story.source_id) if one["DeleteWithInstance"]}
    retained = _retained_at(story, wanted)
    if any(story.calls[number - 1].at <= retained and not _harmless(hit) for number, hit in story.hits.items()):
        return
    shown = story.start + scenario.changes.get("lock_delay", 0.0)
    latest = SOON + max([shown, *(run.ended for run in story.runs if run.killed and run.ended < retained)])
    if retained > latest and latest < (story.released_at or latest):
        yield f"disks retained {retained - story.start:.0f} s after the lock, {latest - story.start:.0f} s at most"


def _harmless(hit: Hit) -> bool:
    """Whether what hit a call may not delay the disks."""
    return hit.cell.product == "slb" or hit.cell.effect.startswith("kill-")


def _retained_at(story: Story, wanted: set[str]) -> float:
    """When the last of these disks got a flag that lets it outlive the instance."""
    missing = set(wanted)
    for one in story.calls:
        if one.action == "ModifyDiskAttribute" and story.acted_upon(one):
            kept = one.parameters.get("DeleteWithInstance", "").lower() == "false"
            missing -= {value for name, value in one.parameters.items() if kept and name.startswith("DiskId")}
        if not missing:
            return one.at
    return float("inf")


def one_refusal_takes_nothing_hostage(story: Story) -> Iterator[str]:
    """A neighbour refuses for good: the replacement runs, and is in every group that does not refuse.

    What is missing is named by who raises, and nobody says done. Where a human has to move a record away first, the
    call ends with that, and the data is all that is safe. Where somebody else refuses for a while, a call has to come
    after that. A port that was forged once the source had left its groups is believed.
    """
    refusing, last = _refusing(story), last_ended(story)
    ends = max((one.seconds or 0.0 for one in story.schedule.faults), default=0.0)
    if blocked(story, last) or undetectable(story) or (last is not None and last.began < story.start + ends):
        return
    if not refusing or not story.scenario.relaunches or not told_in_time(story) or story.disturbed("oss"):
        return
    running = [one["InstanceId"] for one in story.replacements if one["Status"] == "Running"]
    if len(running) != 1:
        yield f"{len(running)} replacements run although nothing but a neighbour refuses"
        return
    now, excused = proof.memberships(story.after), _excused(story, refusing)
    missing = []
    for group, members in proof.memberships(story.before).items():
        wanted = sorted(((running[0] if one[0] == story.source_id else one[0], *one[1:]) for one in members), key=repr)
        if now.get(group) == wanted:
            continue
        missing.append(group)
        if group not in excused:
            yield f"group {group} does not refuse and has {now.get(group)} instead of {wanted}"
    unread = {one.on for one, _ in refusing if _reads_places(one)}
    if (missing or unread) and story.done is not None:
        yield f"done although {', '.join(missing) or 'nothing'} was not given back, and {unread or 'nothing'} not read"
    if missing or unread:
        yield from _not_named(story, _with_load_balancers(story, {resource for _, resource in refusing}))


def _refusing(story: Story) -> list[tuple[FaultSpec, str]]:
    """The faults that never end, with the ids of what they are on, where they decide anything."""
    hit = {one.place for one in story.hits.values()}
    return [
        (one, str(story.resources[place]))
        for place, one in enumerate(story.schedule.faults)
        if one.endless and place in hit and not any(part in one.action for part in REPORTED_ONLY)
    ]


def _excused(story: Story, refusing: list[tuple[FaultSpec, str]]) -> set[str]:
    """The groups that cannot be given back: of a load balancer that cannot be read all, else those that refuse."""
    groups = {
        one["LoadBalancerId"]: {group["VServerGroupId"] for group in one["VServerGroups"]}
        for one in story.before["slb"]["LoadBalancers"]
    }
    found = {resource for _, resource in refusing}
    for one, resource in refusing:
        if _reads_places(one):
            found |= groups.get(resource, set())
    for load_balancer in _never_listed(story):
        found |= groups[load_balancer]
    return found


def _never_listed(story: Story) -> set[str]:
    """The load balancers whose groups no call got to see before the release, if the last call names them."""
    last, until = last_ended(story), story.released_at or math.inf
    lists = (call for call in story.calls if call.action == GROUPS and not call.code and call.at < until)
    seen = {call.parameters.get("LoadBalancerId") for call in lists}
    every = {one["LoadBalancerId"] for one in story.before["slb"]["LoadBalancers"]}
    return {one for one in every - seen if last is not None and f"{one} was not searched before" in last.error}


def _with_load_balancers(story: Story, resources: set[str]) -> set[str]:
    """Groups and the load balancers that they belong to: naming either tells where to look."""
    return resources | {
        one["LoadBalancerId"]
        for one in story.before["slb"]["LoadBalancers"]
        if resources & {group["VServerGroupId"] for group in one["VServerGroups"]}
    }


def _reads_places(fault: FaultSpec) -> bool:
    """Whether a refusal keeps the search for memberships from its end."""
    return fault.action in ("*", "slb:*") or fault.action.startswith("slb:Describe")


def _not_named(story: Story, resources: set[str]) -> Iterator[str]:
    last = last_ended(story)
    if last is None or not last.error:
        yield f"{last.name if last else 'nobody'} did not raise although {', '.join(sorted(resources))} refuses"
    elif not any(one in last.error for one in resources):
        yield f"{last.name} raised, but names none of {', '.join(sorted(resources))}: {last.error[:200]}"


def a_loss_is_heard(story: Story) -> Iterator[str]:
    """Whoever is called once a rescue is lost raises; and the sweep, for a day, names it among its warnings."""
    number = story.recorded("lost")
    if number is None:
        return
    begun: dict[str, int] = {}
    for call, name in story.callers.items():
        begun.setdefault(name, call)
    later = [run for run in story.runs if begun.get(run.name, 0) > number and not run.killed]
    for run in later:
        if run.function == "interruption" and not run.error:
            yield f"{run.name} answers {(run.answer or {}).get('outcome')} although the rescue is lost"
    sweeps = [run for run in later if run.function == "sweep"]
    if sweeps and not story.disturbed("oss") and story.source_id not in _said(sweeps[-1]):
        yield f"{sweeps[-1].name} does not say that {story.source_id} is lost"


def _said(sweep: Run) -> str:
    return sweep.error or json.dumps((sweep.answer or {}).get("warnings", []))


def history_costs_nothing(story: Story) -> Iterator[str]:
    """A year of ended rescues is left alone, and a sweep makes as few calls as without it."""
    if story.history_changed:
        yield f"{story.history_changed} objects of ended rescues were changed"
    if not story.schedule.history:
        return
    hit = {story.callers[number] for number in story.hits}
    made: dict[str, int] = {}
    for name in story.callers.values():
        made[name] = made.get(name, 0) + 1
    for run in story.runs_of("sweep"):
        if made.get(run.name, 0) > CALLS_PER_SWEEP and run.name not in hit:
            yield f"{run.name} made {made[run.name]} calls with {story.schedule.history} ended rescues in the journal"
