"""Run the subjects, one process at a time, and print the figures: ``measure PLAN``, a JSON file; JSON on the output.

Every round runs each subject once, in an order of its own, so that whatever else the machine does hits all alike. The
first round only warms the disk's cache.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.bench.listener import Listener, listening
from tools.errors import BuildFailed

RUNNER = Path(__file__).with_name("runner.py")
PRODUCTS = ("ECS", "SLB", "ESS", "OSS", "FUNCTION_COMPUTE")


class Unmeasured(BuildFailed):
    """A subject did not come as far as its first request."""


@dataclass(frozen=True)
class Subject:
    """A measured process: ``folders`` before the standard library, and an event's file; ``-`` only imports."""

    name: str
    folders: list[str]
    event: str = "-"


@dataclass(frozen=True)
class Run:
    """One process: seconds to its first request (the floor: to its end), CPU seconds, peak memory in MB."""

    seconds: float
    cpu: float
    memory: float
    request: str = ""


def main(arguments: list[str]) -> int:
    """Measure the plan; the runs of each subject by its name."""
    plan = json.loads(Path(arguments[0]).read_text())
    try:
        runs = rounds([Subject(**subject) for subject in plan["subjects"]], plan["interpreter"], plan["repeat"])
    except Unmeasured as failure:
        print(f"make bench: {failure}", file=sys.stderr)
        return failure.status
    print(json.dumps({name: [asdict(run) for run in made] for name, made in runs.items()}))
    return 0


def rounds(subjects: list[Subject], interpreter: list[str], repeat: int) -> dict[str, list[Run]]:
    """``repeat`` runs of each subject with the ``interpreter`` command, interleaved. Raises Unmeasured."""
    runs: dict[str, list[Run]] = {subject.name: [] for subject in subjects}
    with listening() as listener:
        for number in range(repeat + 1):
            for subject in random.Random(number).sample(subjects, len(subjects)):  # noqa: S311 - an order, no secret
                run = run_once(subject, interpreter, listener)
                if number:
                    runs[subject.name].append(run)
    return runs


def run_once(subject: Subject, interpreter: list[str], listener: Listener) -> Run:
    """Start one process and wait for its end. Raises Unmeasured."""
    command = [*interpreter, str(RUNNER), subject.event, *subject.folders]
    reading, writing = os.pipe()
    listener.take_first()
    started = time.monotonic()
    # Not subprocess: wait4 reports the usage of this very process. (Its peak memory begins at that of the process that
    # spawns it, so the spawning process has to stay small.)
    pid = os.posix_spawn(
        command[0], command, environment(listener.url), file_actions=[(os.POSIX_SPAWN_DUP2, writing, 2)]
    )
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as output:
        text = output.read()
    _, status, usage = os.wait4(pid, 0)
    ended = time.monotonic()
    arrived, request = listener.take_first() or (ended, "")
    if status or (subject.event != "-" and not request):
        raise Unmeasured(f"{subject.name}: no API request was made. The process printed: {text.strip()[-2000:]}")
    return Run(arrived - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, request)


def environment(url: str) -> Mapping[str, str]:
    """The variables that Function Compute sets, with all endpoints at ``url``, and the journal where it is deployed."""
    key = {"ID": "bench", "SECRET": "none"}
    return {
        **{f"{product}_ENDPOINT": url for product in PRODUCTS},
        **{f"ALIBABA_CLOUD_ACCESS_KEY_{part}": value for part, value in key.items()},
        "ALIBABA_CLOUD_SECURITY_TOKEN": "bench",
        "SPOTKEEPER_JOURNAL": "oss://spotkeeper-journal/spotkeeper",
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
