"""What the journal says, compared with what Describe shows while the source stands.

Whoever can write to the journal's bucket could otherwise choose the RAM role and the user data of the replacement,
which disks are released with which instance, and which servers leave which groups. What Describe contradicts is
refused, named in a warning, and superseded by what Describe shows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rescue.facts import Facts
from rescue.kept_disks import flag_record
from rescue.search import Search, server_ids
from rescue.tools import Tools
from spotkeeper import episode
from spotkeeper.backend_servers import Membership
from spotkeeper.episode import recorded_memberships
from spotkeeper.instances import Described

Place = tuple[tuple[str, str], str, "int | None"]


def settle_launch_spec(tools: Tools, facts: Facts, observed: Mapping[str, Any]) -> Facts:
    """Record the launch spec that the source shows, or agree with the one that stands.

    Raises ``JournalUnavailable``.
    """
    standing = tools.episode.records.get("plan") or tools.episode.record("plan", observed)
    while wrong := contradictions(standing, observed):
        facts = facts.warn(_refused(tools, "plan", f"the source has another {', '.join(wrong)}"))
        tools.episode.refuse("plan")
        standing = tools.episode.record("plan", observed)
    return facts.but(spec_checked=True)


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


def settle_disks(tools: Tools, facts: Facts, attached: Sequence[Described]) -> Facts:
    """Record the disks with their flags, or agree with the record that stands: it names these disks and no others.

    A disk that was attached since the record was written is part of the image, and its flag has to be put back, too.
    Raises ``JournalUnavailable``.
    """
    today = {str(disk["DiskId"]): flag_record(disk) for disk in attached}
    standing = tools.episode.records.get("disks") or tools.episode.record("disks", {"disks": today})
    while wrong := sorted(standing["disks"].keys() ^ today.keys()):
        shown = ", ".join(f"{one} is {'' if one in today else 'not '}attached to the source" for one in wrong)
        facts = facts.warn(_refused(tools, "disks", shown))
        known = {name: disk for name, disk in standing["disks"].items() if name in today}
        tools.episode.refuse("disks")
        standing = tools.episode.record("disks", {"disks": {**today, **known}})
    return facts


def own_servers(facts: Facts, records: Mapping[str, Mapping[str, Any]], instance_id: str) -> frozenset[str]:
    """Under which ids the source can be a member: while it stands as Describe shows, then as its ``event`` has them."""
    if facts.source is not None:
        return server_ids(facts.source, instance_id)
    return frozenset({instance_id, *records.get("event", {}).get("server_ids", ())})


def check_memberships(tools: Tools, facts: Facts, search: Search) -> Facts:
    """Refuse recorded memberships that a search of a source that stands does not find, and so has to record anew.

    A load balancer that cannot be read now contradicts nothing; a record of another server is refused all the same.
    Raises ``JournalUnavailable``.
    """
    batches = recorded_memberships(tools.episode.records)
    if not batches or facts.gone or may_have_left(tools.episode.records):
        return facts
    entries = [entry for batch in batches for entry in batch["memberships"]]
    wrong = {_place(one) for one in entries} - _believable(entries, facts, search, tools.instance_id)
    missing = {_place(vars(one)) for one in search.found} - {_place(one) for one in entries}
    complete = any(one.get("complete", True) for one in batches)
    if not wrong and not (missing and complete):
        return facts
    if may_have_left(tools.episode.names()):
        _take_over_memberships(tools)
        return facts
    places = ", ".join(sorted(f"{server} in {group[1] or group[0]}" for group, server, _ in wrong or missing))
    why = f"{places} {'is' if wrong else 'is missing, and'} {'not listed' if wrong else 'listed'}"
    facts = facts.warn(_refused(tools, "memberships", why))
    for name in [name for name in tools.episode.records if _is_membership(name)]:
        tools.episode.refuse(name)
    left = [entry for entry in entries if _place(entry) not in wrong]  # their weights may be 0 by now
    document = {"memberships": left, "searched": [], "complete": False, "warnings": []}
    tools.episode.record("memberships", document)
    return facts


def _take_over_memberships(tools: Tools) -> None:
    """A call side by side has removed what this one did not find, so it has settled what the journal says of that."""
    latest = episode.load(tools.episode, -math.inf)
    for name in [name for name in tools.episode.records if _is_membership(name)]:
        del tools.episode.records[name]
    for name in [name for name in latest.records if _is_membership(name)]:
        tools.episode.records[name], tools.episode.versions[name] = latest.records[name], latest.versions[name]


def _is_membership(name: str) -> bool:
    return name.partition("-")[0] == "memberships"


def may_have_left(records: Iterable[str]) -> bool:
    """Whether a call of this rescue may have removed the source from a group: the lists prove nothing then."""
    return not {"drained", "removing"}.isdisjoint(records)


def _believable(entries: Iterable[Described], facts: Facts, search: Search, instance_id: str) -> set[Place]:
    own, found = server_ids(facts.source, instance_id), {_place(vars(one)) for one in search.found}
    return {
        _place(one)
        for one in entries
        if one["server_id"] in own and (_place(one) in found or one["load_balancer_id"] not in search.trusted)
    }


def _place(one: Described) -> Place:
    member = Membership(**one)
    return member.group, member.server_id, member.port


def _refused(tools: Tools, name: str, why: str) -> str:
    return (
        f"journal record {tools.episode.key(name)} was refused: {why}. Somebody else wrote it, or changed the source "
        "since; the rescue goes on with what the source has"
    )
