"""Steps that are refused, with all that may become of the image since: the loop always comes to an end."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest

from rescue.decide import decide
from rescue.next_try import try_later
from rescue.state import Image, State
from rescue.steps import BY_GROUP, Step, group_again_at, ordered_steps
from spotkeeper.errors import CloudError
from spotkeeper.settings.interruption import InterruptionSettings
from tests.rescue.test_decide import AT_ONCE, DEFAULTS, EARLY, FACTS, FOUND, NONE
from tests.rescue.test_decide_walks import LAST

NO = CloudError("Describe", "lb-1", "Refused")
BUSY = CloudError("Describe", "lb-1", "Throttling")
ENDS = {*LAST, Step.LOOK_FOR_IMAGE, Step.LOSE}


def refuse(facts: State, step: Step, error: CloudError) -> State:
    """The facts once the step was refused, wherever it is done."""
    places = facts.unsettled(step) if step in BY_GROUP else ("",)
    for place in places or ("",):
        facts = try_later(facts, step, place, error, facts.now, lambda: 1.0)
    return facts


def everything_refused(chosen: InterruptionSettings, facts: State) -> State:
    """The facts once each step that is decided on was refused for good, one after the other."""
    seen: set[Step] = set()
    while facts.loaded and (step := decide(chosen, facts).step) in ordered_steps(chosen, facts) and step not in ENDS:
        assert step not in seen, f"{step.value} is tried again although it was refused for good"
        seen.add(step)
        if step in BY_GROUP and not facts.unsettled(step):
            return facts  # without a group there is no call that could be refused
        facts = refuse(facts, step, NO)
    return facts


@pytest.mark.parametrize("chosen", [DEFAULTS, NONE, EARLY, AT_ONCE], ids=["image", "none", "stopped-first", "at-once"])
def test_what_is_refused_for_good_is_not_next_again(chosen: InterruptionSettings) -> None:
    """Whatever the facts and whatever became of the image since."""
    for facts, before, after in itertools.product(FACTS, Image, Image):
        put_off = everything_refused(chosen, facts.replace(image=before))
        everything_refused(chosen, put_off.replace(image=after))


@pytest.mark.parametrize("chosen", [DEFAULTS, NONE, EARLY, AT_ONCE], ids=["image", "none", "stopped-first", "at-once"])
def test_what_is_throttled_is_waited_for(chosen: InterruptionSettings) -> None:
    """A wait ends in the future, at a moment at which something may be tried; and time passes in every round."""
    for facts in (item for item in FACTS if item.loaded):
        throttled_throughout(chosen, facts)


def throttled_throughout(chosen: InterruptionSettings, facts: State) -> None:
    """Each step that is decided on is throttled."""
    for _ in range(60):
        decision = decide(chosen, facts)
        if decision.step is Step.WAIT:
            assert facts.now < decision.at < math.inf
            facts = facts.replace(now=decision.at)
        elif decision.step in ENDS or decision.step not in ordered_steps(chosen, facts):
            return
        else:
            facts = refuse(facts, decision.step, BUSY)


@pytest.mark.parametrize(
    ("first", "then", "waited", "image_id", "waits"),
    [
        (Step.DRAIN, Step.REMOVE, 29.9, "m-1", True),
        (Step.DRAIN, Step.REMOVE, 30.0, "m-1", False),
        (Step.DRAIN, Step.REMOVE, 30.0, "", False),
        (Step.ADD_REPLACEMENT, Step.DRAIN, 99.0, "", True),
        (Step.ADD_REPLACEMENT, Step.DRAIN, 0.0, "m-1", False),
    ],
)
def test_how_long_a_step_waits_for_the_first_in_its_group(
    first: Step, then: Step, waited: float, image_id: str, *, waits: bool
) -> None:
    """The removal half a minute for weight 0; weight 0 for the replacement to the end, where there is no image."""
    facts = refuse(FOUND.replace(image_id=image_id), first, BUSY)
    ((key, failed),) = facts.refusals.items()
    later = dataclasses.replace(failed, again_at=failed.since + 100)
    facts = facts.replace(refusals={key: later}, now=failed.since + waited)
    assert (group_again_at(then, key[1], facts) > facts.now) is waits
