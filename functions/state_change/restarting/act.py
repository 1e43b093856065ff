"""Starting, and what is written down around it."""

from __future__ import annotations

from typing import Any

from restarting.facts import Facts
from restarting.observe import look
from restarting.tools import Tools
from spotkeeper.errors import CloudError, CloudUnreachable, RestartRefused
from spotkeeper.instances import Described, describe_instance
from spotkeeper.polling import ABSENT, Waiter, wait_for
from spotkeeper.restarts import SETTLED_SECONDS
from spotkeeper.retry import RetryPolicy, is_outage, is_throttling

STARTING = RetryPolicy(conflicts=frozenset({"InstanceNotReady"}), repeatable=False)
"""A start without an answer may have been executed: looking tells."""

OTHER_STATUS = "IncorrectInstanceStatus"
GONE = "InvalidInstanceId.NotFound"
NOT_YET = "Stopped, as it was before the start"
Asked = tuple[int, int]
"""Number of the restart, and of the start."""
RUNNING = Waiter("instance", success=frozenset({"Running"}), retry=frozenset({"Starting", "Pending", NOT_YET, ABSENT}))


def start(tools: Tools, facts: Facts) -> Facts:
    """Number the restart, ask for it, and write down that it was accepted. Raises ``RestartRefused``."""
    number, attempt = facts.history.number(facts.now), facts.history.attempt(facts.now)
    facts = _record(tools, facts, number, f"asked-{attempt}")
    try:
        tools.ecs.call("StartInstance", tools.instance_id, {"InstanceId": tools.instance_id}, retry=STARTING)
    except CloudError as error:
        return _not_started(tools, facts, (number, attempt), error)
    return _record(tools, facts, number, "accepted").but(asked_at=tools.clock.now())


def _not_started(tools: Tools, facts: Facts, asked: Asked, error: CloudError) -> Facts:
    if error.code == OTHER_STATUS:
        # Somebody was faster, or Describe lags behind. Where that is a call side by side, it has joined our record.
        if _asked_here(tools, facts, asked):
            facts = _refused(tools, facts, asked, error)
        return look(tools, facts).but(asked_at=tools.clock.now())
    if error.code == GONE:
        return look(tools, facts)
    if isinstance(error, CloudUnreachable) or is_outage(error):
        seen = look(tools, facts)
        if seen.status == "Stopped":
            raise error
        return seen.but(asked_at=tools.clock.now())
    if is_throttling(error):
        raise error
    _refused(tools, facts, asked, error)
    raise RestartRefused(
        f"{error}. {tools.instance_id} stays stopped and this start does not count; the sweep hands it back "
        "after 1, 2, 4, 8, then every 15 minutes. Want of stock passes by itself; arrears, quotas and locks are for a "
        "human to settle",
        error.code,
    ) from error


def _asked_here(tools: Tools, facts: Facts, asked: Asked) -> bool:
    """Whether this very call was the first to ask, so that its answer is the only one there can be."""
    number, attempt = asked
    restart = next(one for one in facts.history.restarts if one.number == number)
    return restart.records[f"asked-{attempt}"].get("nonce") == tools.nonce


def _refused(tools: Tools, facts: Facts, asked: Asked, error: CloudError) -> Facts:
    number, attempt = asked
    return _record(tools, facts, number, f"refused-{attempt}", code=error.code)


def wait(tools: Tools, facts: Facts) -> Facts:
    """Until it is Running. Raises ``DeadlineReached``, and ``WaitFailed`` where it comes to stand elsewhere."""
    unseen = facts.history.unseen
    asked_at = facts.asked_at or (unseen.at if unseen else tools.clock.now())

    def status() -> tuple[str, Described | None]:
        seen = describe_instance(tools.ecs, tools.instance_id)
        state = str(seen.get("Status")) if seen else ABSENT
        lags = state == "Stopped" and tools.clock.now() - asked_at < SETTLED_SECONDS
        return (NOT_YET if lags else state), seen

    seen = wait_for(RUNNING, tools.instance_id, status, tools.clock, tools.deadline)
    return facts.but(instance=seen, looked_since_loaded=facts.loaded, asked_at=asked_at)


def record_run(tools: Tools, facts: Facts) -> Facts:
    """The latest restart is over."""
    unseen = facts.history.unseen
    return _record(tools, facts, unseen.number, "running").but(ran=True) if unseen else facts


def report_limit(tools: Tools, facts: Facts) -> Facts:
    """Say it once, however many calls find out: only the call whose record stands is the one that says so."""
    last = facts.history.last
    if last is None:
        return facts
    facts = _record(tools, facts, last.number, "reported")
    standing = facts.history.last
    return facts.but(reported=standing is not None and standing.records["reported"].get("nonce") == tools.nonce)


def _record(tools: Tools, facts: Facts, number: int, name: str, **more: Any) -> Facts:
    document = {"at": tools.clock.now(), "nonce": tools.nonce, **more}
    return facts.but(history=facts.history.but(number, name, tools.ledger.record(number, name, document)))
