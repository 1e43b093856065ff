"""What must be true in the end of whatever is restarted or checked: the same as if nothing had disturbed it."""

from __future__ import annotations

from collections.abc import Iterator

from chaos import reference
from chaos.story import Story


def ends_as_undisturbed(story: Story) -> Iterator[str]:
    """Instances, groups, lifecycle states and results are those of the same scenario without any disturbance."""
    expected = reference.ending(story.schedule.scenario)
    for name, found in story.ending.items():
        if found != expected[name]:
            yield f"{name}: {found} instead of {expected[name]}"
