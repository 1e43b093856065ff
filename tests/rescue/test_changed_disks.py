"""Disks that their owner attaches or detaches while the source is rescued."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from simulator.ecs import Timings
from simulator.ecs.model import Disk
from tests.rescue.reading import dies, images, records, replacements
from tests.rescue.stage import REALISTIC, SOURCE, Stage, stage

NEW = "d-bp1attached0000000000"


def data_disk(here: Stage) -> Disk:
    """One of the source's."""
    return next(disk for disk in here.cloud.ecs.disks_of(SOURCE) if disk.type == "data")


def attach(here: Stage) -> Disk:
    """Another disk, which would be released with the source."""
    new = replace(data_disk(here), disk_id=NEW, device="/dev/xvdz", delete_with_instance=True)
    here.cloud.ecs.disks[NEW] = new
    return new


def test_an_attached_disk_gets_its_flag_back() -> None:
    """It is retained like the others, and released with the source like the others."""
    here = stage()
    dies(here, "CreateImage")
    new = attach(here)
    answer = here.deliver()
    changed = [call for call in here.calls("ModifyDiskAttribute") if NEW in call.parameters.values()]
    assert [item.parameters["DeleteWithInstance"].lower() for item in changed] == ["false", "true"]
    assert new.delete_with_instance
    assert answer["retained_disks"] == []
    assert any(NEW in text for text in answer["warnings"])


@pytest.mark.parametrize("attached", [True, False], ids=["attached before it", "detached since"])
def test_an_image_with_other_disks(*, attached: bool) -> None:
    """It is still the rescue's own once the source is released: CreateImage has answered with it."""
    here = stage(Timings(image=30, boot=20))
    dies(here, "CreateImage", "kill-before" if attached else "kill-after")
    if attached:
        attach(here)
    else:
        gone = data_disk(here)
        gone.instance_id, gone.device = "", ""
    dies(here, "RunInstances")
    here.pass_notice()
    answer = here.finishes()
    assert answer["image_id"] == images(here)[0]["ImageId"]
    assert (NEW in answer["retained_disks"]) == attached


def hide_disks(here: Stage, answers: float) -> None:
    """So many answers of DescribeDisks about the source's disks are empty."""
    left, visible = [answers], here.cloud.ecs.visible

    def shown(parameters: Any, resources: Iterable[Any]) -> Iterable[Any]:
        found = list(resources)
        if not found or not isinstance(found[0], Disk) or left[0] <= 0:
            return visible(parameters, found)
        left[0] -= 1
        return []

    here.cloud.ecs.visible = shown  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("answers", [1, 4])
def test_a_list_of_disks_that_is_empty_at_first(answers: int) -> None:
    """Every instance has a system disk, so such an answer is not whole: nothing is recorded by it."""
    here = stage(REALISTIC)
    hide_disks(here, answers)
    here.rescues()


def test_disks_that_nobody_shows() -> None:
    """They cannot be retained; the image saves them, and the answer says what the replacement lacks."""
    here = stage(REALISTIC)
    hide_disks(here, math.inf)
    answer = here.finishes()
    assert any("DescribeDisks shows no disk" in text for text in answer["warnings"])
    assert "disks" not in records(here)
    assert len(images(here)) == len(replacements(here)) == 1


def test_an_image_with_a_disk_that_was_detached_since() -> None:
    """CreateImage answers with it: no warning says that it belongs to somebody else."""
    here = stage(REALISTIC)
    dies(here, "RunInstances")
    gone = data_disk(here)
    gone.instance_id, gone.device = "", ""
    answer = here.finishes()
    assert answer["image_id"] == images(here)[0]["ImageId"]
    assert not any(answer["image_id"] in text for text in answer["warnings"])
