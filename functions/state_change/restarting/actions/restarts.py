"""The journal's records of restarts."""

from __future__ import annotations

from typing import Any

from restarting.context import Context
from restarting.state import State
from spotkeeper.loop import Decision


def record(run: Context, state: State, number: int, name: str, **more: Any) -> State:
    """Write a record of a restart, unless a call side by side has written it. Raises ``JournalUnavailable``."""
    standing = run.ledger.record(number, name, {"at": run.clock.now(), "nonce": run.nonce, **more})
    return state.replace(history=state.history.with_record(number, name, standing))


def record_start(run: Context, state: State, _: Decision) -> State:
    """The latest restart was accepted, no later than the instance was last started."""
    last = state.history.unseen
    return record(run, state, last.number, "accepted", at=max(last.at, state.started_by)) if last else state


def record_run(run: Context, state: State, _: Decision) -> State:
    """The latest restart is over."""
    unseen = state.history.unseen
    return record(run, state, unseen.number, "running").replace(ran=True) if unseen else state


def report_limit(run: Context, state: State, _: Decision) -> State:
    """Report the limit once: only the call whose record stands reports it."""
    last = state.history.last
    if last is None:
        return state
    state = record(run, state, last.number, "reported")
    standing = state.history.last
    return state.replace(reported=standing is not None and standing.records["reported"].get("nonce") == run.nonce)
