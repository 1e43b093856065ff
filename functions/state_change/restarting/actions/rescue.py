"""The end of a rescue in stop mode."""

from __future__ import annotations

from restarting.answer import closing
from restarting.context import Context
from restarting.state import State
from spotkeeper import hints
from spotkeeper.load_balancers.membership import recorded
from spotkeeper.loop import Decision


def finish(run: Context, state: State, _: Decision) -> State:
    """Close the episode with the answer that every later call gives."""
    stays = hints.finish(run.episode, closing(run, state, recorded(state.rescue)), run.clock.now(), leaves=False)
    rescue = {**state.rescue, "done": run.episode.records["done"]}
    return state.replace(rescue=rescue, closed=True, stays=stays)
