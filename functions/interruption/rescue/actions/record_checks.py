"""Journal records, checked against Describe while the source exists.

Otherwise everybody who can write to the journal's bucket could choose the RAM role and the user data of the
replacement, the disks that are released with an instance, and the servers that leave a group. A record that Describe
contradicts is named in a warning, and superseded by a record of what Describe shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from rescue.actions import source_disks
from rescue.context import Context
from rescue.state import State
from spotkeeper import episode
from spotkeeper.errors import BrokenRecord
from spotkeeper.instances import Described, server_ids
from spotkeeper.load_balancers.membership import (
    Group,
    Membership,
    batches,
    is_batch,
    is_complete,
    recorded,
    searched_scopes,
    unreadable,
)
from spotkeeper.load_balancers.search import MembershipSearch


def settle_launch_spec(run: Context, state: State, observed: Mapping[str, Any]) -> State:
    """Record the observed launch spec, or agree with the recorded launch spec. Raises ``JournalUnavailable``."""
    standing = run.episode.records.get("launch-spec") or run.episode.record("launch-spec", observed)
    while wrong := contradictions(standing, observed):
        state = state.warn(_superseded(run, "launch-spec", f"the source has different settings: {', '.join(wrong)}"))
        run.episode.supersede("launch-spec")
        standing = run.episode.record("launch-spec", observed)
    return state.replace(spec_checked=True)


def contradictions(recorded: Mapping[str, Any], observed: Mapping[str, Any]) -> list[str]:
    """The names of the settings in which a recorded launch spec differs from the observed; values may be secret.

    The recorded launch options may be fewer: SPOTKEEPER_FALLBACK_* can have grown since. The flags of data disks are
    not compared: only the first call may know the flag before the rescue.
    """
    recorded, observed = _plain(recorded), _plain(observed)
    then, now = _without_flags(recorded["run"]), _without_flags(observed["run"])
    wrong = sorted(name for name in {**then, **now} if then.get(name) != now.get(name))
    wrong += [name for name in ("own_image", "source_type", "release") if recorded.get(name) != observed.get(name)]
    options = recorded["launch_options"]
    if not options or any(option not in observed["launch_options"] for option in options):
        wrong.append("launch options")
    return wrong


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as the journal returns it: lists instead of tuples."""
    return dict(json.loads(json.dumps(document)))


def _without_flags(run: Mapping[str, Any]) -> dict[str, Any]:
    disks = run.get("DataDisk") or []
    bare = [{name: value for name, value in disk.items() if name != "DeleteWithInstance"} for disk in disks]
    return {**run, "DataDisk": bare}


def settle_disks(run: Context, state: State, attached: Sequence[Described]) -> State:
    """Record the disks with their flags, or agree with the record if it names these disks and no others.

    A disk that was attached after the record was written is part of the image, and its flag is restored, too. Only a
    released source has no disk: then the record stands. Raises ``JournalUnavailable``.
    """
    today = {str(disk["DiskId"]): source_disks.record_of(disk) for disk in attached}
    standing = run.episode.records.get("disks") or run.episode.record("disks", {"disks": today})
    while today and (wrong := sorted(standing["disks"].keys() ^ today.keys())):
        shown = ", ".join(f"{disk} is {'' if disk in today else 'not '}attached to the source" for disk in wrong)
        state = state.warn(_superseded(run, "disks", shown))
        known = {name: disk for name, disk in standing["disks"].items() if name in today}
        run.episode.supersede("disks")
        standing = run.episode.record("disks", {"disks": {**today, **known}})
    return state


def own_servers(state: State, records: Mapping[str, Mapping[str, Any]], instance_id: str) -> frozenset[str]:
    """The server ids of the source (see ``server_ids``); after its release also those of its recorded network cards."""
    begun = records.get("event", {}).get("server_ids", ()) if state.gone else ()
    return server_ids(state.source, instance_id).union(card for card in begun if card.startswith("eni-"))


def check_memberships(run: Context, state: State, search: MembershipSearch) -> State:
    """Supersede recorded memberships that a search contradicts while the source exists; the search records them anew.

    A load balancer that cannot be read contradicts nothing, but a record of another server is always superseded.
    Raises ``JournalUnavailable``.
    """
    records = run.episode.records
    if not batches(records) or state.gone or may_have_left(records):
        return state
    own, found = server_ids(state.source, run.instance_id), {member.key: member for member in search.found}
    known = {member.key: member for member in recorded(records)}
    possible = {key for key, member in known.items() if key in found or search.may_find(member)}
    wrong = [member for key, member in known.items() if member.server_id not in own or key not in possible]
    missing = [member for key, member in found.items() if key not in known] if is_complete(records) else []
    if not wrong and not missing:
        return state
    if may_have_left(run.episode.names()):
        _take_over_memberships(run)
        return state
    names = ", ".join(sorted({f"{member.server_id} in {member.group_name}" for member in wrong or missing}))
    why = f"{names}: recorded, but not listed" if wrong else f"{names}: listed, but not recorded"
    state = state.warn(_superseded(run, "memberships", why))
    for name in filter(is_batch, list(records)):
        run.episode.supersede(name)
    left = [member for member in known.values() if member not in wrong]  # their weights may be 0 by now
    weights = _weights_of_groups(wrong) if run.attempt > 1 else {}
    for key, member in found.items():
        if key not in known and not member.weight and (weight := weights.get((member.group, member.server_id))):
            left.append(replace(member, weight=weight))
    document = {"memberships": [asdict(member) for member in left], "searched": [], "complete": False, "warnings": []}
    run.episode.record("memberships", document)
    return state


def _weights_of_groups(wrong: Iterable[Membership]) -> dict[tuple[Group, str], int]:
    """Group and server -> the weight in entries with wrong ports, where it is the same in all of them."""
    weights: dict[tuple[Group, str], set[int]] = {}
    for member in wrong:
        weights.setdefault((member.group, member.server_id), set()).add(member.weight)
    return {key: found.pop() for key, found in weights.items() if len(found) == 1}


def lost_weights(run: Context, search: MembershipSearch) -> BrokenRecord | None:
    """The error about an overwritten record, if only that record knew a weight: an earlier call may have set 0."""
    records, listed = run.episode.records, {member.key for member in search.found}
    known = {member.key: member for member in recorded(records)}
    told = _weights_of_groups(member for key, member in known.items() if key not in listed)
    unread, searched = unreadable(records, run.episode.broken), searched_scopes(records)
    unknown = sorted(
        member.group_name
        for member in search.found
        if member.key not in known and not member.weight and (member.group, member.server_id) not in told
        if unread or is_complete(records) or member.scope in searched
    )
    if run.attempt == 1 or not unknown or may_have_left(records):
        return None
    names = f"does not name the source in {', '.join(unknown)}, where an earlier call may have set its weight 0"
    return unread or BrokenRecord(run.episode.key("memberships"), names)


def _take_over_memberships(run: Context) -> None:
    """A call side by side has removed what this call did not find, so its records count."""
    latest = episode.latest(run.episode)
    for name in filter(is_batch, list(run.episode.records)):
        del run.episode.records[name]
    for name in filter(is_batch, latest.records):
        run.episode.records[name], run.episode.versions[name] = latest.records[name], latest.versions[name]


def may_have_left(records: Iterable[str]) -> bool:
    """Whether a call of this rescue may have removed the source from a group: the lists then prove nothing."""
    return not {"drained", "removing"}.isdisjoint(records)


def _superseded(run: Context, name: str, why: str) -> str:
    return (
        f"journal record {run.episode.key(name)} was superseded: {why}. The record has another author, or the source "
        "was changed since; the rescue goes on with the present settings of the source"
    )
