"""From an event to its answer."""

from __future__ import annotations

import functools
from typing import Any

from restarting import answer, observe
from restarting.actions import instance, journal, memberships
from restarting.audit_records import audit_fields
from restarting.context import Context
from restarting.decide import decide
from restarting.state import State
from restarting.steps import Step
from spotkeeper.episode import Episode
from spotkeeper.events.kinds import StateChange
from spotkeeper.events.notification import Notification
from spotkeeper.function import Invocation, described
from spotkeeper.loop import Actions, Answers, Decision, Loop
from spotkeeper.run_context import journal_opener
from spotkeeper.settings.state_change import StateChangeSettings


def handle(notification: Notification, invocation: Invocation, settings: StateChangeSettings) -> dict[str, Any]:
    """The answer to a state change. Raises any ``SpotkeeperError``, after which calling again goes on."""
    event = StateChange.of(notification, invocation.region)
    home, opener = invocation.home(event.region), journal_opener(invocation, event.region, settings)
    run = Context.enter(
        invocation,
        event.region,
        settings,
        audit=invocation.audit.of(**described(notification), region=event.region),
        subject=f"{home}\n{event.instance_id}",
        instance_id=event.instance_id,
        journal=opener,
        home=home,
        episode=Episode(opener, home, event.instance_id),
    )
    decided = functools.partial(decide, settings)
    return Loop(run, State(run.clock.now(), event), decided, ACTIONS, ANSWERS, answer.plan, audit_fields).answer()


ACTIONS: Actions[Context, State, Decision] = {
    Step.LOOK: observe.look,
    Step.LOAD: observe.load,
    Step.REPORT: journal.report_limit,
    Step.RECORD_START: journal.record_start,
    Step.START: instance.start,
    Step.WAIT: instance.wait,
    Step.RECORD_RUN: journal.record_run,
    Step.SERVE: memberships.restore,
    Step.FINISH: journal.finish,
    Step.INCOMPLETE: memberships.incomplete,
}
ANSWERS: Answers[Context, State, Decision] = {
    Step.SKIP: answer.skipped,
    Step.ANSWER: answer.recorded,
    Step.DONE: answer.done,
}
