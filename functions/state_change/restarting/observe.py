"""Looking at the instance and into the journal. Nothing here writes."""

from __future__ import annotations

from restarting.facts import Facts
from restarting.tools import Tools
from spotkeeper import episode
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.instances import describe_instance, tags_of


def look(tools: Tools, facts: Facts) -> Facts:
    """Read the instance (again)."""
    seen = facts.but(instance=describe_instance(tools.ecs, tools.instance_id), looked=True)
    stopped = seen.stopped_here or seen.status == "Stopped"
    return seen.but(looked_since_loaded=facts.loaded, stopped_here=stopped)


def load(tools: Tools, facts: Facts) -> Facts:
    """The instance's restarts; in stop mode its latest rescue too, closed or not. Of a released one that alone."""
    released = facts.event.state == "Deleted"
    if facts.stop_mode or released:
        tools.episode = episode.load(tools.episode, float("-inf"))
    if released:
        return facts.but(loaded=True, rescue=dict(tools.episode.records))
    return facts.but(
        loaded=True,
        history=tools.ledger.load(tools.settings.restart, facts.now),
        rescue=dict(tools.episode.records),
        of_open_rescue=episode.is_open(tools.journal(), tools.home, tags_of(facts.instance).get(EPISODE_TAG, "")),
    )
