"""When a rescue could have succeeded."""

from __future__ import annotations

from chaos.story import Story

IN_TIME = 60.0


def told_in_time(story: Story) -> bool:
    """A call that was not killed began at least 60 s before the release, and ECS refused nothing."""
    if story.released_at is None or story.disturbed("ecs"):
        return False
    runs = [one for one in story.runs_of("interruption") if not one.killed]
    return any(one.began <= story.released_at - IN_TIME for one in runs)
