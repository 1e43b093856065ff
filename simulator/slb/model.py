"""Load balancers, listeners, groups and members, without any wire format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

ALWAYS = float("-inf")
"""``added_at`` of a member that has been there from the beginning."""

Key = tuple[str, int, str, str]


@dataclass
class BackendServer:
    """A member of a server group, or an element of a request about members.

    ``port`` is 0 in default groups, where the listener decides about it; ``weight`` 0 to 100; ``type`` ecs, eni or eci.
    """

    server_id: str
    port: int = 0
    weight: int = 100
    type: str = "ecs"
    server_ip: str = ""
    description: str = ""
    added_at: float = ALWAYS

    @property
    def key(self) -> Key:
        """The identity of a member: an ENI may be a member once for each of its addresses."""
        return (self.server_id, self.port, self.type, "" if self.type == "ecs" else self.server_ip)


@dataclass
class ServerGroup:
    """Members in the order they were added."""

    members: list[BackendServer] = field(default_factory=list)

    def __iter__(self) -> Iterator[BackendServer]:
        return iter(self.members)

    def find(self, key: Key) -> BackendServer | None:
        """The member with this key."""
        return next((member for member in self.members if member.key == key), None)

    def remove(self, keys: set[Key]) -> None:
        """Drop these; other keys are ignored."""
        self.members = [member for member in self.members if member.key not in keys]

    def drop_server(self, server_id: str) -> None:
        """Drop every member that is this server."""
        self.members = [member for member in self.members if member.server_id != server_id]


@dataclass
class DefaultGroup(ServerGroup):
    """The default server group of a CLB: members have no port."""

    def add(
        self,
        server_id: str,
        *,
        weight: int = 100,
        description: str = "",
        type: str = "ecs",  # noqa: A002 - the API's own word
        server_ip: str | None = None,
    ) -> BackendServer:
        """Seed a member, unchecked and healthy at once."""
        member = BackendServer(server_id, 0, weight, type, server_ip or "", description)
        self.members.append(member)
        return member


@dataclass
class VServerGroup(ServerGroup):
    """A vServer group: one server may be a member several times, on different ports."""

    id: str = ""
    name: str = ""
    created_at: float = 0.0

    def add(  # noqa: PLR0913 - the fields of a member
        self,
        server_id: str,
        *,
        port: int,
        weight: int = 100,
        description: str = "",
        type: str = "ecs",  # noqa: A002 - the API's own word
        server_ip: str | None = None,
    ) -> BackendServer:
        """Seed a member, unchecked and healthy at once."""
        member = BackendServer(server_id, port, weight, type, server_ip or "", description)
        self.members.append(member)
        return member


@dataclass
class MasterSlaveServerGroup(ServerGroup):
    """A master/slave server group: exactly two members, the master first. No API changes it."""

    id: str = ""
    name: str = ""
    created_at: float = 0.0


@dataclass
class Listener:
    """A listener and the group it forwards to; ``group`` None means the default group on ``backend_port``."""

    port: int
    protocol: str
    backend_port: int
    group: VServerGroup | MasterSlaveServerGroup | None = None
    status: str = "running"
    connection_drain_timeout: int = 0


@dataclass
class LoadBalancer:
    """A CLB instance. ``busy_until`` (virtual seconds) is when it takes configuration changes again."""

    id: str
    name: str
    region: str
    vpc_id: str
    address_type: str
    address: str
    created_at: float
    vswitch_id: str = ""
    status: str = "active"
    tags: dict[str, str] = field(default_factory=dict)
    default_group: DefaultGroup = field(default_factory=DefaultGroup)
    vserver_groups: list[VServerGroup] = field(default_factory=list)
    master_slave_groups: list[MasterSlaveServerGroup] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)
    busy_until: float = ALWAYS
    busy_code: str = "ServiceIsConfiguring"

    @property
    def groups(self) -> list[ServerGroup]:
        """Every server group, the default group first."""
        return [self.default_group, *self.vserver_groups, *self.master_slave_groups]

    def group_of(self, listener: Listener) -> ServerGroup:
        """Where a listener of this CLB forwards to."""
        return self.default_group if listener.group is None else listener.group
