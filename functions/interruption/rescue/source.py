"""The interrupted instance itself."""

from __future__ import annotations

from rescue.facts import Facts, Image
from rescue.tools import NOTICE_SECONDS, Tools
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


def look(tools: Tools, facts: Facts) -> Facts:
    """Read the source again. Once it is gone, what was believed of its image has to be looked at again too."""
    source = describe_instance(tools.ecs, tools.instance_id)
    facts = facts.but(source=source, source_seen=True, source_seen_at=tools.clock.now())
    facts = facts.but(lock_seen=facts.lock_seen or locked(source))
    if source is None and not facts.has_image:
        facts = facts.but(image=Image.UNKNOWN)
    return judge_notice(tools, facts)


def look_if_stale(tools: Tools, facts: Facts) -> Facts:
    """Read the source again where it may have been released meanwhile, before something is taken for true of it.

    The notice's end does not tell: it may be an estimate.
    """
    return look(tools, facts) if tools.clock.now() - facts.source_seen_at > FRESH_SECONDS else facts


def judge_notice(tools: Tools, facts: Facts) -> Facts:
    """A notice that has passed while the source stands under the lock ends later than thought."""
    if locked(facts.source) and tools.clock.now() > facts.notice_end:
        return facts.but(notice_end=facts.entered + NOTICE_SECONDS, notice_estimated=True)
    return facts


def wait_for_lock(tools: Tools, facts: Facts) -> Facts:
    """Give the lock a moment to appear. Raises ``DeadlineReached`` where this call has none left."""
    if tools.deadline.remaining() <= LOCK_PAUSE:
        raise DeadlineReached(
            f"{tools.instance_id} is not under the Recycling lock yet; this call's time is up, the next looks again"
        )
    tools.clock.sleep(LOCK_PAUSE)
    return look(tools, facts)


def stop(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """StopInstance and wait until it is Stopped (or gone, which is stopped for good)."""
    try:
        tools.ecs.call(
            "StopInstance", tools.instance_id, {"InstanceId": tools.instance_id}, retry=STOP_CONFLICTS, until=until
        )
    except CloudError as error:
        # A call side by side has stopped it, or it was released: looking tells.
        if error.code not in NOT_RUNNING:
            raise

    def status() -> tuple[str, Described | None]:
        source = describe_instance(tools.ecs, tools.instance_id)
        return str(source.get("Status")) if source else "absent", source

    source = wait_for(STOPPED, tools.instance_id, status, tools.clock, until)
    return facts.but(source=source, source_seen=True, source_seen_at=tools.clock.now(), stopped_at=tools.clock.now())
