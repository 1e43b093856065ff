"""Which checks run for which hook: rules, defaults, and what notificationMetadata may choose."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checking.assignment import CheckPlan, Partial, Rules, chosen_on_demand
from spotkeeper.errors import BadCheck, MalformedEvent
from spotkeeper.events.kinds import HookResult, Transition
from tests.lifecycle_hook.shell import CHECKS, FOLDER

SHIPPED = Rules.load(FOLDER.parent / "hooks.json", CHECKS)
DEFAULTS: dict[str, Any] = {"SCALE_OUT": {"checks": ["system-up"]}, "SCALE_IN": {"checks": ["connections-drained"]}}
PORT_8080 = {"name": "port-answers", "parameters": {"port": 8080}}
RULES = [
    {"hook_name": "web", "scaling_group_id": "asg-1", "transition": "SCALE_OUT", "checks": ["headroom"]},
    {"hook_name": "web", "checks": ["system-up", PORT_8080], "agent_seconds": 300},
    {"scaling_group_id": "asg-2", "transition": "SCALE_IN", "checks": ["headroom"], "on_failure": "ROLLBACK"},
    {
        "transition": "SCALE_OUT",
        "checks": ["http-answers"],
        "on_failure": "ABANDON",
        "on_partial_failure": "continue_and_remove_failed",
        "agent_seconds": None,
    },
]


def rules(folder: Path, declared: object) -> Rules:
    """The rules of a file."""
    path = folder / "hooks.json"
    path.write_text(declared if isinstance(declared, str) else json.dumps(declared))
    return Rules.load(path, CHECKS)


def names(plan: CheckPlan) -> list[str]:
    """The checks of a plan."""
    return [chosen.check.name for chosen in plan.checks]


@pytest.mark.parametrize(
    ("transition", "check"), [(Transition.SCALE_OUT, "system-up"), (Transition.SCALE_IN, "connections-drained")]
)
def test_with_nothing_configured_the_default_of_the_transition_runs(transition: Transition, check: str) -> None:
    """What ships: one check each way, ABANDON for all, as long as the hook can be kept alive."""
    plan = SHIPPED.plan(transition, "some-hook", "asg-1", None)
    assert names(plan) == [check]
    assert plan.checks[0].values == CHECKS[check].values({})
    assert (plan.on_failure, plan.partial, plan.agent_seconds) == (HookResult.ABANDON, Partial.ABANDON, None)
    assert plan.why == f"hooks.json: the default of {transition.value}"


@pytest.mark.parametrize(
    ("transition", "hook", "group", "checks", "why"),
    [
        (Transition.SCALE_OUT, "web", "asg-1", ["headroom"], "rule 1"),
        (Transition.SCALE_OUT, "web", "asg-2", ["system-up", "port-answers"], "rule 2"),
        (Transition.SCALE_IN, "web", "asg-1", ["system-up", "port-answers"], "rule 2"),
        (Transition.SCALE_IN, "other", "asg-2", ["headroom"], "rule 3"),
        (Transition.SCALE_OUT, "other", "asg-2", ["http-answers"], "rule 4"),
        (Transition.SCALE_OUT, None, None, ["http-answers"], "rule 4"),
        (Transition.SCALE_IN, "other", None, ["connections-drained"], "the default of SCALE_IN"),
    ],
)
def test_the_first_rule_that_matches_holds(  # noqa: PLR0913 - each is a case's
    tmp_path: Path, transition: Transition, hook: str | None, group: str | None, checks: list[str], why: str
) -> None:
    """All that a rule names must match; the rules are asked in their order, then the default."""
    plan = rules(tmp_path, {"rules": RULES, "defaults": DEFAULTS}).plan(transition, hook, group, None)
    assert names(plan) == checks
    assert plan.why == f"hooks.json: {why}"


def test_a_rule_says_everything_else_too(tmp_path: Path) -> None:
    """Parameters, results and the wait for agents are the rule's."""
    found = rules(tmp_path, {"rules": RULES, "defaults": DEFAULTS})
    second, third, fourth = (rule.plan for rule in found.rules[1:])
    assert second.checks[1].values == {"port": "8080", "wait-seconds": "120"}
    assert (second.agent_seconds, second.on_failure, second.partial) == (300.0, HookResult.ABANDON, Partial.ABANDON)
    assert third.on_failure is HookResult.ROLLBACK
    assert (fourth.partial, fourth.agent_seconds) == (Partial.CONTINUE_AND_REMOVE_FAILED, None)


def rule(**fields: object) -> dict[str, Any]:
    """A file with one rule."""
    return {"rules": [{"hook_name": "web", "checks": ["system-up"], **fields}], "defaults": DEFAULTS}


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("x", "hooks.json is not JSON"),
        ({"rules": []}, "hooks.json needs defaults"),
        ({"rules": {}, "defaults": DEFAULTS}, "rules accepts a list"),
        ({"rules": [], "defaults": DEFAULTS, "x": 1}, "hooks.json accepts rules, defaults, not 'x'"),
        ({"rules": [], "defaults": {"SCALE_OUT": DEFAULTS["SCALE_OUT"]}}, "defaults needs SCALE_IN"),
        (
            {"rules": [], "defaults": {**DEFAULTS, "SCALE_IN": {"hook_name": "x", "checks": ["system-up"]}}},
            "not 'hook_",
        ),
        ({"rules": [{"checks": ["system-up"]}], "defaults": DEFAULTS}, "rule 1 needs hook_name or scaling_group_id"),
        (rule(checks=[]), "rule 1: checks accepts a list of 1 to 10 entries"),
        (rule(checks=["system-up"] * 11), "rule 1: checks accepts a list of 1 to 10 entries"),
        (rule(checks="system-up"), "rule 1: checks accepts a list of 1 to 10 entries"),
        (rule(checks=["x"]), "rule 1: there is no check 'x'; there are connections-drained,"),
        (rule(checks=[{"name": "system-up", "command": "id"}]), "rule 1 accepts name, parameters, not 'command'"),
        (rule(checks=[{"name": "logs-uploaded"}]), "rule 1: check logs-uploaded: bucket is required"),
        (rule(checks=[{"name": "system-up", "parameters": []}]), "rule 1: parameters accepts an object"),
        (rule(hook_name=""), "rule 1: hook_name accepts"),
        (rule(scaling_group_id=7), "rule 1: scaling_group_id accepts"),
        (rule(transition="OUT"), "rule 1: transition accepts SCALE_OUT or SCALE_IN, not 'OUT'"),
        (rule(on_failure="CONTINUE"), "rule 1: on_failure accepts ABANDON, not 'CONTINUE'"),
        (rule(on_failure="ROLLBACK"), "rule 1: on_failure accepts ABANDON, not 'ROLLBACK'"),
        (rule(on_failure="ROLLBACK", transition="SCALE_OUT"), "on_failure accepts ABANDON, not 'ROLLBACK'"),
        (rule(on_failure="CONTINUE", transition="SCALE_IN"), "on_failure accepts ABANDON or ROLLBACK, not 'CONTINUE'"),
        (rule(on_partial_failure="continue_and_remove_failed"), "on_partial_failure accepts abandon, not"),
        (rule(on_partial_failure="continue_and_remove_failed", transition="SCALE_IN"), "accepts abandon, not"),
        (rule(on_partial_failure=None), "on_partial_failure accepts abandon, not a value of type NoneType"),
        (rule(agent_seconds=0), "agent_seconds accepts a whole number from 1 to 21600, not 0"),
        (rule(agent_seconds="60"), "agent_seconds accepts a whole number from 1 to 21600, not '60'"),
        (rule(retries=1), "rule 1 accepts checks, hook_name, scaling_group_id, transition, on_failure"),
    ],
)
def test_files_that_are_not_accepted(tmp_path: Path, declared: object, told: str) -> None:
    """Every mistake in hooks.json is refused when it is read, naming the place."""
    with pytest.raises(BadCheck, match=re.escape(told)):
        rules(tmp_path, copy.deepcopy(declared))


def test_metadata_chooses_checks(tmp_path: Path) -> None:
    """NotificationMetadata replaces the checks of a rule, and nothing else of it."""
    found = rules(tmp_path, {"rules": RULES, "defaults": DEFAULTS})
    metadata = json.dumps({"checks": ["system-up", PORT_8080]})
    plan = found.plan(Transition.SCALE_IN, "other", "asg-2", metadata)
    assert names(plan) == ["system-up", "port-answers"]
    assert plan.checks[1].values["port"] == "8080"
    assert plan.on_failure is HookResult.ROLLBACK
    assert plan.why == "hooks.json: rule 3; notificationMetadata chose the checks"


FOR_SOMEBODY_ELSE = [
    *(None, "", "测试 SCALE_OUT HOOK", "checks", "7", "[]", '["checks"]', '"checks"'),
    *('{"commandContent": "id"}', '{"a": 1, "a": 2}', '{"nested": {"checks": ["x"]}}', "{" * 5000, "[" * 200_000),
]


@pytest.mark.parametrize("metadata", FOR_SOMEBODY_ELSE, ids=lambda metadata: repr(metadata)[:30])
def test_metadata_that_is_for_somebody_else_is_ignored(metadata: str | None) -> None:
    """A remark, and an OOS template's parameters, change nothing."""
    assert names(SHIPPED.plan(Transition.SCALE_OUT, None, None, metadata)) == ["system-up"]


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"checks": []}, "checks accepts a list"),
        ({"checks": None}, "checks accepts a list"),
        ({"checks": ["rm -rf /"]}, "there is no check 'rm -rf /'"),
        ({"checks": [7]}, "accepts an object"),
        ({"checks": ["system-up"], "command": "id"}, "notificationMetadata accepts checks, not 'command'"),
        ({"checks": [{"name": "system-up", "script": "id"}]}, "accepts name, parameters, not 'script'"),
        ({"checks": [{"name": "system-up", "parameters": {"x": "id"}}]}, "has no parameter 'x'"),
        ({"checks": [{"name": "port-answers", "parameters": {"port": "80; id"}}]}, "not '80; id'"),
        ({"checks": [{"name": "port-answers", "parameters": {"port": [80]}}]}, "not a value of type list"),
        ('{"checks": ["system-up"], "checks": ["headroom"]}', "the same key twice"),
        ('{"checks": [{"name": "system-up", "name": "headroom"}]}', "the same key twice"),
        ('{"checks": ["port-answers"', "is not JSON"),
        ('{"checks": [port-answers]}', "is not JSON"),
    ],
)
def test_metadata_that_chooses_what_there_is_not_is_refused(chosen: object, told: str) -> None:
    """Metadata that begins to choose must choose what exists, and only that; a slip of the pen is no remark."""
    metadata = chosen if isinstance(chosen, str) else json.dumps(chosen)
    with pytest.raises(BadCheck) as caught:
        SHIPPED.plan(Transition.SCALE_OUT, None, None, metadata)
    assert "notificationMetadata" in str(caught.value)
    assert told in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(sorted(CHECKS)),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["checks", "name", "parameters", "port"]), inner),
)


@given(metadata=st.text() | JSON.map(json.dumps) | JSON.map(lambda value: json.dumps({"checks": value})))
def test_whatever_metadata_says_only_shipped_scripts_run(metadata: str) -> None:
    """Any metadata leads to checks of the catalogue or to ``BadCheck``."""
    try:
        plan = SHIPPED.plan(Transition.SCALE_OUT, None, None, metadata)
    except BadCheck:
        return
    assert all(chosen.check is CHECKS[chosen.check.name] for chosen in plan.checks)
    assert all(chosen.check.values(chosen.values) == chosen.values for chosen in plan.checks)


def test_checks_on_demand_run_with_their_defaults() -> None:
    """By name alone; a name that is unknown, or whose check needs more than a name, is a malformed event."""
    assert chosen_on_demand(CHECKS, "headroom").values == CHECKS["headroom"].values({})
    with pytest.raises(MalformedEvent, match="there is no check 'x'; there are connections-drained"):
        chosen_on_demand(CHECKS, "x")
    with pytest.raises(MalformedEvent, match=r"bucket is required.*on demand, a check runs with its defaults"):
        chosen_on_demand(CHECKS, "logs-uploaded")
