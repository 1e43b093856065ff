"""The interrupted instance itself: reading it, and stopping it."""

from __future__ import annotations

from contextlib import suppress

from rescue.context import NOTICE_SECONDS, Context
from rescue.decide import Decision
from rescue.state import Image, State
from spotkeeper.clock import TimeLimit
from spotkeeper.errors import CloudError, DeadlineReached
from spotkeeper.instances import Described, describe_instance, locked
from spotkeeper.polling import Waiter, wait_for
from spotkeeper.retry import RetryPolicy

LOCK_PAUSE = 2.0
FRESH_SECONDS = 20.0
"""A look is at most as old as this when it is relied on, and new in so many last seconds of the notice."""

STOPPED_WAITER = Waiter("instance", success=frozenset({"Stopped", "gone"}), retry=frozenset({"Stopping", "Running"}))
NOT_RUNNING = frozenset({"IncorrectInstanceStatus", "InvalidInstanceId.NotFound"})
STOP_CONFLICTS = RetryPolicy(conflicts=frozenset({"IncorrectInstanceStatus.Initializing", "InstanceNotReady"}))


def look(run: Context, state: State, _: Decision | None = None, until: TimeLimit | None = None) -> State:
    """Read the source. After its release, the image has to be looked for again too."""
    source = describe_instance(run.ecs, run.instance_id, until)
    image = Image.UNKNOWN if source is None and not state.has_image else state.image
    seen = state.replace(source=source, source_seen=True, source_seen_at=run.clock.now(), image=image)
    return extend_notice(seen.replace(lock_seen=state.lock_seen or locked(source)))


def look_if_stale(run: Context, state: State) -> State:
    """Read the source again if it may have been released since the last look.

    The notice's end alone does not tell: it may be an estimate.
    """
    age, left = run.clock.now() - state.source_seen_at, state.notice_end - run.clock.now()
    if age > FRESH_SECONDS:
        return look(run, state)
    if age > 0 and left < FRESH_SECONDS:
        with suppress(CloudError, DeadlineReached):  # what was read must not be lost by a refusal of another look
            return look(run, state, until=run.deadline.sooner(0.0))
    return state


def extend_notice(state: State) -> State:
    """Estimate the notice's end anew if the source was seen after it, under the lock."""
    if locked(state.source) and state.source_seen_at > state.notice_end:
        return state.replace(notice_end=state.entered + NOTICE_SECONDS, notice_estimated=True)
    return state


def wait_for_lock(run: Context, state: State, _: Decision) -> State:
    """Give the lock a moment to appear. Raises ``DeadlineReached`` if this call has no time for it."""
    if run.deadline.remaining() <= LOCK_PAUSE:
        raise DeadlineReached(
            f"{run.instance_id} is not under the Recycling lock yet; this call's time is up, the next call looks again"
        )
    run.clock.sleep(LOCK_PAUSE)
    return look(run, state)


def stop(run: Context, state: State, _: Decision) -> State:
    """StopInstance, and wait until the source is Stopped or released."""
    try:
        run.ecs.call("StopInstance", run.instance_id, {"InstanceId": run.instance_id}, retry=STOP_CONFLICTS)
    except CloudError as error:
        # A call side by side has stopped the source, or it was released: the look tells.
        if error.code not in NOT_RUNNING:
            raise

    def status() -> tuple[str, Described | None]:
        source = describe_instance(run.ecs, run.instance_id)
        return str(source.get("Status")) if source else "gone", source

    source = wait_for(STOPPED_WAITER, run.instance_id, status, run.step_limit.until)
    return state.replace(source=source, source_seen=True, source_seen_at=run.clock.now(), stopped_at=run.clock.now())
