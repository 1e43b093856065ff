"""What must be true of what the functions say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from chaos.invariants.told import blocked, excused, last_ended, reported, told_in_time
from chaos.story import Run, Story

READ_TIMEOUT = 10.0


def done_is_true(story: Story) -> Iterator[str]:
    """Who answers done names what stands, and everybody names the same."""
    answers = [one.answer for one in story.runs_of("interruption") if one.answer and one.answer["outcome"] == "done"]
    for key, described, wanted in (
        ("replacement_id", story.replacements, story.scenario.relaunches),
        ("image_id", story.images, story.scenario.makes_image),
    ):
        named = {str(answer.get(key, "")) for answer in answers}
        standing = {str(one["InstanceId" if key == "replacement_id" else "ImageId"]) for one in described}
        if len(named) > 1:
            yield f"answers name different {key}s: {', '.join(sorted(named))}"
        if wanted and not named <= standing:
            yield f"an answer names {key} {', '.join(sorted(named)) or 'none'}; there is {', '.join(sorted(standing))}"
    if story.done is not None:
        yield from (
            f"done, but the replacement is {one['Status']}" for one in story.replacements if one["Status"] != "Running"
        )


def every_rescue_ends(story: Story) -> Iterator[str]:
    """At the end every rescue is done, or lost where it could not succeed; and one that could be begun was.

    It stays open, and the last call says why, where a neighbour goes on refusing, where what cannot be known any more
    is missing, and where a human has to move a record away that somebody else has written.
    """
    if not story.scenario.touchable:
        return
    hostage = any(one.endless and "DescribeHealthStatus" not in one.action for one in story.schedule.faults)
    hostage |= _rightly_incomplete(story) or blocked(story, last_ended(story)) or reported(story)
    ends = {"done", "lost", *(("drained",) if story.scenario.stop_mode else ())}
    yield from (
        f"episode {number} is open: {sorted(records)}; last error: {_last_error(story)}"
        for number, records in _own(story).items()
        if not ends & records and not hostage
    )
    told = told_in_time(story)
    if told and not _own(story) and not story.disturbed("oss") and not hostage:
        yield "no rescue was begun"
    # Without a journal nobody can record the launch spec: the image is made all the same, and that is all there is.
    if told and story.scenario.retains and "lost" in story.first and not story.disturbed("oss"):
        yield f"lost although it was told in time: {story.first['lost']['reason']}"


def _own(story: Story) -> dict[int, set[str]]:
    """Number of an episode -> its records, without those that somebody else wrote before a rescue did."""
    forged = {(one.number, one.name) for one in story.planted if story.recorded(re.escape(one.name)) is None}
    ours = {int(number): records for number, records in story.journal.items() if int(number) >= story.number}
    own = {number: {name for name in records if (number, name) not in forged} for number, records in ours.items()}
    return {number: records for number, records in own.items() if records}


def _rightly_incomplete(story: Story) -> bool:
    """Whether load balancers could not all be searched or given back, and whoever was called last names one of them."""
    last = last_ended(story)
    in_vain = excused(story, "slb", "oss") or not told_in_time(story)
    if last is None or not in_vain or "RescueIncomplete" not in last.ancestors:
        return False
    return any(one["LoadBalancerId"] in last.error for one in story.before["slb"]["LoadBalancers"])


def incomplete_but_running(story: Story) -> Iterator[str]:
    """Where only memberships are missing, told in time, the replacement runs all the same."""
    if not _rightly_incomplete(story) or not story.scenario.relaunches:
        return
    if not told_in_time(story) or story.disturbed("oss"):
        return
    running = [one for one in story.replacements if one["Status"] == "Running"]
    if len(running) != 1:
        yield f"{len(running)} replacements run although only memberships are missing"


def _last_error(story: Story) -> str:
    errors = [one.error for one in story.runs_of("interruption") if one.error and not one.killed]
    return errors[-1] if errors else "none"


def every_wait_ends(story: Story) -> Iterator[str]:
    """No run outlasts its timeout, but for an answer that was waited for; two side by side share their time."""
    late = READ_TIMEOUT * sum(hit.cell.effect == "slow" for hit in story.hits.values())
    for run in story.runs:
        most = story.scenario.timeout * (2 if run.beside else 1) + late
        if run.ended - run.began > most:
            yield f"{run.name} took {run.ended - run.began:.0f} s, its timeout is {story.scenario.timeout:.0f} s"


def errors_are_typed(story: Story) -> Iterator[str]:
    """What is raised is a SpotkeeperError, or the death of the process."""
    yield from (
        f"{run.name} raised {run.error[:200]}" for run in story.runs if run.error and not run.killed and not _typed(run)
    )


def _typed(run: Run) -> bool:
    return "SpotkeeperError" in run.ancestors


def no_secret_in_any_output(story: Story) -> Iterator[str]:
    """No key, token or user data in anything printed, logged, raised or answered; no key or token in the journal."""
    said = "\n".join(story.outputs)
    yield from (f"{secret[:8]}... was said" for secret in story.secrets if secret in said)
    kept = json.dumps(story.journal)
    keys = [one for one in story.secrets if one.startswith(("Secret", "Token", "EmbeddedCloud"))]
    yield from (f"{secret[:8]}... is in the journal" for secret in keys if secret in kept)
