"""Looking at the instance and into the journal. Nothing here writes."""

from __future__ import annotations

from restarting.facts import Facts
from restarting.tools import Tools
from spotkeeper import episode
from spotkeeper.belonging import rescue_of
from spotkeeper.instances import describe_instance


def look(tools: Tools, facts: Facts) -> Facts:
    """Read the instance (again)."""
    seen = facts.but(instance=describe_instance(tools.ecs, tools.instance_id), looked=True)
    stopped = seen.stopped_here or seen.status == "Stopped"
    return seen.but(looked_since_loaded=facts.loaded, stopped_here=stopped)


def load(tools: Tools, facts: Facts) -> Facts:
    """The instance's restarts and, in stop mode, its latest rescue, closed or not. Of a released one that alone."""
    released = facts.event.state == "Deleted"
    if facts.stop_mode or released:
        tools.episode = episode.load(tools.episode, float("-inf"))
    if released:
        return facts.but(loaded=True, rescue=dict(tools.episode.records))
    return facts.but(
        loaded=True,
        history=tools.ledger.load(tools.settings.restart, facts.now),
        rescue=dict(tools.episode.records),
        belongs=_belongs(tools, facts),
    )


def _belongs(tools: Tools, facts: Facts) -> str | None:
    """Only a stopped instance may be started, after an event that says so: of others nobody wants to know."""
    if facts.instance is None or (facts.event.state, facts.status) != ("Stopped", "Stopped"):
        return None
    return rescue_of(tools.journal(), tools.home, facts.instance, facts.now)
