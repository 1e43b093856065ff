"""From an event to a rescue.

Each delivery of an event runs the whole loop, also beside another delivery. The journal keeps them in step: records are
created once (``spotkeeper.episode``), and a later call goes on from them, or gives the answer of a finished rescue.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from rescue.context import NOTICE_SECONDS, Context, subject_of
from rescue.sign_writer import ApiWithSigns, ClockWithSigns, SignWriter
from rescue.state import State
from rescue.workflow import rescue_loop
from spotkeeper.episode import Episode
from spotkeeper.events.kinds import Interruption
from spotkeeper.events.notification import Kind, Notification
from spotkeeper.function import Invocation
from spotkeeper.instances import iso, locked
from spotkeeper.run_context import journal_opener
from spotkeeper.settings.interruption import InterruptionSettings

CLOCK_SKEW = 60.0
"""Seconds by which the clocks of the platform may differ."""


def handle(notification: Notification, invocation: Invocation, settings: InterruptionSettings) -> dict[str, Any]:
    """Rescue the instance of one interruption, as far as this call's time allows.

    Returns the answer; raises any ``SpotkeeperError``, after which calling again goes on.
    """
    event = Interruption.of(notification, invocation.region)
    run = _context(event, invocation, settings)
    now = run.clock.now()
    # No notice begins in the future: such a time is in another time zone, and its notice would last hours.
    known = event.time if event.time is not None and event.time <= now + CLOCK_SKEW else None
    began = now if known is None else known
    state = State(now=now, entered=now, notice_end=began + NOTICE_SECONDS, notice_estimated=known is None)
    rescue = rescue_loop(run, state)
    try:
        answer = rescue.answer()
    except Exception as error:
        run.signs.end(error)
        # During the notice each minute counts: nothing is written that makes the sweep wait.
        in_notice = locked(rescue.state.source) and run.clock.now() <= rescue.state.notice_end
        if rescue.state.loaded and not in_notice and not settings.dry_run:
            run.signs.end_unbegun(run.episode, error)
        raise
    run.signs.end(None)
    if not (missed := run.signs.missed):
        return answer
    warning = f"{len(missed)} hints could not be kept in the journal: {missed[0]}"
    return {**answer, "warnings": [*answer.get("warnings", ()), warning]}


def _context(event: Interruption, invocation: Invocation, settings: InterruptionSettings) -> Context:
    about = {"event_kind": Kind.INTERRUPTION.value, "event_id": event.id, "instance_id": event.instance_id}
    audit = invocation.audit.of(**about, region=event.region)
    signs = SignWriter(invocation.deadline.clock, audit)
    clock = ClockWithSigns(invocation.deadline.clock, signs)
    now, deadline = clock.now(), replace(invocation.deadline, clock=clock)
    # The journal waits by the plain clock: a sign of life is itself written to the journal.
    journal = journal_opener(invocation, event.region, settings)
    episode = Episode(journal, invocation.home(event.region), event.instance_id)
    call = {"request_id": invocation.request_id, "started_at": now, "deadline_at": now + deadline.remaining()}
    return Context.enter(
        invocation,
        event.region,
        settings,
        deadline=deadline,
        api=ApiWithSigns,
        audit=audit,
        subject=subject_of(episode),
        instance_id=event.instance_id,
        episode=episode,
        event={**asdict(event), "opened_at": iso(now)},
        call=call,
        signs=signs,
    )
