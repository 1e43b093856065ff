"""A dry run of a hook: everything is read, nothing is written, and the plan says what would be done."""

from __future__ import annotations

from simulator import proof
from tests.lifecycle_hook.stage import stage


def test_a_plan() -> None:
    """Who can be checked, which checks, and how it would end."""
    here = stage()
    here.agents(None, here.ids[1])
    answer = here.deliver(SPOTKEEPER_DRY_RUN="true")
    assert (answer["outcome"], here.writes()) == ("skipped", [])
    assert proof.untouched(here.before, here.state) == []
    assert here.ids[0] in answer["plan"][0]
    assert "no heartbeat" in answer["plan"][1]
    assert any(line.startswith("run system-up on 2 instances") for line in answer["plan"])
    assert "ABANDON" in answer["plan"][-1]
    assert "DefaultResult" in answer["warnings"][0]
