"""The memberships of a stop-mode instance that runs again, with the weights that its rescue has recorded."""

from __future__ import annotations

from restarting.context import Context
from restarting.state import State
from spotkeeper.errors import BrokenRecord, CloudError, RescueFailed, RescueIncomplete, SpotkeeperError
from spotkeeper.instances import server_ids
from spotkeeper.load_balancers import BUSY, Membership, by_group
from spotkeeper.load_balancers.membership import recorded, unreadable
from spotkeeper.loop import Decision
from spotkeeper.retry import passes_by_itself

PATIENCE_SECONDS = 120.0
"""Busy, throttled and unreachable groups are tried again for so long."""
TURN_SECONDS = 10.0
"""Such a group is tried for so long before the next group has its turn; doubled with each round."""
ROUND_PAUSE = 5.0


def restore(run: Context, state: State, _: Decision) -> State:
    """Set the recorded weights, and add the missing memberships.

    No group waits for another. Raises ``RescueIncomplete`` after all other groups are done, and ``BrokenRecord`` before
    the first change where a record is broken or names another server.
    """
    members, attached = _checked(run, state), server_ids(state.instance, run.instance_id)
    groups = [tuple(group) for group in by_group(member for member in members if member.server_id in attached)]
    lost, refused = _restore_all(run, groups)
    if refused:
        raise RescueIncomplete(_words(run, len(groups), refused))
    detached = (member for member in members if member.server_id not in attached)
    cards = (f"membership of network card {member.server_id} in {member.name}: it is detached" for member in detached)
    return state.replace(serves=True, lost=(*cards, *lost))


def incomplete(run: Context, state: State, _: Decision) -> State:
    """End a call whose rescue did not find all memberships. Raises ``RescueIncomplete``."""
    found = f"{len(recorded(state.rescue))} were found ({run.episode.key('memberships')})"
    raise RescueIncomplete(
        f"{run.instance_id} is running again, and its rescue {run.episode.name} stays open: the search for its "
        f"memberships was not finished before it stopped, and {found}. Look at its other "
        "groups by hand: a membership that was not found was not drained"
    )


def _checked(run: Context, state: State) -> tuple[Membership, ...]:
    """The recorded memberships. Raises ``BrokenRecord``, also where a record cannot be this instance's."""
    if broken := unreadable(state.rescue, run.episode.broken):
        raise broken
    for member in recorded(state.rescue):
        if mistake := run.load_balancers[member.product].mistake(member, run.instance_id):
            problem = f"names {member.server_id!a} in {member.name!a}: {mistake}"
            raise BrokenRecord(run.episode.key("memberships"), problem)
    return recorded(state.rescue)


Group = tuple[Membership, ...]
"""The memberships in a group."""
Refused = dict[Group, SpotkeeperError]


def _restore_all(run: Context, groups: list[Group]) -> tuple[list[str], Refused]:
    """The memberships that cannot be restored, in words, and the groups that refuse the instance."""
    until, turn = run.deadline.sooner(PATIENCE_SECONDS), TURN_SECONDS
    lost: list[str] = []
    refused: Refused = {}
    waiting = groups
    while waiting:
        for group in waiting:
            refused.pop(group, None)
            try:
                lost += run.load_balancers[group[0].product].restore(list(group), until.sooner(turn))
            except (CloudError, RescueFailed) as error:
                refused[group] = error
        passing = (
            group for group, error in refused.items() if isinstance(error, CloudError) and passes_by_itself(error, BUSY)
        )
        waiting = list(passing) if until.remaining() > 0 else []
        run.clock.sleep(min(ROUND_PAUSE, until.remaining()) if waiting else 0.0)
        turn *= 2
    return lost, refused


def _words(run: Context, groups: int, refused: Refused) -> str:
    """The groups that refuse the instance, with load balancer, code and request id."""
    each = (f"{group[0].load_balancer_id}, {group[0].group_name}: {error}" for group, error in refused.items())
    back = f"{run.instance_id} is back in {groups - len(refused)} of its {groups} groups; calling again goes on"
    return f"{back}. Refused: {'; '.join(each)}"
