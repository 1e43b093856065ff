"""Reads of the instance and of the journal. Nothing here writes."""

from __future__ import annotations

from restarting.context import Context
from restarting.state import State
from spotkeeper import episode
from spotkeeper.belonging import rescue_of
from spotkeeper.instances import describe_instance
from spotkeeper.loop import Decision


def look(run: Context, state: State, _: Decision | None = None) -> State:
    """Read the instance."""
    seen = state.replace(instance=describe_instance(run.ecs, run.instance_id), looked=True)
    stopped = seen.stopped_here or seen.status == "Stopped"
    return seen.replace(looked_since_loaded=state.loaded, looked_since_served=state.serves, stopped_here=stopped)


def load(run: Context, state: State, _: Decision) -> State:
    """Read the instance's restarts and, in stop mode, its latest rescue; of a released instance only the rescue."""
    released = state.event.state == "Deleted"
    if state.stop_mode or released:
        run.episode = episode.latest(run.episode)
    if released:
        return state.replace(loaded=True, rescue=dict(run.episode.records))
    history = run.ledger.load(run.settings.restart, state.now)
    belongs = None
    if state.instance and (state.event.state, state.status) == ("Stopped", "Stopped"):  # only then it may be started
        belongs = rescue_of(run.journal(), run.home, state.instance, state.now)
    return state.replace(loaded=True, history=history, rescue=dict(run.episode.records), belongs=belongs)
