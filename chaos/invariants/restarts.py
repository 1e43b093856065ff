"""What must be true of instances that stop."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.story import Story
from simulator import proof

START = "StartInstance"
UNSEARCHED = "the search for its memberships was not finished"
LIMIT, WINDOW_SECONDS = 3, 3600.0
"""The settings' defaults."""


def within_limit_and_window(story: Story) -> Iterator[str]:
    """Never more starts than SPOTKEEPER_RESTART_LIMIT in SPOTKEEPER_RESTART_WINDOW_SECONDS."""
    settings = story.scenario.settings
    limit = int(settings.get("SPOTKEEPER_RESTART_LIMIT", LIMIT))
    window = float(settings.get("SPOTKEEPER_RESTART_WINDOW_SECONDS", WINDOW_SECONDS))
    for end in story.starts:
        count = sum(end - window < at <= end for at in story.starts)
        if count > limit:
            yield f"{count} starts in the {window:.0f} s up to {end - story.start:.0f} s, {limit} at most"


def started_once_per_stop(story: Story) -> Iterator[str]:
    """An instance that runs is not asked to start, however often its stop is told; nor is it left stopped by that."""
    stops = 1 + sum(at <= story.after["now"] - story.start for at, _ in story.scenario.steps)
    if len(story.starts) > stops:
        yield f"{len(story.starts)} starts after {stops} stops at most"


def nothing_started_that_may_not_be(story: Story) -> Iterator[str]:
    """Without the tag none is started, and in stop mode none while the lock is there."""
    unlocked = story.start + (story.scenario.steps[0][0] if story.scenario.stop_mode else 0.0)
    for one in story.calls:
        if one.action == START and (story.scenario.ends == "Stopped" or one.at < unlocked):
            yield f"call {one.number} {START} of what is not to be started"


def stop_mode_returns_exactly(story: Story) -> Iterator[str]:
    """What ran again after stop mode is in its groups as before the interruption, and its rescue is closed.

    A rescue stays open where no call of ``interruption`` got to the end of its search, and the error says so.
    """
    if not story.scenario.stop_mode:
        return
    now = proof.memberships(story.after)
    for group, members in proof.memberships(story.before).items():
        if now.get(group) != members:
            yield f"group {group} has {now.get(group)} instead of {members}"
    begun = {number: records for number, records in story.journal.items() if "event" in records}
    if not _never_searched(story):
        yield from (f"rescue {number} is open" for number, records in begun.items() if "done" not in records)


def _never_searched(story: Story) -> bool:
    """Whether no call could finish the search for memberships before the stop: it failed, or came after the lock."""
    failed = all((run.answer or {}).get("outcome") in (None, "skipped") for run in story.runs_of("interruption"))
    return failed and any(UNSEARCHED in text for text in story.outputs)
