"""From a timer event to its answer."""

from __future__ import annotations

from typing import Any

from spotkeeper.events.kinds import Timer
from spotkeeper.events.notification import Notification
from spotkeeper.function import Invocation
from spotkeeper.run_context import journal_opener
from spotkeeper.settings.sweep import SweepSettings
from sweeping.context import Context, TimedApi
from sweeping.jobs import Sweep
from sweeping.report import Report


def handle(notification: Notification, invocation: Invocation, settings: SweepSettings) -> dict[str, Any]:
    """Look once, invoke the functions in charge, report the rest.

    Raises ``MalformedEvent``, and ``BatchFailed`` after everything else where an invocation or a deletion failed.
    """
    Timer.of(notification, invocation.region)
    run = Context.enter(
        invocation,
        invocation.region,
        settings,
        api=TimedApi,
        audit=invocation.audit,
        subject="",
        credentials=invocation.credentials(),
        journal=journal_opener(invocation, invocation.region, settings)(),
        home=invocation.home(invocation.region),
        now=invocation.deadline.clock.now(),
    )
    return Sweep(run, Report(run)).answer()
