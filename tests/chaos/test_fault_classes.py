"""Trouble that is more than one call's: each class is played, counted, and judged by what it is there to break."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos import reference, report, world
from chaos.deeds.foreign import FOREIGN
from chaos.deeds.records import FORGED, OTHER_ROLE
from chaos.deeds.scene import EPISODE_TAG
from chaos.fault_classes import (
    ALONE,
    CLASSES,
    HISTORY,
    NEIGHBOUR,
    NEVER_RETRIED,
    RECORD_NAMES,
    classes_of,
    company_of,
    variants,
)
from chaos.invariants import others
from chaos.report import Tally
from chaos.run import judge, tell
from chaos.scenarios import SCENARIOS
from chaos.schedule import Deed, Delivery, FaultSpec, Schedule, Verdict
from chaos.search import Combinations
from chaos.stages import SOURCE
from chaos.story import Story
from chaos.world import World
from simulator.fleet import BUCKET
from spotkeeper.errors import SpotkeeperError

REFUSES = FaultSpec("slb:*", "code:InvalidParameter", times=None, on="api")
DIES = FaultSpec("*", "kill-before", call=3)
LOCKED = FaultSpec("ecs:ModifyDiskAttribute", "code:InvalidOperation.InstanceLocked", times=None, seconds=330.0)
LOSES = Schedule("slow-image", (Delivery(), Delivery(700.0)), (LOCKED,))
"""No disk can be retained, and the image takes longer than the notice."""
CALLS = {name: [("slb", "DescribeLoadBalancers")] * 40 for name in SCENARIOS}
Handler = Callable[[bytes, Any], dict[str, Any]]


def skips(_: bytes, __: Any) -> dict[str, Any]:
    """Does nothing."""
    return {"outcome": "skipped", "reason": "trust me"}


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_has_variants(kind: str) -> None:
    """Each class is there, its schedules contain it, and come back from their lines."""
    combinations = Combinations(CALLS, seed=5)
    made = [one for _ in range(4) for one in combinations.batch(4 * len(CLASSES)) if kind in classes_of(one)]
    assert len(made) >= 4
    assert [Schedule.parse(one.line()) for one in made] == made
    assert any(one.kind == kind for one in variants())


def test_the_search_takes_classes_in_turn() -> None:
    """Half of a batch has classes of trouble in it, each as often as the others, alone at first and then in company."""
    combinations = Combinations(CALLS, seed=5)
    first = [one for one in combinations.batch(4 * len(CLASSES)) if classes_of(one)]
    assert {kind: sum(kind in classes_of(one) for one in first) >= 2 for kind in CLASSES} == dict.fromkeys(
        CLASSES, True
    )
    combinations.played.update(dict.fromkeys(combinations.played, 1))
    later = [one for _ in range(6) for one in combinations.batch(4 * len(CLASSES))]
    met = {company for one in later for kind in classes_of(one) for company in company_of(one, kind)}
    assert met >= {ALONE, "killed", "redelivered", "side by side", "a class"}


def test_the_rarest_variant_first() -> None:
    """Of a class that variant is next which was played least; what does not count was not played."""
    combinations = Combinations(CALLS, seed=6)
    schedule = next(one for one in combinations.batch(4 * len(CLASSES)) if HISTORY in classes_of(one))
    before = dict(combinations.played)
    combinations.note([Verdict(schedule, counts=False, fired={}, calls=())])
    assert combinations.played == before
    again = next(one for one in combinations.batch(4 * len(CLASSES)) if HISTORY in classes_of(one))
    combinations.note([Verdict(again, counts=True, fired={}, calls=())])
    assert sum(combinations.played.values()) == sum(before.values()) + 1


def test_the_report_counts_classes() -> None:
    """One row per class, with the company in which it was met."""
    schedule = Schedule("neighbours", (Delivery(), Delivery(45.0)), (REFUSES, DIES), runs=1)
    tally = Tally()
    for _ in range(2):
        tally.add(Verdict(schedule, counts=True, fired={}, calls=()))
    assert tally.classes[NEIGHBOUR, "all"] == tally.classes[NEIGHBOUR, "killed"] == 1
    assert company_of(schedule, NEVER_RETRIED) == {"redelivered", "a class"}
    rows = list(report.classes(tally, {(NEIGHBOUR, "one"): 3}))
    assert [any(kind in row for row in rows) for kind in CLASSES] == [True] * len(CLASSES)
    assert any("1 variants, each at least 3" in row for row in rows)


def test_what_is_not_there_does_not_count() -> None:
    """A schedule whose deed could not be done counts as little as one whose fault did not fire."""
    assert not judge(Schedule("plain", deeds=(Deed("half:no-such-record"),))).counts
    assert judge(Schedule("plain", deeds=(Deed("foreign-disk"),))).counts


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_only_a_neighbour_may_refuse_for_good(seconds: float | None) -> None:
    """A fault without an end has to be on something."""
    if seconds is None:
        with pytest.raises(ValueError, match="never ends"):
            FaultSpec("slb:*", "code:InvalidParameter", times=None)
    assert FaultSpec("slb:*", "code:InvalidParameter", times=None, seconds=seconds, on="api").endless is (
        seconds is None
    )


def test_a_refusal_is_on_what_it_names() -> None:
    """Calls that name the neighbour are refused, and no other."""
    story = tell(Schedule("neighbours", faults=(replace(REFUSES, on="blog"),)))
    blog = next(one for one in story.before["slb"]["LoadBalancers"] if one["LoadBalancerName"] == "blog")
    refused = [one for one in story.calls if one.number in story.hits]
    assert refused
    assert {one.parameters["LoadBalancerId"] for one in refused} == {blog["LoadBalancerId"]}


@pytest.mark.parametrize("what", FOREIGN)
def test_foreign_things_were_there_before(what: str) -> None:
    """What somebody else makes in the middle of a rescue, with our tag, is no replacement and no image of ours."""
    story = tell(Schedule("plain", deeds=(Deed(what, at=0.5),)))
    assert story.done_deeds == {0}
    made = [one for kind in ("instances", "disks", "images", "snapshots") for one in story.before["ecs"][kind]]
    assert sum(one.get("Tags", {}).get(EPISODE_TAG) == f"{SOURCE}/1" for one in made) >= 1
    ours = [*(one["InstanceId"] for one in story.replacements), *(one["ImageId"] for one in story.images)]
    assert not [one for one in ours if "foreign" in one]


@pytest.mark.parametrize(("kind", "field"), [("disks", "DiskId"), ("images", "ImageId"), ("snapshots", "SnapshotId")])
@pytest.mark.parametrize("change", ["deleted", "changed"])
def test_foreign_things_are_watched(kind: str, field: str, change: str) -> None:
    """A disk, image or snapshot of somebody else that is deleted or changed is a violation."""
    story = tell(Schedule("unmanaged", deeds=(Deed("foreign-disk"), Deed("foreign-image"))))
    assert list(others.nothing_foreign_changed(story)) == []
    named = next(one for one in story.after["ecs"][kind] if "foreign" in one[field])
    left = [one for one in story.after["ecs"][kind] if one is not named]
    story.after["ecs"][kind][:] = left if change == "deleted" else [*left, {**named, "Tags": {}}]
    assert list(others.nothing_foreign_changed(story)) == [f"{named[field]} is somebody else's and was {change}"]


@pytest.mark.parametrize("scenario", ["plain", "neighbours"])
def test_records_are_those_of_the_functions(scenario: str) -> None:
    """The names of the records that are forged are those that a rescue writes, whatever the journal looks like."""
    written = tell(Schedule(scenario)).first
    assert set(RECORD_NAMES) <= written.keys() == reference.records(scenario).keys()


@pytest.mark.parametrize("what", FORGED)
def test_forgeries_say_something_else(what: str) -> None:
    """A forged record stands in the journal before the rescue begins, and differs from the true one."""
    records = reference.records("plain")
    forged = World(Schedule("plain", deeds=(Deed(what),)), records)
    objects = forged.cloud.oss.buckets[BUCKET].objects
    true = {key: body for key, body in records.values() if key in objects} or dict.fromkeys(objects, b"null")
    assert forged.deeds.done == {0}
    assert len(objects) == 1
    assert all(json.loads(objects[key].body) != json.loads(true[key]) for key in objects)


def test_a_forged_role_that_is_launched() -> None:
    """A replacement with the role of a forged record is a violation, whatever the function says."""
    story = tell(Schedule("plain"))
    assert list(others.nothing_forged_acted_upon(story)) == []
    new = story.replacements[0]["InstanceId"]
    next(one for one in story.after["ecs"]["instances"] if one["InstanceId"] == new)["RamRoleName"] = OTHER_ROLE
    assert [new in text for text in others.nothing_forged_acted_upon(replace(story))] == [True]


def test_history_is_what_the_functions_wrote() -> None:
    """Every ended rescue has the records of a whole one, and the true rescue finds none of them its own."""
    past = reference.history(3)
    assert len({key.partition("i-bp1ended")[2][:10] for key in past}) == 3
    story = tell(Schedule("plain", history=3))
    assert story.history_changed == 0
    assert not any("ended" in key for key in story.after["oss"][BUCKET])
    assert story.done is not None


def content(handler: Handler) -> Handler:
    """It says that there was nothing to do where it should raise."""

    def answer(event: bytes, context: Any) -> dict[str, Any]:
        try:
            return handler(event, context)
        except SpotkeeperError:
            return skips(event, context)

    return answer


@pytest.mark.parametrize(
    ("schedule", "bad", "invariant"),
    [
        (Schedule("plain", faults=(DIES,), runs=1), lambda _: skips, others.disks_retained_soon),
        (Schedule("neighbours", faults=(REFUSES,)), content, others.one_refusal_takes_nothing_hostage),
        (LOSES, content, others.a_loss_is_heard),
    ],
    ids=["nobody retains the disks", "nobody says what is missing", "nobody hears of a loss"],
)
def test_what_the_new_invariants_see(
    schedule: Schedule,
    bad: Callable[[Handler], Handler],
    invariant: Callable[[Story], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A function that does nothing, or is content with less, is found out."""
    monkeypatch.setitem(world.HANDLERS, "interruption", bad(world.HANDLERS["interruption"]))
    assert list(invariant(tell(schedule)))


def test_a_variant_is_data() -> None:
    """No two variants of a class have the same name."""
    found = list(variants())
    assert len({(one.kind, one.name) for one in found}) == len(found)
    assert all(set(one.scenarios) <= SCENARIOS.keys() for one in found)
