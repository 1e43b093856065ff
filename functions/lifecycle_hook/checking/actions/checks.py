"""Checks: started, and given up."""

from __future__ import annotations

from checking import commands
from checking.context import Context
from checking.state import State
from checking.steps import Decision


def start(run: Context, state: State, _: Decision) -> State:
    """Start the commands that are due."""
    return state.replace(progress=state.progress and commands.start_due(run, state.progress), pause=0.0)


def give_up(run: Context, state: State, decision: Decision) -> State:
    """Overdue commands have failed; without those, instances that no command can reach."""
    if state.progress is None:
        return state
    progress = commands.give_up(state.progress, run.clock.now())
    return state.replace(progress=progress.without_waiting(decision.reason) if progress == state.progress else progress)
