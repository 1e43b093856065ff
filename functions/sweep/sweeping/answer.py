"""The answer of a sweep."""

from __future__ import annotations

from typing import Any

from spotkeeper.errors import BatchFailed
from spotkeeper.loop import DRY_RUN
from sweeping.report import Report

COUNTED = {"handed_over": "interruption", "hooks_handed_over": "lifecycle_hook", "handed_back": "state_change"}
"""The invoked function, by the key of the answer."""


def answer(report: Report) -> dict[str, Any]:
    """The answer. Raises ``BatchFailed``."""
    if failed := [result["reason"] for result in report.results if result["outcome"] == "failed"]:
        # There is no answer to hold the warnings, and a loss must not go unheard in the alarm of the failed call.
        texts = "; ".join([f"{len(failed)} of {len(report.results)} failed: {'; '.join(failed)}", *report.warnings])
        raise BatchFailed(texts, report.results)
    body: dict[str, Any] = {**report.lines, "warnings": report.warnings}
    if report.run.settings.dry_run:
        return {"outcome": "skipped", "reason": DRY_RUN, "plan": report.plan, **body}
    body |= report.done
    if not any(report.done.values()):
        nothing = "no function was invoked and nothing was deleted: see the warnings"
        return {"outcome": "skipped", "reason": nothing if report.warnings else "nothing was missed", **body}
    calls = [f"{function} invoked {len(report.done.get(key, ()))} times" for key, function in COUNTED.items()]
    cleaned = f"{len(report.done.get('deleted', ()))} rescues cleaned up"
    return {"outcome": "done", "reason": ", ".join([*calls, cleaned]), **body}
