"""The interrupted instance itself."""

from __future__ import annotations

from rescue.context import NOTICE_SECONDS, Context
from rescue.state import Image, State
from spotkeeper.clock import Deadline
from spotkeeper.errors import CloudError, DeadlineReached
from spotkeeper.instances import Described, describe_instance, locked
from spotkeeper.polling import Waiter, wait_for
from spotkeeper.retry import RetryPolicy

LOCK_PAUSE = 2.0
FRESH_SECONDS = 20.0

STOPPED = Waiter("instance", success=frozenset({"Stopped", "absent"}), retry=frozenset({"Stopping", "Running"}))
NOT_RUNNING = frozenset({"IncorrectInstanceStatus", "InvalidInstanceId.NotFound"})
STOP_CONFLICTS = RetryPolicy(conflicts=frozenset({"IncorrectInstanceStatus.Initializing", "InstanceNotReady"}))


def look(run: Context, state: State) -> State:
    """Read the source again. Once it is gone, what was believed of its image has to be looked at again too."""
    source = describe_instance(run.ecs, run.instance_id)
    state = state.replace(source=source, source_seen=True, source_seen_at=run.clock.now())
    state = state.replace(lock_seen=state.lock_seen or locked(source))
    if source is None and not state.has_image:
        state = state.replace(image=Image.UNKNOWN)
    return judge_notice(run, state)


def look_if_stale(run: Context, state: State) -> State:
    """Read the source again where it may have been released meanwhile, before something is taken for true of it.

    The notice's end does not tell: it may be an estimate.
    """
    return look(run, state) if run.clock.now() - state.source_seen_at > FRESH_SECONDS else state


def judge_notice(run: Context, state: State) -> State:
    """A notice that has passed while the source stands under the lock ends later than thought."""
    if locked(state.source) and run.clock.now() > state.notice_end:
        return state.replace(notice_end=state.entered + NOTICE_SECONDS, notice_estimated=True)
    return state


def wait_for_lock(run: Context, state: State) -> State:
    """Give the lock a moment to appear. Raises ``DeadlineReached`` where this call has none left."""
    if run.deadline.remaining() <= LOCK_PAUSE:
        raise DeadlineReached(
            f"{run.instance_id} is not under the Recycling lock yet; this call's time is up, the next looks again"
        )
    run.clock.sleep(LOCK_PAUSE)
    return look(run, state)


def stop(run: Context, state: State, until: Deadline) -> State:
    """StopInstance and wait until it is Stopped (or gone, which is stopped for good)."""
    try:
        run.ecs.call(
            "StopInstance", run.instance_id, {"InstanceId": run.instance_id}, retry=STOP_CONFLICTS, until=until
        )
    except CloudError as error:
        # A call side by side has stopped it, or it was released: looking tells.
        if error.code not in NOT_RUNNING:
            raise

    def status() -> tuple[str, Described | None]:
        source = describe_instance(run.ecs, run.instance_id)
        return str(source.get("Status")) if source else "absent", source

    source = wait_for(STOPPED, run.instance_id, status, run.clock, until)
    return state.replace(source=source, source_seen=True, source_seen_at=run.clock.now(), stopped_at=run.clock.now())
