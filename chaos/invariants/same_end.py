"""What must be true in the end of whatever is restarted or checked: the same as if nothing had disturbed it."""

from __future__ import annotations

from collections.abc import Iterator

from chaos import reference
from chaos.invariants.hooks import is_short, unheard
from chaos.story import Story

FORBIDDEN = "code:Forbidden.RAM"
ALIVE_TAG = "spotkeeper:hook-alive-until:"
HEARTBEAT, UNTAG = "RecordLifecycleActionHeartbeat", "UntagResources"
COMPLETION = "CompleteLifecycleAction"
REMOVAL = ("TagResources", "DescribeScalingGroups")
"""What tells whether a failed machine is removed after CONTINUE."""


def ends_as_undisturbed(story: Story) -> Iterator[str]:
    """Instances, groups, tags, lifecycle states and results are those of the same scenario without any disturbance.

    A hook that must not be extended, or whose failed machine must not be marked, may end with the failure result: no
    machine serves that nobody could check, or remove. So may a short hook whose heartbeat is refused, and a hook whose
    last call got no answer to any heartbeat: the sweep's event does not say since when it waits. A tag that must not be
    removed may stay, where that is said. The tag of how long a hook lives may stay where the last call failed that was
    to remove it.
    """
    if unheard(story):
        return
    expected, found = reference.ending(story.schedule.scenario), story.ending
    hindered = _refused(story, HEARTBEAT) or (is_short(story) and _hit(story, HEARTBEAT))
    hindered |= _unanswered(story)
    hindered |= bool(story.scenario.bad) and any(_refused(story, one) for one in REMOVAL)
    if hindered and ("Completed", "ABANDON") in found["hook"]:
        return
    if _refused(story, UNTAG) and all(name in "\n".join(story.outputs) for _, name in found["tags"]):
        found = {**found, "tags": expected["tags"]}
    if _never_called_again(story):
        found = {**found, "tags": [one for one in found["tags"] if not one[1].startswith(ALIVE_TAG)]}
    ended = found["hook"][0][1] if found["hook"] else found["instances"].get(story.source_id)
    if ended != story.scenario.ends:
        yield f"it ended with {ended} instead of {story.scenario.ends}"
    for name in expected:
        if found[name] != expected[name]:
            yield f"{name}: {found[name]} instead of {expected[name]}"


def _unanswered(story: Story) -> bool:
    """Whether a fault hit each heartbeat of the call that completed the action, and there was one."""
    completing = {story.callers[call.number] for call in story.calls if call.action == COMPLETION and not call.code}
    beats = [call for call in story.calls if call.action == HEARTBEAT and story.callers[call.number] in completing]
    return bool(beats) and all(call.number in story.hits for call in beats)


def _never_called_again(story: Story) -> bool:
    """Whether the last call failed once the action was completed: no sweep looks for the tag."""
    completed = [one["at"] for one in story.after["ess"]["completions"]]
    last = max(story.runs_of("lifecycle_hook"), key=lambda run: run.ended, default=None)
    return last is not None and bool(completed) and bool(last.error) and last.ended >= completed[0]


def _hit(story: Story, action: str) -> bool:
    """Whether a fault hit a call."""
    return any(hit.cell.action == action for hit in story.hits.values())


def _refused(story: Story, action: str) -> bool:
    """Whether the role lacked the permission for a call."""
    return any(hit.cell.action == action and hit.cell.effect == FORBIDDEN for hit in story.hits.values())
