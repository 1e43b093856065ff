"""From an event to its answer."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path
from typing import Any

from checking import answer, audit_records, catalogue, check_on_demand, failed_call, observe
from checking.actions import commands, completion, failed_instances, heartbeat, tags
from checking.assignment import Rules, chosen_on_demand
from checking.context import Context
from checking.decide import decide
from checking.state import State
from checking.steps import Decision, Step
from spotkeeper.credentials import KEYS
from spotkeeper.errors import MalformedEvent
from spotkeeper.events.kinds import CheckOnDemand, Event, LifecycleHook
from spotkeeper.events.notification import Kind, Notification
from spotkeeper.function import Invocation
from spotkeeper.loop import Actions, Answers, Loop
from spotkeeper.scaling import DEFAULT_TIMEOUT
from spotkeeper.settings.lifecycle_hook import LifecycleHookSettings

CHECKS = Path(__file__).resolve().parent.parent / "checks"
HOOKS = CHECKS.parent / "hooks.json"
LEAVE_SECONDS = 15.0
"""The end of a call that is kept for a last heartbeat; of a short call a quarter."""


def rules() -> Rules:
    """The rules of ``hooks.json`` and ``checks/``. Raises ``BadCheck``; the build calls this too."""
    return Rules.load(HOOKS, catalogue.load(CHECKS))


def handle(notification: Notification, invocation: Invocation, settings: LifecycleHookSettings) -> dict[str, Any]:
    """Check the instances of a lifecycle action and complete it.

    Returns the answer; raises any ``SpotkeeperError``, after which calling again goes on.
    """
    event = LifecycleHook.of(notification, invocation.region)
    run = _context(event, Kind.LIFECYCLE_HOOK, f"{event.hook_id}\n{event.token}", invocation, settings)
    now, remaining = run.clock.now(), run.deadline.remaining()
    notified_at = observe.notified_at(event.time, now)
    state = State(
        now=now,
        event=event,
        entered_at=now,
        leave_at=now + remaining - min(LEAVE_SECONDS, remaining / 4),
        notified_at=notified_at,
        began_at=min(notified_at or now, now),
        alive_until=min(notified_at or now, now) + DEFAULT_TIMEOUT,
        extendable=not settings.dry_run,
        tidied=settings.dry_run,
    )
    loop = Loop(
        run,
        state,
        decide,
        ACTIONS,
        ANSWERS,
        answer.plan,
        audit_records.audit_fields,
        step_limit=lambda state, _: state.patient_until,
        on_refusal=failed_call.tried_again_later,
    )
    try:
        return loop.answer()
    except Exception as error:
        if not (settings.dry_run or isinstance(error, MalformedEvent)):
            failed_call.after(loop, error)
        raise


def handle_test(_: Notification, __: Invocation, ___: LifecycleHookSettings) -> dict[str, Any]:
    """The answer to the test of a hook."""
    return {"outcome": "skipped", "reason": "the test of a lifecycle hook is acknowledged; its token is not real"}


def handle_check(notification: Notification, invocation: Invocation, settings: LifecycleHookSettings) -> dict[str, Any]:
    """Run one check on instances; completes nothing.

    Raises ``MalformedEvent`` for an unknown check, and any other ``SpotkeeperError``.
    """
    event = CheckOnDemand.of(notification, invocation.region)
    chosen = chosen_on_demand(catalogue.load(CHECKS), event.check)
    # Function Compute's retries keep the request id, so that they find the same commands.
    run = _context(event, Kind.CHECK, f"{event.id}\n{invocation.request_id}", invocation, settings)
    return check_on_demand.answer(run, event, chosen)


def _context(
    event: Event, kind: Kind, subject: str, invocation: Invocation, settings: LifecycleHookSettings
) -> Context:
    secrets = astuple(invocation.credentials())
    return Context.enter(
        invocation,
        event.region,
        settings,
        subject=subject,
        audit=invocation.audit.of(event_kind=kind.value, event_id=event.id, region=event.region),
        # The keys of this call, and the keys in the environment.
        secrets=tuple(dict.fromkeys(secret for secret in (*secrets, *map(invocation.environ.get, KEYS)) if secret)),
    )


ACTIONS: Actions[Context, State, Decision] = {
    Step.READ: observe.read,
    Step.LOOK: observe.look,
    Step.CHOOSE: lambda _, state, __: observe.choose(state, rules),
    Step.OBSERVE: observe.observe,
    Step.RUN: commands.start,
    Step.GIVE_UP: commands.give_up,
    Step.HEARTBEAT: heartbeat.heartbeat,
    Step.CHECK_MIN_SIZE: failed_instances.check_min_size,
    Step.RECORD_LIFE: tags.record_life,
    Step.MARK: tags.mark,
    Step.COMPLETE: completion.complete,
    Step.VERIFY: completion.verify,
    Step.RECALL: failed_instances.recall,
    Step.REMOVE: failed_instances.remove,
    Step.TIDY: tags.tidy,
    Step.WAIT: observe.wait,
    Step.LEAVE: failed_call.leave,
    Step.FAIL: failed_call.fail,
}
ANSWERS: Answers[Context, State, Decision] = {Step.SKIP: answer.skipped, Step.DONE: answer.done}
