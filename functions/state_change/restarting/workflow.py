"""The loop: look, decide, act, look again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from restarting import act, observe, report, serve, trail
from restarting.decide import Decision, Step, decide
from restarting.facts import Facts
from restarting.tools import Tools
from spotkeeper.errors import SpotkeeperError


def run(tools: Tools, facts: Facts) -> dict[str, Any]:
    """Step by step until there is an answer. Raises what the acts raise."""
    while True:
        facts = facts.but(now=tools.clock.now())
        decision = decide(tools.settings, facts)
        if answer := report.answers(tools, facts, decision):
            return answer
        facts = _acted(tools, facts, decision)


def _acted(tools: Tools, facts: Facts, decision: Decision) -> Facts:
    try:
        after = ACTS[decision.step](tools, facts)
    except SpotkeeperError as error:
        trail.failed(tools, facts, decision, error)
        raise
    trail.done(tools, facts, after, decision)
    return after


ACTS: dict[Step, Callable[[Tools, Facts], Facts]] = {
    Step.LOOK: observe.look,
    Step.LOAD: observe.load,
    Step.REPORT: act.report_limit,
    Step.START: act.start,
    Step.WAIT: act.wait,
    Step.RECORD_RUN: act.record_run,
    Step.SERVE: serve.serve,
    Step.FINISH: serve.finish,
}
