"""Steps that are put off, with all that may become of the image since."""

from __future__ import annotations

import itertools

import pytest

from rescue.decide import decide
from rescue.facts import Facts, Image
from rescue.tracks import Step, may_be_postponed
from rescue.workflow import postpone
from spotkeeper.settings import InterruptionSettings
from tests.rescue.test_decide import AT_ONCE, DEFAULTS, EARLY, NONE, TABLE


@pytest.mark.parametrize("chosen", [DEFAULTS, NONE, EARLY, AT_ONCE])
def test_what_is_put_off_is_not_next_again(chosen: InterruptionSettings) -> None:
    """Whatever the facts and whatever became of the image since: a step that is put off gives way to another one."""
    for facts, before, after in itertools.product([facts for _, facts, _ in TABLE], Image, Image):
        put_off = everything_put_off(chosen, facts.but(image=before))
        everything_put_off(chosen, put_off.but(image=after))


def everything_put_off(chosen: InterruptionSettings, facts: Facts) -> Facts:
    """The facts once each step was refused that may be put off, one after the other."""
    refused: set[Step] = set()
    while may_be_postponed(step := decide(chosen, facts).step, chosen, facts):
        assert step not in refused
        refused.add(step)
        facts = postpone(step, facts)
    return facts
