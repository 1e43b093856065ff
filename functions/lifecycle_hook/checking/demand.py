"""Checks on demand: the same checks over any running instances; nothing waits for them and nothing is completed."""

from __future__ import annotations

from typing import Any

from checking import commands, machines, report, trail
from checking.progress import Batch, Progress
from checking.tools import Tools
from spotkeeper.errors import DeadlineReached
from spotkeeper.events import CheckOnDemand
from spotkeeper.polling import GROWTH, jittered

REACH_SECONDS = 60.0
"""So long an instance may take to be reached: who asks for a check expects that it runs."""
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 15.0


def run(tools: Tools, event: CheckOnDemand, progress: Progress, *, dry_run: bool) -> dict[str, Any]:
    """The answer, one result for each instance. Raises ``CloudError``, and ``DeadlineReached`` while a command runs."""
    began_at, pause = tools.clock.now(), FIRST_PAUSE
    while True:
        seen = _observed(tools, progress, began_at)
        trail.results(tools, progress, seen, hook=None)
        progress = seen
        if len(progress.passed) + len(progress.failures) == len(progress.instance_ids):
            return _answer(event, progress)
        if batches := progress.batches(tools.clock.now()):
            if dry_run:
                return _planned(event, batches)
            progress, pause = commands.run(tools, progress), FIRST_PAUSE
        _wait(tools, event, pause)
        pause = min(LONGEST_PAUSE, pause * GROWTH)


def _observed(tools: Tools, progress: Progress, began_at: float) -> Progress:
    now = tools.clock.now()
    progress = commands.give_up(commands.poll(tools, progress), now)
    if progress.waiting:
        progress = machines.look(tools, progress)
    if progress.unreached and now - began_at >= REACH_SECONDS:
        progress = progress.without_waiting(f"nobody waits longer than {REACH_SECONDS:g} s for a check on demand")
    return progress


def _wait(tools: Tools, event: CheckOnDemand, pause: float) -> None:
    if tools.deadline.remaining() <= pause:
        raise DeadlineReached(f"check {event.check}: this call's time is up; the next one finds the same commands")
    tools.clock.sleep(jittered(pause))


def _answer(event: CheckOnDemand, progress: Progress) -> dict[str, Any]:
    passed, total = len(progress.passed), len(progress.instance_ids)
    return {
        "outcome": "done",
        "reason": f"check {event.check}: {passed} of {total} instances passed",
        "check": event.check,
        "passed": passed == total,
        "results": report.evidence(progress),
        **({"instance_id": event.instance_ids[0]} if total == 1 else {}),
    }


def _planned(event: CheckOnDemand, batches: list[Batch]) -> dict[str, Any]:
    lines = [f"run {event.check} on {', '.join(batch.instance_ids)}" for batch in batches]
    reason = "dry run: SPOTKEEPER_DRY_RUN is true, nothing was written"
    return {"outcome": "skipped", "reason": reason, "check": event.check, "plan": lines}
