"""The records of a state change in the journal: restarts, and the end of a rescue in stop mode."""

from __future__ import annotations

from typing import Any

from restarting.answer import closing
from restarting.context import Context
from restarting.state import State
from spotkeeper import rescue_index
from spotkeeper.loop import Decision


def record(run: Context, state: State, number: int, name: str, **more: Any) -> State:
    """Write a record of a restart, unless it stands already. Raises ``JournalUnavailable``."""
    standing = run.ledger.record(number, name, {"at": run.clock.now(), "nonce": run.nonce, **more})
    return state.replace(history=state.history.with_record(number, name, standing))


def wrote(run: Context, state: State, number: int, name: str) -> bool:
    """Whether this call wrote the record, so that no other call acts on it."""
    records = next(restart.records for restart in state.history.restarts if restart.number == number)
    return records[name].get("nonce") == run.nonce


def record_start(run: Context, state: State, _: Decision) -> State:
    """The latest restart was accepted, no later than the instance was last started."""
    last = state.history.unseen
    return record(run, state, last.number, "accepted", at=max(last.at, state.started_by)) if last else state


def record_run(run: Context, state: State, _: Decision) -> State:
    """Record the end of the latest restart."""
    unseen = state.history.unseen
    return record(run, state, unseen.number, "running").replace(ran=True) if unseen else state


def report_limit(run: Context, state: State, _: Decision) -> State:
    """Report the limit once: only the call that wrote the record reports it."""
    last = state.history.last
    if last is None:
        return state
    state = record(run, state, last.number, "reported")
    return state.replace(reported=wrote(run, state, last.number, "reported"))


def finish(run: Context, state: State, _: Decision) -> State:
    """Close the episode with the answer of all later calls."""
    stays = rescue_index.finish(run.episode, closing(run, state), run.clock.now(), leaves=False)
    rescue = {**state.rescue, "done": run.episode.records["done"]}
    return state.replace(rescue=rescue, closed=True, stays=stays)
