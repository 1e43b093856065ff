"""A stop-mode instance that runs again gets back into its groups, with the weights that its rescue has recorded."""

from __future__ import annotations

from itertools import groupby

from restarting.facts import Facts
from restarting.report import closing
from restarting.tools import Tools
from spotkeeper.backend_servers import LIST_PAUSE, TRIES, Membership, add_members, list_group, set_weights
from spotkeeper.errors import RescueFailed


def remembered(facts: Facts) -> tuple[Membership, ...]:
    """The places that it had when its rescue began; none where the rescue did not come so far as to change any."""
    return tuple(Membership(**one) for one in facts.rescue.get("memberships", {}).get("memberships", ()))


def serve(tools: Tools, facts: Facts) -> Facts:
    """Old weights where it is still a member, the old place where it is not. After a write the list is believed."""
    lost: list[str] = []
    ordered = sorted(remembered(facts), key=lambda one: (one.group, one.server_id, one.port or 0))
    for _, group in groupby(ordered, key=lambda one: one.group):
        lost += _restore_group(tools, list(group))
    return facts.but(serves=True, lost=tuple(lost))


def _restore_group(tools: Tools, members: list[Membership]) -> list[str]:
    """What cannot be had any more, in words. Raises ``RescueFailed`` where the list never shows what was accepted."""
    for _ in range(TRIES):
        listed = {
            (one.server_id, one.port): one.weight for one in list_group(tools.slb, members[0].group, tools.deadline)
        }
        missing = [one for one in members if (one.server_id, one.port) not in listed]
        changed = [one for one in members if listed.get((one.server_id, one.port), one.weight) != one.weight]
        if not missing and not changed:
            return []
        set_weights(tools.slb, changed, tools.deadline)
        if lost := add_members(tools.slb, missing, tools.deadline):
            return lost
        tools.clock.sleep(0.0 if changed else LIST_PAUSE)
    raise RescueFailed(
        f"{members[0].server_id} does not get its weight back in {members[0].where} although that was accepted "
        f"{TRIES} times: set it there by hand to {', '.join(f'{one.weight} at {one.place}' for one in members)}"
    )


def finish(tools: Tools, facts: Facts) -> Facts:
    """Close the episode with the answer that every later call gives."""
    done = tools.episode.record("done", closing(tools, facts, remembered(facts)))
    return facts.but(rescue={**facts.rescue, "done": done}, closed=True)
