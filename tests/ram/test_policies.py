"""The policies against the functions: each has exactly what it needs."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest

import ram
from tests.lifecycle_hook.stage import REMOVE, write_hooks
from tests.ram.documents import VALUES, actions, listed, without
from tests.ram.scenes import SCENES, Scene

REAL = ram.policy
CASES = [(name, action) for name in ram.FUNCTIONS for action in actions(REAL(name, VALUES))]
READS = ("Describe", "List")
ON_EVERYTHING = {
    "ess:CompleteLifecycleAction",
    "ess:RecordLifecycleActionHeartbeat",
    "ess:RemoveInstances",
    "ram:PassRole",
}
"""Writes that are not narrowed to resources; ram/README.md says why."""
LONGEST = 6144
"""Characters of a custom policy (CreatePolicy)."""


@pytest.fixture(autouse=True)
def failed_instances_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``hooks.json`` with on_partial_failure, so that a failed check needs all that it can need."""
    write_hooks(tmp_path, monkeypatch, SCALE_OUT=REMOVE)


@functools.cache
def undisturbed(scene: Scene) -> tuple[str, frozenset[str]]:
    """What a scene comes to under the policies as they are, and what was needed for it."""
    return scene.seen()


@pytest.mark.parametrize("function", ram.FUNCTIONS)
def test_exactly_what_is_used_is_allowed(function: str) -> None:
    """No action too many, none missing, and none twice."""
    used = frozenset[str]().union(*(undisturbed(scene)[1] for scene in SCENES[function]))
    assert sorted(actions(REAL(function, VALUES))) == sorted(used)


@pytest.mark.parametrize("scene", [item for scenes in SCENES.values() for item in scenes], ids=str)
def test_a_scene_comes_to_the_same_each_time(scene: Scene) -> None:
    """Otherwise the test below would show nothing."""
    assert scene.seen() == undisturbed(scene)


@pytest.mark.parametrize(("function", "action"), CASES)
def test_no_action_can_be_spared(function: str, action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With any of them taken away a scene that used it comes to something else."""
    scenes = [scene for scene in SCENES[function] if action in undisturbed(scene)[1]]
    before = {scene: undisturbed(scene)[0] for scene in scenes}

    def lacking(name: str, values: Any) -> dict[str, Any]:
        found = REAL(name, values)
        return without(found, action) if name == function else found

    monkeypatch.setattr(ram, "policy", lacking)
    assert any(scene.seen()[0] != before[scene] for scene in scenes)


@pytest.mark.parametrize("name", [*ram.FUNCTIONS, ram.DEPLOYER])
def test_a_policy_can_be_created(name: str) -> None:
    """Short enough for RAM with the longest names there are, every action by its name, nothing denied."""
    longest = {key: value.ljust(64, "x") for key, value in VALUES.items()}
    document = REAL(name, longest)
    assert len(json.dumps(document, separators=(",", ":"))) <= LONGEST
    assert not any("*" in action for action in actions(document))
    assert {item["Effect"] for item in document["Statement"]} == {"Allow"}


@pytest.mark.parametrize("function", ram.FUNCTIONS)
def test_writes_are_narrowed_to_resources(function: str) -> None:
    """Whatever changes something is limited at least to the region, the bucket or the topic of the deployment."""
    for statement in REAL(function, VALUES)["Statement"]:
        names = {item for item in listed(statement["Action"]) if not item.partition(":")[2].startswith(READS)}
        if names - ON_EVERYTHING:
            marks = ("cn-hangzhou", "journal-of-ours")
            assert all(any(mark in item for mark in marks) for item in listed(statement["Resource"])), names


def test_a_placeholder_without_a_value() -> None:
    """A policy is never made with a hole in it."""
    with pytest.raises(KeyError, match="journal_bucket"):
        REAL("sweep", {name: value for name, value in VALUES.items() if name != "journal_bucket"})
