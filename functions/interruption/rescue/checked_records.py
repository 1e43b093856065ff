"""What the journal says, compared with what Describe shows while the source stands.

Whoever can write to the journal's bucket could otherwise choose the RAM role and the user data of the replacement,
which disks are released with which instance, and which servers leave which groups. What Describe contradicts is
refused, named in a warning, and superseded by what Describe shows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rescue.context import Context
from rescue.kept_disks import flag_record
from rescue.state import State
from spotkeeper import episode
from spotkeeper.instances import Described, server_ids
from spotkeeper.load_balancers.membership import batches, is_batch, is_complete, recorded
from spotkeeper.load_balancers.search import Search


def settle_launch_spec(run: Context, state: State, observed: Mapping[str, Any]) -> State:
    """Record the launch spec that the source shows, or agree with the one that stands.

    Raises ``JournalUnavailable``.
    """
    standing = run.episode.records.get("launch-spec") or run.episode.record("launch-spec", observed)
    while wrong := contradictions(standing, observed):
        state = state.warn(_refused(run, "launch-spec", f"the source has another {', '.join(wrong)}"))
        run.episode.refuse("launch-spec")
        standing = run.episode.record("launch-spec", observed)
    return state.replace(spec_checked=True)


def contradictions(recorded: Mapping[str, Any], observed: Mapping[str, Any]) -> list[str]:
    """The settings in which a recorded launch spec differs from the observed one; no values, which may be secret.

    Launch options may be fewer than today's: settings can have grown since. What is put back onto disks at the end is
    no contradiction: the flag that a data disk had can be known to the first call only.
    """
    recorded, observed = _plain(recorded), _plain(observed)
    then, now = _without_flags(recorded["run"]), _without_flags(observed["run"])
    wrong = sorted(name for name in {**then, **now} if then.get(name) != now.get(name))
    wrong += [name for name in ("own_image", "source_type", "release") if recorded.get(name) != observed.get(name)]
    options = recorded["rungs"]
    if not options or any(option not in observed["rungs"] for option in options):
        wrong.append("launch options")
    return wrong


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """As the journal gives it back: lists for tuples."""
    return dict(json.loads(json.dumps(document)))


def _without_flags(run: Mapping[str, Any]) -> dict[str, Any]:
    disks = run.get("DataDisk") or []
    bare = [{name: value for name, value in disk.items() if name != "DeleteWithInstance"} for disk in disks]
    return {**run, "DataDisk": bare}


def settle_disks(run: Context, state: State, attached: Sequence[Described]) -> State:
    """Record the disks with their flags, or agree with the record that stands: it names these disks and no others.

    A disk that was attached since the record was written is part of the image, and its flag has to be put back, too.
    Raises ``JournalUnavailable``.
    """
    today = {str(disk["DiskId"]): flag_record(disk) for disk in attached}
    standing = run.episode.records.get("disks") or run.episode.record("disks", {"disks": today})
    while wrong := sorted(standing["disks"].keys() ^ today.keys()):
        shown = ", ".join(f"{one} is {'' if one in today else 'not '}attached to the source" for one in wrong)
        state = state.warn(_refused(run, "disks", shown))
        known = {name: disk for name, disk in standing["disks"].items() if name in today}
        run.episode.refuse("disks")
        standing = run.episode.record("disks", {"disks": {**today, **known}})
    return state


def own_servers(state: State, records: Mapping[str, Mapping[str, Any]], instance_id: str) -> frozenset[str]:
    """Under which ids the source can be a member: as Describe shows, or showed when the episode began."""
    return server_ids(state.source, instance_id).union(records.get("event", {}).get("server_ids", ()))


def check_memberships(run: Context, state: State, search: Search) -> State:
    """Refuse recorded memberships that a search of a source that stands does not find, and so has to record anew.

    A load balancer that cannot be read now contradicts nothing; a record of another server is refused all the same.
    Raises ``JournalUnavailable``.
    """
    records = run.episode.records
    if not batches(records) or state.gone or may_have_left(records):
        return state
    own, found = server_ids(state.source, run.instance_id), {one.key: one for one in search.found}
    known = {one.key: one for one in recorded(records)}
    wrong = [
        one for key, one in known.items() if one.server_id not in own or not (key in found or search.may_find(one))
    ]
    missing = [one for key, one in found.items() if key not in known] if is_complete(records) else []
    if not wrong and not missing:
        return state
    if may_have_left(run.episode.names()):
        _take_over_memberships(run)
        return state
    names = ", ".join(sorted({f"{one.server_id} in {one.group_name}" for one in wrong or missing}))
    why = f"{names} {'is' if wrong else 'is missing, and'} {'not listed' if wrong else 'listed'}"
    state = state.warn(_refused(run, "memberships", why))
    for name in filter(is_batch, list(records)):
        run.episode.refuse(name)
    left = [asdict(one) for one in known.values() if one not in wrong]  # their weights may be 0 by now
    document = {"memberships": left, "searched": [], "complete": False, "warnings": []}
    run.episode.record("memberships", document)
    return state


def _take_over_memberships(run: Context) -> None:
    """A call side by side has removed what this one did not find, so it has settled what the journal says of that."""
    latest = episode.load(run.episode, -math.inf)
    for name in filter(is_batch, list(run.episode.records)):
        del run.episode.records[name]
    for name in filter(is_batch, latest.records):
        run.episode.records[name], run.episode.versions[name] = latest.records[name], latest.versions[name]


def may_have_left(records: Iterable[str]) -> bool:
    """Whether a call of this rescue may have removed the source from a group: the lists prove nothing then."""
    return not {"drained", "removing"}.isdisjoint(records)


def _refused(run: Context, name: str, why: str) -> str:
    return (
        f"journal record {run.episode.key(name)} was refused: {why}. Somebody else wrote it, or changed the source "
        "since; the rescue goes on with what the source has"
    )
