"""The start of the instance, and the wait for it."""

from __future__ import annotations

from restarting.actions.journal import record, wrote
from restarting.context import Context
from restarting.observe import look
from restarting.state import State
from spotkeeper.errors import CloudError, CloudUnreachable, RestartRefused
from spotkeeper.instances import Described, describe_instance
from spotkeeper.loop import Decision
from spotkeeper.polling import ABSENT, Waiter, wait_for
from spotkeeper.restart_records import SETTLED_SECONDS
from spotkeeper.retry import RetryPolicy, is_outage, is_throttling

STARTING = RetryPolicy(conflicts=frozenset({"InstanceNotReady"}), repeatable=False)
"""A start without an answer may have been executed: Describe shows it."""

OTHER_STATUS = "IncorrectInstanceStatus"
GONE = "InvalidInstanceId.NotFound"
NOT_YET = "Stopped, as it was before the start"
RUNNING = Waiter("instance", success=frozenset({"Running"}), retry=frozenset({"Starting", "Pending", NOT_YET, ABSENT}))


def start(run: Context, state: State, _: Decision) -> State:
    """Number and record the restart, request it, and record its acceptance. Raises ``RestartRefused``."""
    number, attempt = state.history.number(state.now), state.history.attempt(state.now)
    state = record(run, state, number, f"asked-{attempt}")
    try:
        run.ecs.call("StartInstance", run.instance_id, {"InstanceId": run.instance_id}, retry=STARTING)
    except CloudError as error:
        return _not_started(run, state, number, attempt, error)
    return record(run, state, number, "accepted").replace(asked_at=run.clock.now())


def _not_started(run: Context, state: State, number: int, attempt: int, error: CloudError) -> State:
    if error.code == OTHER_STATUS:
        # The instance was started elsewhere, or Describe lags behind. A call side by side uses the same record.
        if wrote(run, state, number, f"asked-{attempt}"):
            state = record(run, state, number, f"refused-{attempt}", code=error.code)
        return look(run, state).replace(asked_at=run.clock.now())
    if error.code == GONE:
        return look(run, state)
    if isinstance(error, CloudUnreachable) or is_outage(error):
        seen = look(run, state)
        if seen.status == "Stopped":
            raise error
        return seen.replace(asked_at=run.clock.now())
    if is_throttling(error):
        raise error
    record(run, state, number, f"refused-{attempt}", code=error.code)
    raise RestartRefused(
        f"{error}. {run.instance_id} stays stopped and this start does not count; the sweep tries again after 1, 2, 4, "
        "8, then every 15 minutes. Lack of stock passes by itself; arrears, quotas and locks need a human",
        error.code,
    ) from error


def wait(run: Context, state: State, _: Decision) -> State:
    """Wait until the instance is Running. Raises ``DeadlineReached``, and ``WaitFailed`` for any other end."""
    unseen = state.history.unseen
    asked_at = state.asked_at or (unseen.at if unseen else run.clock.now())

    def look_again() -> tuple[str, Described | None]:
        seen = describe_instance(run.ecs, run.instance_id)
        status = str(seen.get("Status")) if seen else ABSENT
        lags = status == "Stopped" and run.clock.now() - asked_at < SETTLED_SECONDS
        return (NOT_YET if lags else status), seen

    seen = wait_for(RUNNING, run.instance_id, look_again, run.deadline)
    return state.replace(instance=seen, looked_since_loaded=state.loaded, asked_at=asked_at)
