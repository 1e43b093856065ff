"""``spotkeeper drill``: deliver an event to the function that it belongs to.

Exit code 0: proven (or rightly skipped with nothing changed); 1: not proven, or the function failed; 2: the event
cannot be understood.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from simulator import function_compute
from simulator.drill.lifecycle_hook import CheckDrill, HookDrill
from simulator.drill.rescue import RescueDrill, SweepDrill
from simulator.drill.stage import Drill
from simulator.drill.state_change import StateChangeDrill
from simulator.drill.subject import subject_of

FUNCTIONS = ("interruption", "lifecycle_hook", "state_change", "sweep")


def deliver(path: Path) -> int:
    """Deliver the event in a file; returns the exit code."""
    logging.getLogger("spotkeeper.audit").propagate = False  # into a file instead
    try:
        raw = path.read_bytes()
    except OSError as error:
        print(f"cannot read {path}: {error.strerror}", file=sys.stderr)
        return 2
    functions = {name: function_compute.load(name) for name in FUNCTIONS}
    from spotkeeper.errors import SpotkeeperError  # noqa: PLC0415 - on the path since load()
    from spotkeeper.events.notification import Kind  # noqa: PLC0415

    drills: dict[Kind, type[Drill]] = {
        Kind.INTERRUPTION: RescueDrill,
        Kind.TIMER: SweepDrill,
        Kind.STATE_CHANGE: StateChangeDrill,
        Kind.LIFECYCLE_HOOK: HookDrill,
        Kind.CHECK: CheckDrill,
    }
    subject = subject_of(raw)
    drill = drills.get(subject.kind, Drill)(raw, subject, functions)
    try:
        answer = drill.deliver()
    except SpotkeeperError as error:
        print(f"the function raised {type(error).__name__}: {error}", file=sys.stderr)
        return 2 if is_malformed(error) else 1
    print(f"{answer['outcome']}: {answer['reason']}\n")
    return drill.judge(answer)


def is_malformed(error: Exception) -> bool:
    """Whether the event is to blame, or every failed element of a batch."""
    failures = [result["error"] for result in getattr(error, "results", []) if result["outcome"] == "failed"]
    return set(failures or [type(error).__name__]) == {"MalformedEvent"}
