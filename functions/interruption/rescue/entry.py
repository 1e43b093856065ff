"""From an event to a rescue."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from rescue.alive import Life, LivingApi, LivingClock
from rescue.context import NOTICE_SECONDS, Context, subject_of
from rescue.state import State
from rescue.workflow import rescue_loop
from spotkeeper.episode import Episode
from spotkeeper.events import Interruption, Kind
from spotkeeper.function import Invocation
from spotkeeper.instances import iso
from spotkeeper.run_context import journal_opener
from spotkeeper.settings import InterruptionSettings

CLOCKS_APART = 60.0
"""Seconds by which the clocks of the platform may differ."""


def rescue(event: Interruption, invocation: Invocation, settings: InterruptionSettings) -> dict[str, Any]:
    """Rescue the instance of one interruption, as far as this call's time allows.

    Returns the answer; raises any ``SpotkeeperError``, after which calling again goes on.
    """
    run = _context(event, invocation, settings)
    now = run.clock.now()
    # No notice begins in the future: such a time is another zone's, and would promise hours that there are not.
    told = event.time if event.time is not None and event.time <= now + CLOCKS_APART else None
    began = now if told is None else told
    state = State(now=now, entered=now, notice_end=began + NOTICE_SECONDS, notice_estimated=told is None)
    life = run.life
    try:
        answer = rescue_loop(run, state).answer()
    except Exception as error:
        life.end(error)
        raise
    life.end(None)
    missed = [f"{len(life.missed)} hints could not be kept in the journal: {life.missed[0]}"] if life.missed else []
    return {**answer, **({"warnings": [*answer.get("warnings", ()), *missed]} if missed else {})}


def _context(event: Interruption, invocation: Invocation, settings: InterruptionSettings) -> Context:
    about = {"event_kind": Kind.INTERRUPTION.value, "event_id": event.id, "instance_id": event.instance_id}
    audit = invocation.audit.of(**about, region=event.region)
    life = Life(invocation.deadline.clock, audit)
    clock = LivingClock(invocation.deadline.clock, life)
    now, deadline = clock.now(), replace(invocation.deadline, clock=clock)
    # The journal waits by the plain clock: a sign of life is written to the journal itself.
    journal = journal_opener(invocation, event.region, settings)
    episode = Episode(journal, invocation.home(event.region), event.instance_id)
    call = {"request_id": invocation.request_id, "started_at": now, "deadline_at": now + deadline.remaining()}
    return Context.enter(
        invocation,
        event.region,
        settings,
        deadline=deadline,
        api=LivingApi,
        audit=audit,
        subject=subject_of(episode),
        instance_id=event.instance_id,
        episode=episode,
        event={**asdict(event), "opened_at": iso(now)},
        call=call,
        life=life,
    )
