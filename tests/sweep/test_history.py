"""A sweep costs what is open, not what ever was: three months of rescues in the journal, and the same few calls."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from chaos.fault_classes import RECORD_NAMES
from simulator import fleet
from simulator.oss.buckets import StoredObject
from tests.function_stage import ROOT
from tests.sweep.stage import DAY, MINUTE, SweepStage, stage

RESCUES, DAYS = 45_000, 90
EMPTY = StoredObject(b"{}", 0.0)
MOST_CPU_SECONDS, MOST_MEGABYTES = 5.0, 128


def with_history(rescues: int) -> SweepStage:
    """A fleet after so many finished rescues; what they left is looked at once a day each."""
    here = stage()
    now, objects = here.cloud.now(), here.cloud.oss.buckets[fleet.BUCKET].objects
    for number in range(rescues):
        place = f"i-bp1old{number:05}/1"
        objects |= {f"{here.home}/rescues/{place}/{name}.json": EMPTY for name in RECORD_NAMES}
        due = int(now + 1 + number * DAY / rescues)
        objects[f"{here.home}/open/leftovers/{due:010}/{place}.json"] = EMPTY
    return here


def calls(here: SweepStage) -> Counter[str]:
    """The calls of one sweep."""
    before = len(here.cloud.calls)
    here.sweep()
    return Counter(call.action for call in here.cloud.calls[before:])


def test_the_calls_do_not_grow_with_the_history() -> None:
    """With 2,000 finished rescues a sweep makes the calls that it makes with none."""
    assert calls(with_history(2_000)) == calls(with_history(0))


def test_what_is_due_bounds_the_clean_up() -> None:
    """However many leftovers are due at once, fifty are looked at in one sweep, and nothing is lost."""
    here = with_history(120)
    here.advance(2 * DAY)
    made = calls(here)
    assert made["DeleteObject"] <= 52
    here.advance(MINUTE)
    here.sweep()
    assert len(here.hints("open/leftovers")) == 120


CHILD = """
import resource, sys, time
from tests.sweep.test_history import RESCUES, with_history
here = with_history(RESCUES)
resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.process_time()
here.sweep()
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident
print(time.process_time() - began, grown / 1024)
"""


@pytest.mark.full
def test_cpu_and_memory_of_a_sweep_after_three_months() -> None:
    """45,000 rescues in 90 days: at most 5 s of CPU and 128 MB, the embedded cloud's own share included."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, megabytes = (float(item) for item in child.stdout.split())
    print(f"{seconds:.2f} s of CPU, {megabytes:.0f} MB")  # noqa: T201 - the figures, with pytest -s
    assert seconds <= MOST_CPU_SECONDS
    assert megabytes <= MOST_MEGABYTES
