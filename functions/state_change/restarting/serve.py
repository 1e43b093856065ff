"""A stop-mode instance that runs again gets back into its groups, with the weights that its rescue has recorded."""

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
"""How long groups that are busy, throttled or unreachable are tried again before the call gives up."""
TURN_SECONDS = 10.0
"""How long such a group is tried before the next has its turn; doubled with each round."""
ROUND_PAUSE = 5.0


def serve(run: Context, state: State, _: Decision) -> State:
    """Old weights where it is still a member, the old membership where it is not.

    No group waits for another. Raises ``RescueIncomplete`` after all others are served, and ``BrokenRecord`` before any
    is, where a record is broken or names a server that is not this one.
    """
    members, attached = _checked(run, state), server_ids(state.instance, run.instance_id)
    groups = [tuple(group) for group in by_group(one for one in members if one.server_id in attached)]
    lost, refused = _serve_all(run, groups)
    if refused:
        raise RescueIncomplete(_words(run, len(groups), refused))
    detached = (one for one in members if one.server_id not in attached)
    cards = (f"membership of network card {one.server_id} in {one.name}: it is detached" for one in detached)
    return state.replace(serves=True, lost=(*cards, *lost))


def _checked(run: Context, state: State) -> tuple[Membership, ...]:
    """The recorded memberships, where no record is broken and each can be this instance's. Raises ``BrokenRecord``."""
    if broken := unreadable(state.rescue, run.episode.broken):
        raise broken
    for one in recorded(state.rescue):
        if mistake := run.load_balancers[one.product].mistake(one, run.instance_id):
            raise BrokenRecord(run.episode.key("memberships"), f"names {one.server_id!a} in {one.name!a}: {mistake}")
    return recorded(state.rescue)


Group = tuple[Membership, ...]
"""The memberships in one group."""
Refused = dict[Group, SpotkeeperError]


def _serve_all(run: Context, groups: list[Group]) -> tuple[list[str], Refused]:
    """What cannot be had any more, in words, and which groups refuse the instance for good, or for too long."""
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
        waiting = [group for group, error in refused.items() if _passes(error)] if until.remaining() > 0 else []
        run.clock.sleep(min(ROUND_PAUSE, until.remaining()) if waiting else 0.0)
        turn *= 2
    return lost, refused


def _passes(error: SpotkeeperError) -> bool:
    return isinstance(error, CloudError) and passes_by_itself(error, BUSY)


def _words(run: Context, groups: int, refused: Refused) -> str:
    """Which groups refuse it, with load balancer, code and request id."""
    each = (f"{group[0].load_balancer_id}, {group[0].group_name}: {error}" for group, error in refused.items())
    back = f"{run.instance_id} is back in {groups - len(refused)} of its {groups} groups; calling again goes on"
    return f"{back}. Refused: {'; '.join(each)}"
