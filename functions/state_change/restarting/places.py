"""The places that an instance had before its interruption, as its rescue has recorded them, and no others."""

from __future__ import annotations

from restarting.state import State
from spotkeeper.backend_servers import Membership
from spotkeeper.clients import items
from spotkeeper.errors import BrokenRecord
from spotkeeper.instances import Described

MOST_WEIGHT, MOST_PORT = 100, 65_535

Group = tuple[Membership, ...]
"""The places in one group."""


def remembered(state: State) -> Group:
    """The places that it had when its rescue began; none where the rescue did not come so far as to change any."""
    return tuple(Membership(**one) for one in state.rescue.get("memberships", {}).get("memberships", ()))


def check(places: Group, instance_id: str, key: str) -> None:
    """No rescue of this instance has recorded another server, or a weight or port that no group has.

    Raises ``BrokenRecord``.
    """
    for one in places:
        if problem := _problem(one, instance_id):
            raise BrokenRecord(key, f"names {one.server_id!a} in {one.place!a}: {problem}")


def _problem(one: Membership, instance_id: str) -> str:
    if one.type == "ecs" and one.server_id != instance_id:
        return f"that is not {instance_id}"
    if one.type != "ecs" and not (one.type == "eni" and one.server_id.startswith("eni-")):
        return f"that is no server of type {one.type!a}"
    if not 0 <= one.weight <= MOST_WEIGHT:
        return f"{one.weight} is no weight"
    if bool(one.vserver_group_id) != (one.port is not None) or not 0 < (one.port or 1) <= MOST_PORT:
        return f"{one.port} is no port in such a group"
    return ""


def detached(places: Group, instance: Described | None) -> Group:
    """Those of network cards that the instance does not have (any more)."""
    cards = items(instance or {}, "NetworkInterfaces", "NetworkInterface")
    attached = {str(one.get("NetworkInterfaceId")) for one in cards}
    return tuple(one for one in places if one.type == "eni" and one.server_id not in attached)
