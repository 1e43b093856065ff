"""A load balancer product in a region: the operations of an adapter, and the changes that all adapters share.

After a write the list of members counts, not the answer. ``load_balancers.ADAPTERS`` lists the products, and
CONTRIBUTING.md lists what else a new product needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Literal

from spotkeeper.clients import Api, chunks
from spotkeeper.clock import Deadline
from spotkeeper.errors import CloudError, RescueFailed
from spotkeeper.load_balancers.membership import Group, Health, Membership
from spotkeeper.retry import RetryPolicy, is_throttling, passes_by_itself

GROUP_DELETED = "membership in {}: the group was deleted meanwhile"
"""The text about a membership that was lost with its group; ``{}`` stands for the group."""
TRIES = 5
LIST_PAUSE = 1.0
MOST_WEIGHT, MOST_PORT = 100, 65_535
Change = Literal["Set", "Add", "Remove"]
Once = Callable[[str, Callable[[], Any]], Any]
"""Runs the read with this name; when the search goes on after a pause, returns the earlier answer instead."""


class LoadBalancer(ABC):
    """A product in a region, over its API. All methods raise ``CloudError``.

    A scope is the unit of a search (see ``Membership.scope``). ``retry`` has the codes that pass by themselves,
    ``gone`` those of a deleted group, ``stopped`` those of a server that cannot be removed because it does not run;
    ``batch`` is the largest number of members per write; ``unchanged`` are the groups that no API changes; ``types``
    are the words for an instance and for a network card.
    """

    name: ClassVar[str]
    retry: ClassVar[RetryPolicy]
    gone: ClassVar[frozenset[str]]
    stopped: ClassVar[frozenset[str]]
    batch: ClassVar[int]
    unchanged: ClassVar[str]
    types: ClassVar[tuple[str, str]]

    def __init__(self, api: Api) -> None:
        self.api = api

    @abstractmethod
    def scopes(self, until: Deadline) -> Iterable[str]:
        """The scopes of the region."""

    @abstractmethod
    def find(self, scope: str, server_ids: frozenset[str], once: Once, until: Deadline) -> Iterator[Membership]:
        """All memberships of these servers in a scope; memberships of other servers may be among them."""

    @abstractmethod
    def report(self, scope: str, server_ids: frozenset[str], until: Deadline) -> Iterator[str]:
        """A warning for each entry of these servers in a group that no API changes."""

    @abstractmethod
    def list_group(self, group: Group, until: Deadline) -> list[Membership]:
        """All current members of a group; none where the group does not exist any more."""

    @abstractmethod
    def change(self, verb: Change, members: list[Membership], until: Deadline) -> None:
        """A write on a group: set the members' weights, add them or remove them."""

    @abstractmethod
    def health(self, members: list[Membership], until: Deadline) -> list[Health]:
        """The results of the health checks in the groups of these members, which are in the same scope."""

    def is_gone(self, error: CloudError) -> bool:
        """Whether a refusal says that the group or the load balancer does not exist."""
        return error.code in self.gone

    def mistake(self, membership: Membership, instance_id: str) -> str:
        """The reason why a recorded membership cannot be this instance's; empty where it can."""
        server_id, port, (instance, card) = membership.server_id, membership.port, self.types
        if membership.type == instance and server_id != instance_id:
            return f"that is not {instance_id}"
        if membership.type != instance and not (membership.type == card and server_id.startswith("eni-")):
            return f"that is no server of type {membership.type!a}"
        if not 0 <= membership.weight <= MOST_WEIGHT:
            return f"{membership.weight} is no weight"
        if bool(membership.group_id) != (port is not None) or not 0 < (port or 1) <= MOST_PORT:
            return f"{port} is no port in such a group"
        return ""

    def set_weights(self, members: list[Membership], until: Deadline) -> None:
        """Set the ``weight`` of members of a group; removed members and deleted groups are skipped."""
        for batch in chunks(members, self.batch):
            try:
                self.change("Set", batch, until)
            except CloudError as error:  # noqa: PERF203
                # A member that left the group may make the API refuse the whole call, so the list decides.
                listed = batch if passes_by_itself(error, self.retry) else self._listed(batch, until)
                if len(listed) == len(batch):
                    raise
                self.set_weights(listed, until)

    def remove(self, members: list[Membership], until: Deadline) -> list[str]:
        """Remove members of a group; returns a warning for each that stays because its server does not run.

        Raises ``RescueFailed`` where the list never shows an accepted removal.
        """
        for _ in range(TRIES):
            try:
                for batch in chunks(members, self.batch):
                    self.change("Remove", batch, until)
            except CloudError as error:
                if passes_by_itself(error, self.retry):
                    raise
                left = self._listed(members, until)
                if left and error.code not in self.stopped and not self.is_gone(error):
                    raise
                why = "a server that does not run cannot be removed, and leaves its groups when it is released"
                return [f"{member.server_id} is still listed in {member.name}: {why}" for member in left]
            members = self._listed(members, until)
            if not members:
                return []
            until.clock.sleep(LIST_PAUSE)
        raise RescueFailed(
            f"{members[0].server_id} is still in {members[0].group_name} although its removal was accepted {TRIES} "
            "times: remove it there by hand; nothing else is in danger"
        )

    def add(self, members: list[Membership], until: Deadline) -> list[str]:
        """Add members of a group until the list shows them; returns the memberships lost with a deleted group.

        The group is not listed first. Raises ``RescueFailed`` where the list never shows an accepted addition.
        """
        refusal: CloudError | None = None
        missing = members
        for _ in range(TRIES):
            if not missing:
                return []
            try:
                for batch in chunks(missing, self.batch):
                    self.change("Add", batch, until)
            except CloudError as error:
                if self.is_gone(error):
                    return [GROUP_DELETED.format(members[0].group_name)]
                if error.code in self.retry.conflicts or is_throttling(error):
                    raise
                # After a lost answer, or beside another call, the list decides. The same refusal twice is final.
                if refusal is not None and refusal.code == error.code and not passes_by_itself(error):
                    raise
                refusal = error
                until.clock.sleep(LIST_PAUSE)
            listed = self._listed(members, until)
            missing = [member for member in members if member not in listed]
        raise refusal or RescueFailed(
            f"{members[0].server_id} does not appear in {members[0].group_name} although adding it was accepted: add "
            f"it by hand, port {members[0].port}, weight {members[0].weight}"
        )

    def restore(self, members: list[Membership], until: Deadline) -> list[str]:
        """Set the ``weight`` of members of a group, and add missing members as ``add`` does."""
        for _ in range(TRIES):
            listed = {member.key: member.weight for member in self.list_group(members[0].group, until)}
            changed = [member for member in members if listed.get(member.key, member.weight) != member.weight]
            if not changed:
                return self.add([member for member in members if member.key not in listed], until)
            self.set_weights(changed, until)
        raise RescueFailed(
            f"{members[0].server_id} does not get its weight back in {members[0].group_name} although that was "
            f"accepted {TRIES} times: set it there by hand to "
            + ", ".join(f"{member.weight} at {member.name}" for member in members)
        )

    def _listed(self, members: list[Membership], until: Deadline) -> list[Membership]:
        keys = {member.key for member in self.list_group(members[0].group, until)}
        return [member for member in members if member.key in keys]
