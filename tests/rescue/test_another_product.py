"""A second load balancer product costs an adapter and nothing else: no function knows which product it works with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from simulator.ecs import Timings
from spotkeeper import load_balancers, records
from spotkeeper.clock import Clock, Deadline
from spotkeeper.errors import BrokenRecord, CloudError
from spotkeeper.load_balancers.membership import Group, Health, Membership
from spotkeeper.load_balancers.product import Change, LoadBalancer, Once
from spotkeeper.retry import RetryPolicy
from tests.rescue.reading import dies, plant, replacements
from tests.rescue.reading import records as records_of
from tests.rescue.stage import NEIGHBOUR, SOURCE, Stage, stage

WEB, API = ("toy", "", "sgp-web"), ("toy", "", "sgp-api")


def member(group: Group, server_id: str, port: int, weight: int) -> Membership:
    """A member of a group that stands alone."""
    return Membership(*group, server_id, port, weight, "Ecs", description=f"port {port}")


class Toy(LoadBalancer):
    """Groups in memory. ``refusing`` holds the refusal of each call by name, ``calls`` what was called when."""

    name = "toy"
    retry = RetryPolicy(conflicts=frozenset({"Toy.Busy"}))
    gone = frozenset({"Toy.Gone"})
    stopped = frozenset()
    batch = 2
    unchanged = "members by address"
    types = ("Ecs", "Eni")

    members: ClassVar[list[Membership]] = []
    refusing: ClassVar[dict[str, str]] = {}
    calls: ClassVar[list[tuple[str, float]]] = []

    def _called(self, action: str, until: Deadline) -> None:
        self.calls.append((action, until.clock.now()))
        if code := self.refusing.get(action):
            raise CloudError(action, "toy", code, status=400, request_id="R")

    def scopes(self, until: Deadline) -> list[str]:
        """One for all groups."""
        self._called("scopes", until)
        return ["toy"]

    def find(self, scope: str, server_ids: frozenset[str], once: Once, until: Deadline) -> Iterator[Membership]:
        """Without a read: it is all in memory."""
        self._called("find", until)
        yield from self.members

    def report(self, scope: str, server_ids: frozenset[str], until: Deadline) -> Iterator[str]:
        """One warning."""
        self._called("report", until)
        yield "a member by address was left alone"

    def list_group(self, group: Group, until: Deadline) -> list[Membership]:
        """The members in memory."""
        self._called("list", until)
        return [member for member in self.members if member.group == group]

    def change(self, verb: Change, members: list[Membership], until: Deadline) -> None:
        """At most two members of one group."""
        self._called(verb, until)
        keys = {member.key for member in members}
        assert len(members) <= self.batch
        assert len({member.group for member in members}) == 1
        self.members[:] = [member for member in self.members if member.key not in keys]
        self.members.extend(members if verb != "Remove" else [])

    def health(self, members: list[Membership], until: Deadline) -> list[Health]:
        """No member is healthy."""
        self._called("health", until)
        return [Health(member.server_id, member.name, "Unhealthy", healthy=False) for member in self.members]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> type[Toy]:
    """The product, in whose groups the source is three times."""
    monkeypatch.setitem(load_balancers.ADAPTERS, "ess", Toy)
    monkeypatch.setattr(records, "PRODUCTS", frozenset({"clb", "toy"}))
    own = [member(WEB, SOURCE, 80, 10), member(WEB, SOURCE, 81, 11), member(API, SOURCE, 80, 12)]
    monkeypatch.setattr(Toy, "members", [*own, member(WEB, NEIGHBOUR, 80, 50)])
    monkeypatch.setattr(Toy, "refusing", {})
    monkeypatch.setattr(Toy, "calls", [])
    return Toy


def groups(toy: type[Toy]) -> list[tuple[str, str, int | None, int, str]]:
    """Group, server, port, weight and description of each member."""
    return sorted(
        (member.group_id, member.server_id, member.port, member.weight, member.description) for member in toy.members
    )


def expected(here: Stage) -> list[Any]:
    """The groups with the replacement in the source's memberships."""
    (new,) = (item["InstanceId"] for item in replacements(here))
    own = [
        ("sgp-web", new, 80, 10, "port 80"),
        ("sgp-web", new, 81, 11, "port 81"),
        ("sgp-api", new, 80, 12, "port 80"),
    ]
    return sorted([*own, ("sgp-web", NEIGHBOUR, 80, 50, "port 80")])


def test_a_rescue_with_both(toy: type[Toy]) -> None:
    """Drained before the image, out after it, the replacement in exactly these groups; the answer names all five."""
    here = stage()
    answer = here.rescues()
    assert "in its 4 server groups" in answer["reason"]
    assert groups(toy) == expected(here)
    image = here.calls("CreateImage")[0].at
    assert max(at for action, at in toy.calls if action == "Set") < image
    assert min(at for action, at in toy.calls if action == "Remove") >= image
    shown = [member for member in answer["memberships"] if member["product"] == "toy"]
    assert {(item["load_balancer_id"], item["server_group_id"], item["weight"]) for item in shown} == {
        (None, "sgp-web", 10),
        (None, "sgp-web", 11),
        (None, "sgp-api", 12),
    }
    assert answer["health"]["sgp-api port 80"] == "Unhealthy"
    assert any("health check of sgp-api port 80" in text for text in answer["warnings"])
    assert "a member by address was left alone" in answer["warnings"]


@pytest.mark.parametrize("action", ["scopes", "find"])
def test_a_product_that_may_not_be_read(toy: type[Toy], action: str) -> None:
    """A warning, and nothing else: the other product is served."""
    toy.refusing[action] = "Forbidden.RAM"
    here = stage()
    answer = here.rescues()
    assert any("TOY was not searched" in text for text in answer["warnings"])
    assert {action for action, _ in toy.calls} <= {"scopes", "find"}


def test_a_product_that_does_not_list_its_scopes(toy: type[Toy]) -> None:
    """The other product is drained, left and joined; the rescue is not done before this product was searched."""
    toy.refusing["scopes"] = "Toy.Gone"
    here = stage()
    here.fails(CloudError, match="scopes on toy")
    assert here.shortcomings() == []
    del toy.refusing["scopes"]
    here.finishes()
    assert groups(toy) == expected(here)


@pytest.mark.parametrize("verb", ["Set", "Remove", "Add"])
def test_a_group_deleted_meanwhile(toy: type[Toy], verb: str) -> None:
    """The adapter says which refusal means that."""
    toy.refusing[verb] = "Toy.Gone"
    here = stage()
    answer = here.finishes()
    assert any("sgp-web" in text for text in answer["not_carried"]) == (verb == "Add")


def test_a_record_of_an_unknown_product(toy: type[Toy]) -> None:
    """Nothing is acted on, and the record is named."""
    here = stage(Timings(image=30, boot=20))
    dies(here, "RunInstances")
    entries = records_of(here)["memberships"]["memberships"]
    plant(here, "memberships", {"memberships": [{**entries[0], "product": "none"}]})
    here.fails(BrokenRecord, match="product is not a load balancer product")


def test_weights_that_were_changed_by_hand(toy: type[Toy]) -> None:
    """``restore`` sets what differs and adds what is missing."""
    own = [member for member in toy.members if member.server_id == SOURCE and member.group == WEB]
    toy.members[:] = [replace(own[0], weight=0)]
    assert Toy(None).restore(own, Deadline.after(Clock(), 60)) == []  # type: ignore[arg-type]
    assert toy.members == own
