"""Reading the instance and the journal."""

from __future__ import annotations

from restarting.context import Context
from restarting.state import State
from spotkeeper import episode
from spotkeeper.belonging import rescue_of
from spotkeeper.instances import describe_instance


def look(run: Context, state: State) -> State:
    """Read the instance (again)."""
    seen = state.replace(instance=describe_instance(run.ecs, run.instance_id), looked=True)
    stopped = seen.stopped_here or seen.status == "Stopped"
    return seen.replace(looked_since_loaded=state.loaded, stopped_here=stopped)


def load(run: Context, state: State) -> State:
    """The instance's restarts and, in stop mode, its latest rescue, closed or not; of a released one the rescue."""
    released = state.event.state == "Deleted"
    if state.stop_mode or released:
        run.episode = episode.load(run.episode, float("-inf"))
    if released:
        return state.replace(loaded=True, rescue=dict(run.episode.records))
    return state.replace(
        loaded=True,
        history=run.ledger.load(run.settings.restart, state.now),
        rescue=dict(run.episode.records),
        belongs=_belongs(run, state),
    )


def _belongs(run: Context, state: State) -> str | None:
    """Only a stopped instance is started, after an event that says so: no other needs the answer."""
    if state.instance is None or (state.event.state, state.status) != ("Stopped", "Stopped"):
        return None
    return rescue_of(run.journal(), run.home, state.instance, state.now)
