"""A stop-mode instance that runs again gets back into its groups, with the weights that its rescue has recorded."""

from __future__ import annotations

from restarting.context import Context
from restarting.places import Group, check, detached, remembered
from restarting.state import State
from spotkeeper.backend_servers import CONFIGURING, LIST_PAUSE, TRIES, add_members, by_group, list_group, set_weights
from spotkeeper.clock import Deadline
from spotkeeper.errors import CloudError, RescueFailed, RescueIncomplete, SpotkeeperError
from spotkeeper.loop import Decision
from spotkeeper.retry import passes_by_itself

PATIENCE_SECONDS = 120.0
"""How long groups that are busy, throttled or unreachable are tried again before the call gives up."""
TURN_SECONDS = 10.0
"""How long such a group is tried before the next has its turn; doubled with each round."""
ROUND_PAUSE = 5.0


def serve(run: Context, state: State, _: Decision) -> State:
    """Old weights where it is still a member, the old place where it is not. After a write the list is believed.

    No group waits for another. Raises ``RescueIncomplete`` after all others are served, and ``BrokenRecord`` before any
    is, where the record is broken or names a server that is not this one.
    """
    if "memberships" in run.episode.broken and "memberships" not in state.rescue:
        raise run.episode.broken["memberships"]
    places = remembered(state)
    check(places, run.instance_id, f"{run.episode.name}/memberships")
    gone = detached(places, state.instance)
    groups = [tuple(group) for group in by_group(one for one in places if one not in gone)]
    lost, refused = _serve_all(run, groups)
    if refused:
        raise RescueIncomplete(_words(run, len(groups), refused))
    cards = (f"place of network card {one.server_id} in {one.place}: it is detached" for one in gone)
    return state.replace(serves=True, lost=(*cards, *lost))


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
                lost += restore(run, group, until.sooner(turn))
            except (CloudError, RescueFailed) as error:
                refused[group] = error
        waiting = [group for group, error in refused.items() if _passes(error)] if until.remaining() > 0 else []
        run.clock.sleep(min(ROUND_PAUSE, until.remaining()) if waiting else 0.0)
        turn *= 2
    return lost, refused


def _passes(error: SpotkeeperError) -> bool:
    return isinstance(error, CloudError) and passes_by_itself(error, CONFIGURING)


def _words(run: Context, groups: int, refused: Refused) -> str:
    """Which groups refuse it, with load balancer, code and request id."""
    each = (f"{group[0].load_balancer_id}, {group[0].where}: {error}" for group, error in refused.items())
    back = f"{run.instance_id} is back in {groups - len(refused)} of its {groups} groups; calling again goes on"
    return f"{back}. Refused: {'; '.join(each)}"


def restore(run: Context, places: Group, until: Deadline) -> list[str]:
    """The places in one group; what cannot be had any more, in words.

    Raises ``CloudError``, and ``RescueFailed`` where the list never shows what was accepted.
    """
    for _ in range(TRIES):
        listed = {(one.server_id, one.port): one.weight for one in list_group(run.slb, places[0].group, until)}
        missing = [one for one in places if (one.server_id, one.port) not in listed]
        changed = [one for one in places if listed.get((one.server_id, one.port), one.weight) != one.weight]
        if not missing and not changed:
            return []
        set_weights(run.slb, changed, until)
        if lost := add_members(run.slb, missing, until):
            return lost
        run.clock.sleep(0.0 if changed else LIST_PAUSE)
    raise RescueFailed(
        f"{places[0].server_id} does not get its weight back in {places[0].where} although that was accepted "
        f"{TRIES} times: set it there by hand to {', '.join(f'{one.weight} at {one.place}' for one in places)}"
    )
