"""When a rescue could have succeeded."""

from __future__ import annotations

from chaos.story import Story

IN_TIME = 60.0
SETTLED_FOR = 120.0
"""Seconds that are enough for the data once nobody throttles any more: the next minute, and one more."""
PASSING = ("throttle", "code:Throttling", "code:Rejected.Throttling", "code:IncorrectDiskStatus")


def told_in_time(story: Story) -> bool:
    """A call that was not killed began at least 60 s before the release, and ECS refused nothing.

    What has passed two minutes before the release is no excuse for a call that still ran then, or came later.
    """
    if story.released_at is None:
        return False
    passed = _passed(story, "ecs")
    if passed is None or passed > story.released_at - SETTLED_FOR:
        return False
    runs = [one for one in story.runs_of("interruption") if not one.killed and one.ended > passed]
    return any(one.began <= story.released_at - IN_TIME for one in runs)


def excused(story: Story, *products: str) -> bool:
    """Whether calls of these products were refused or lost otherwise than by throttling that passed early enough."""
    moments = [_passed(story, product) for product in products]
    if story.released_at is None:
        return story.disturbed(*products)
    return any(one is None or one > story.released_at - SETTLED_FOR for one in moments)


def _passed(story: Story, product: str) -> float | None:
    """When a product last throttled a call; the beginning where it never did, None where something else happened."""
    last = story.start
    for number, hit in story.hits.items():
        if hit.cell.product != product or hit.cell.effect.startswith("kill-"):
            continue
        if not hit.cell.effect.startswith(PASSING):
            return None
        last = max(last, story.calls[number - 1].at)
    return last


def forged_after_the_drain(story: Story) -> bool:
    """Whether what somebody else has written came after the source may have left its groups: no list tells any more."""
    numbers = [number for name in ("drained", "removing") if (number := story.recorded(name)) is not None]
    if not numbers:
        return False
    since = story.calls[min(numbers) - 1].at - story.start
    deeds = [one for place, one in enumerate(story.schedule.deeds) if place in story.done_deeds]
    return all(one.call > min(numbers) if one.call is not None else one.at > since for one in deeds)
