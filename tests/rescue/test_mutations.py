"""Mutated events against the whole function: nothing but a still valid event of the locked instance may write."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from simulator import proof
from spotkeeper.errors import BatchFailed, MalformedEvent
from tests.edge.mutations import mutations
from tests.edge.samples import SAMPLES
from tests.rescue.stage import SOURCE, Stage, stage

FULL, SAMPLE = 1000, 20
SEED = 20190409


def is_json(raw: bytes) -> bool:
    """Whether it is UTF-8 and JSON."""
    try:
        json.loads(raw.decode())
    except (ValueError, RecursionError):
        return False
    return True


def outcomes(here: Stage, event: bytes) -> list[str]:
    """One word per element: done, skipped or malformed; any other error is raised."""
    try:
        answer = here.deliver(event)
    except MalformedEvent:
        return ["malformed"]
    except BatchFailed as error:
        assert {result["error"] for result in error.results if result["outcome"] == "failed"} == {"MalformedEvent"}  # noqa: PT017 - of a batch
        return ["malformed" if result["outcome"] == "failed" else result["outcome"] for result in error.results]
    return [result["outcome"] for result in answer.get("results", [answer])]


def play(name: str, count: int) -> Iterator[bytes]:
    """Deliver each mutation to a fresh cloud and judge it by that cloud's state; yields what was delivered."""
    here = stage()
    for event in mutations(SAMPLES[name], SEED, count):
        yield event
        if here.writes():
            here = stage()
        calls, began = len(here.cloud.calls), here.cloud.now()
        found = outcomes(here, event)
        assert set(found) <= {"done", "skipped", "malformed"}
        assert here.cloud.now() - began < 900
        if "done" in found:
            assert here.shortcomings() == []
            assert SOURCE in str(here.state["oss"])
        else:
            assert [call.action for call in here.cloud.calls[calls:] if call.action not in READS] == []
            assert proof.untouched(here.before, here.state) == []


READS = frozenset({"DescribeInstances", "DescribeImages", "ListObjectsV2", "GetObject"})


@pytest.mark.parametrize("count", [SAMPLE, pytest.param(FULL, marks=pytest.mark.full)])
@pytest.mark.parametrize("name", SAMPLES)
def test_mutated_events(name: str, count: int) -> None:
    """Mutations of every file in ``events/``: no write but for a valid event of the managed, locked instance."""
    played = list(play(name, count))
    assert len(played) == count
    assert count < FULL or sum(map(is_json, played)) >= FULL / 2


def test_half_of_the_sample_is_valid_json() -> None:
    """Otherwise the walk would try little more than the JSON parser."""
    played = [event for name in SAMPLES for event in mutations(SAMPLES[name], SEED, SAMPLE)]
    assert sum(map(is_json, played)) >= len(played) / 2
