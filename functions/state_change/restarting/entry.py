"""From an event to its answer."""

from __future__ import annotations

import functools
from typing import Any

from restarting import answer, observe, serve
from restarting.actions import instance, rescue, restarts
from restarting.audit_records import audit_fields
from restarting.context import Context
from restarting.decide import Step, decide
from restarting.state import State
from spotkeeper.episode import Episode
from spotkeeper.events import Kind, StateChange
from spotkeeper.function import Invocation
from spotkeeper.loop import Actions, Answers, Decision, Loop
from spotkeeper.run_context import journal_opener
from spotkeeper.settings import StateChangeSettings


def handle(event: StateChange, invocation: Invocation, settings: StateChangeSettings) -> dict[str, Any]:
    """Do what one state change calls for.

    Returns the answer; raises any ``SpotkeeperError``, after which calling again goes on.
    """
    about = {"event_kind": Kind.STATE_CHANGE.value, "event_id": event.id, "state": event.state}
    home, journal = invocation.home(event.region), journal_opener(invocation, event.region, settings)
    run = Context.enter(
        invocation,
        event.region,
        settings,
        audit=invocation.audit.of(**about, instance_id=event.instance_id, region=event.region),
        subject=f"{home}\n{event.instance_id}",
        instance_id=event.instance_id,
        journal=journal,
        home=home,
        episode=Episode(journal, home, event.instance_id),
    )
    decided = functools.partial(decide, settings)
    return Loop(run, State(run.clock.now(), event), decided, ACTIONS, ANSWERS, answer.plan, audit_fields).answer()


ACTIONS: Actions[Context, State, Decision] = {
    Step.LOOK: lambda run, state, _: observe.look(run, state),
    Step.LOAD: lambda run, state, _: observe.load(run, state),
    Step.REPORT: restarts.report_limit,
    Step.RECORD_START: restarts.record_start,
    Step.START: instance.start,
    Step.WAIT: instance.wait,
    Step.RECORD_RUN: restarts.record_run,
    Step.SERVE: serve.serve,
    Step.FINISH: rescue.finish,
}
ANSWERS: Answers[Context, State, Decision] = {
    Step.SKIP: answer.skipped,
    Step.ANSWER: answer.recorded,
    Step.DONE: answer.done,
}
