"""Which instances a rescue may adopt or delete: those that a record or a repeated RunInstances proves its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from simulator import proof
from spotkeeper.errors import BrokenRecord, CloudError, RescueFailed
from tests.rescue.reading import dies, fault, images, launches, records, replacements
from tests.rescue.stage import SOURCE, Stage, stage

FOREIGN = "i-bp1foreign0000000001"
TAG = "spotkeeper:episode"
HOUR = 3600.0


def somebodys_copy(here: Stage, **attributes: Any) -> None:
    """An instance of the user with the tag of this rescue: tags are the user's to write and to copy."""
    ours = images(here)
    image_id = ours[0]["ImageId"] if ours else here.fleet.source.image_id
    tags = {TAG: f"{SOURCE}/1"}
    here.add_instance(FOREIGN, image_id=image_id, instance_type=here.fleet.spec.instance_type, tags=tags, **attributes)


def others(here: Stage) -> list[str]:
    """The instances made since the beginning, but for the user's copy."""
    return [item["InstanceId"] for item in replacements(here) if item["InstanceId"] != FOREIGN]


def stands(here: Stage, instance_id: str) -> bool:
    """Whether an instance exists."""
    return proof.instance(here.state, instance_id) is not None


def named(here: Stage, name: str) -> list[str]:
    """The instances whose records begin with ``name``."""
    return [record.removeprefix(name) for record in records(here) if record.startswith(name)]


def test_a_copied_tag_is_never_deleted() -> None:
    """An event that comes again after ``done`` reports the copy and leaves it alone."""
    here = stage()
    here.deliver()
    somebodys_copy(here)
    again = here.deliver()
    assert stands(here, FOREIGN)
    assert here.calls("DeleteInstance") == []
    assert len(others(here)) == 1
    assert any(f"{FOREIGN} carries the tag {TAG}={SOURCE}/1" in text for text in again["warnings"])


@pytest.mark.parametrize("effect", ["kill-before", "kill-after"])
def test_a_copied_tag_is_never_adopted(effect: str) -> None:
    """After a call that died at RunInstances a replacement of our own takes over; the copy stays as it is."""
    here = stage()
    dies(here, "RunInstances", effect)
    somebodys_copy(here)
    answer = here.finishes()
    assert [answer["replacement_id"]] == others(here)
    assert stands(here, FOREIGN)
    assert here.calls("DeleteInstance") == []
    assert any(FOREIGN in text for text in answer["warnings"])


def test_what_the_dead_call_launched_is_named_by_a_record() -> None:
    """The same RunInstances, asked again with its token, answers with the instance, and a record keeps that."""
    here = stage()
    dies(here, "RunInstances", "kill-after")
    launched = others(here)
    assert named(here, "launched-") == []
    answer = here.deliver()
    assert launched == named(here, "launched-") == [answer["replacement_id"]]
    first, second = (call.parameters for call in here.calls("RunInstances"))
    assert first == second


def test_the_clean_up_of_what_is_named_goes_on_for_ever() -> None:
    """A duplicate that a record names is deleted a day later, too; then nothing is left to do."""
    here = stage()
    here.deliver()
    somebodys_copy(here)
    here.cloud.ecs.instances[FOREIGN].created_at = here.cloud.now()
    names_as_launched(here)
    here.advance(24 * HOUR)
    assert any(f"duplicate replacement {FOREIGN} was deleted" in text for text in here.deliver()["warnings"])
    assert not stands(here, FOREIGN)
    with here.writes_nothing():
        here.deliver()


def names_as_launched(here: Stage) -> None:
    """A record like that of the instance that the rescue launched, about somebody else's."""
    key = next(item for item in here.state["oss"]["spotkeeper-journal"] if "/launched-" in item)
    objects = here.cloud.oss.buckets["spotkeeper-journal"].objects
    objects[key.replace(key.partition("launched-")[2].removesuffix(".json"), FOREIGN)] = objects[key]


def test_what_is_older_than_the_rescue_is_never_deleted_whatever_a_record_says() -> None:
    """Somebody else has written that the rescue launched an instance that was there the day before."""
    here = stage()
    here.deliver()
    somebodys_copy(here)
    names_as_launched(here)
    here.fails(BrokenRecord, match=f"{FOREIGN}.*created before this rescue began")
    assert stands(here, FOREIGN)


def test_what_serves_is_never_a_duplicate() -> None:
    """Once the rescue is done, a record that names another replacement does not have the true one deleted."""
    here = stage()
    ours = here.deliver()["replacement_id"]
    objects = here.cloud.oss.buckets["spotkeeper-journal"].objects
    key = next(stored for stored in objects if stored.endswith("/replacement.json"))
    body = objects[key].body.replace(ours.encode(), FOREIGN.encode())
    objects[key] = replace(objects[key], body=body)
    here.deliver()
    assert stands(here, ours)


def test_nothing_is_searched_for_an_hour_after_the_end() -> None:
    """No call asks for instances by tag any more, and no RunInstances is repeated."""
    here = stage()
    dies(here, "RunInstances")
    here.deliver()
    here.advance(HOUR + 1)
    somebodys_copy(here)
    calls = len(here.calls())
    here.deliver()
    assert [call.action for call in here.calls()[calls:]] == ["DescribeInstances"]


def test_a_forgotten_token_launches_nothing_beside_what_may_be_ours() -> None:
    """Two hours after a call died at RunInstances its token proves nothing: a human says whose the instance is."""
    here = stage()
    dies(here, "RunInstances", "kill-after")
    launched = others(here)
    here.advance(2 * HOUR)
    here.cloud.ecs.tokens.life = 0.0
    here.fails(RescueFailed, match=rf"{launched[0]} may be the replacement of {SOURCE}")
    assert others(here) == launched
    here.cloud.ecs.release(here.cloud.ecs.instances[launched[0]], here.cloud.now(), "by hand")
    here.finishes()
    assert len(others(here)) == 1


def test_a_forgotten_token_of_a_call_that_launched_nothing() -> None:
    """Where no instance with the tag stands, the launch options go on with new tokens."""
    here = stage()
    dies(here, "RunInstances")
    here.advance(2 * HOUR)
    here.cloud.ecs.tokens.life = 0.0
    here.finishes()
    assert len(others(here)) == 1
    assert len({call.parameters["ClientToken"] for call in here.calls("RunInstances")}) == 2


def dies_before_it_is_named(here: Stage, *, recorded: bool) -> str:
    """The replacement of a call that died after RunInstances, or one record later."""

    def after_the_launch(_: str, action: str) -> bool:
        return action == "PutObject" and bool(here.calls("RunInstances"))

    dies(here, after_the_launch, skip=int(recorded))
    (launched,) = others(here)
    assert named(here, "launched-") == ([launched] if recorded else [])
    assert "replacement" not in records(here)
    return launched


@pytest.mark.parametrize("remembered", [True, False], ids=["token-remembered", "token-forgotten"])
@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "unrecorded"])
def test_a_replacement_that_is_gone_is_not_adopted(*, recorded: bool, remembered: bool) -> None:
    """Released before a call could name it the replacement: another is launched, whatever the token answers."""
    here = stage()
    launched = dies_before_it_is_named(here, recorded=recorded)
    here.cloud.ecs.release(here.cloud.ecs.instances[launched], here.cloud.now(), "by hand")
    if not remembered:
        here.cloud.ecs.tokens.life = 0.0
    answer = here.finishes()
    assert [answer["replacement_id"]] == others(here) != [launched]


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "unrecorded"])
def test_what_was_launched_is_adopted(*, recorded: bool) -> None:
    """The call after the dead one launches nothing."""
    here = stage()
    launched = dies_before_it_is_named(here, recorded=recorded)
    assert here.rescues()["replacement_id"] == launched
    assert others(here) == [launched]


def test_the_next_call_begins_with_the_call_that_died() -> None:
    """Options that were refused before it wait for the next round."""
    here = stage(settings={"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": "ecs.g6.large"})
    here.cloud.ecs.stock[here.fleet.spec.zone_id, here.fleet.spec.instance_type, "spot"] = 0
    dies(here, "RunInstances", skip=1)
    here.deliver()
    kinds = [kind for _, _, kind in launches(here)]
    assert kinds == [here.fleet.spec.instance_type, "ecs.g6.large", "ecs.g6.large"]


def test_what_a_dead_call_launched_further_down_the_options_is_adopted() -> None:
    """Stock comes back on the first option after a call died on the second: what it launched there stays."""
    here = stage(settings={"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": "ecs.g6.large"}, sold_out=True)
    dies(here, "RunInstances", "kill-after", skip=1)
    launched = others(here)
    here.cloud.ecs.stock[here.fleet.spec.zone_id, here.fleet.spec.instance_type, "spot"] = None
    assert [here.rescues()["replacement_id"]] == launched
    assert here.calls("DeleteInstance") == []


def test_a_launch_option_that_is_no_longer_a_setting() -> None:
    """A human is told why nobody can prove what a dead call has launched with it; nothing else is launched."""
    here = stage(settings={"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": "ecs.c7.large"}, sold_out=True)
    here.cloud.ecs.stock[here.fleet.spec.zone_id, "ecs.g7.large", "spot"] = 0
    dies(here, "RunInstances", "kill-after", skip=1)
    (launched,) = replacements(here)
    raised = here.fails(
        RescueFailed, match="a setting has changed since", SPOTKEEPER_FALLBACK_INSTANCE_TYPES="ecs.r7.large"
    )
    assert launched["InstanceId"] in str(raised)
    assert len(replacements(here)) == 1


@pytest.mark.parametrize(("code", "times"), [("Forbidden.RAM", None), ("Throttling.User", 3)])
def test_a_search_for_duplicates_that_is_refused_after_the_end(code: str, times: int | None) -> None:
    """The call waits for what passes and answers; what does not pass it raises, without a further try."""
    here = stage()
    here.deliver()
    looked = len(here.calls("DescribeInstances")) + 1
    fault(here, "DescribeInstances", f"code:{code}", times=times, skip=1)
    if times:
        here.finishes()
        assert len(here.calls("DescribeInstances")) == looked + times + 1
        return
    here.fails(CloudError, match=code)
    assert len(here.calls("DescribeInstances")) == looked + 1
