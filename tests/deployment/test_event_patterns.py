from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from spotkeeper.events.envelopes import Batch, unwrap
from spotkeeper.events.notification import Kind
from tests.deployment.stage import FUNCTIONS, props
from tools.check_deployment.check import ROOT
from tools.check_deployment.event_pattern import PatternError, matches, parse

EVENTS = {path.name: json.loads(path.read_bytes()) for path in sorted((ROOT / "events").glob("*.json"))}
OURS = [
    name for name, event in EVENTS.items() if isinstance(event, dict) and event.get("source") in ("acs.ecs", "acs.ess")
]
FUNCTION_OF = {
    Kind.INTERRUPTION: "interruption",
    Kind.STATE_CHANGE: "state_change",
    Kind.LIFECYCLE_HOOK: "lifecycle_hook",
    Kind.LIFECYCLE_HOOK_TEST: "lifecycle_hook",
}


def receivers(event: Mapping[str, Any]) -> list[str]:
    """The functions whose triggers let the event through, each as often as it has such triggers."""
    rules = [
        (function, parse(trigger["triggerConfig"]["eventRuleFilterPattern"]))
        for function in FUNCTIONS
        for trigger in props(function)["triggers"]
        if trigger["triggerType"] == "eventbridge"
    ]
    assert len(rules) == 3
    return [function for function, pattern in rules if matches(pattern, event)]


@pytest.mark.parametrize("name", OURS)
def test_event_of_a_function(name: str) -> None:
    """Every CloudEvent of ECS and ESS reaches exactly the function whose kind of event the code says it is."""
    elements = unwrap(json.dumps(EVENTS[name]))
    assert not isinstance(elements, Batch)
    assert receivers(EVENTS[name]) == [FUNCTION_OF[elements[0].kind]]  # type: ignore[union-attr]


def test_every_family_is_there() -> None:
    """The events of all three families are among those that are tried."""
    assert {name.partition(".")[0] for name in OURS} == {"interruption", "state-change", "lifecycle-hook"}


@pytest.mark.parametrize("name", [name for name, event in EVENTS.items() if name not in OURS])
def test_event_of_none(name: str) -> None:
    """What does not come from ECS or ESS over the bus (timers, notifications, MNS, other events) matches no rule."""
    assert receivers(EVENTS[name] if isinstance(EVENTS[name], dict) else {}) == []


@pytest.mark.parametrize(
    ("source", "kind", "function"),
    [
        ("acs.ess", "ess:LifecycleHook:ScaleIn", ["lifecycle_hook"]),
        ("acs.ess", "ess:LifecycleHook:ScaleOut", ["lifecycle_hook"]),
        ("acs.ess", "ess:LifecycleHook:Test", ["lifecycle_hook"]),
        ("acs.ess", "ess:ScalingActivity:ScaleOutSuccess", []),
        ("acs.ecs", "ecs:Disk:DiskOperationCompleted", []),
        ("acs.ecs", "ecs:Instance:StateChangeOfSomething", []),
        ("acs.dispatcher", "ecs:Instance:PreemptibleInstanceInterruption", []),
        ("acs.ecs", "ess:LifecycleHook:ScaleIn", []),
    ],
)
def test_other_types(source: str, kind: str, function: list[str]) -> None:
    """Further documented types, and ours from a source that is not theirs."""
    assert receivers({"source": source, "type": kind, "specversion": "1.0", "data": {}}) == function


EVENT = {
    "source": "acs.oss",
    "subject": "photos/1.jpg",
    "empty": "",
    "nothing": None,
    "on": True,
    "data": {"size": 3, "ip": "10.0.0.7", "roles": ["reader", "writer"], "state": "running"},
}


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ({"source": ["acs.oss"]}, True),
        ({"source": ["acs.ecs", "acs.oss"]}, True),
        ({"source": ["ACS.OSS"]}, False),
        ({"source": ["acs.oss"], "subject": ["other"]}, False),
        ({"source": [{"prefix": "acs."}], "subject": [{"suffix": ".jpg"}]}, True),
        ({"source": [{"prefix": "oss"}]}, False),
        ({"subject": [{"suffix": ".png"}, {"contains": "tos/"}]}, True),
        ({"subject": [{"contains": "video"}]}, False),
        ({"empty": [""], "nothing": [None], "on": [True]}, True),
        ({"empty": [None]}, False),
        ({"nothing": [""]}, False),
        ({"on": [1]}, False),
        ({"data": {"size": [3]}}, True),
        ({"data": {"size": [3.0]}}, False),
        ({"data": {"size": ["3"]}}, False),
        ({"data": {"size": [{"numeric": [">", 0, "<=", 3]}]}}, True),
        ({"data": {"size": [{"numeric": ["<", 3]}]}}, False),
        ({"data": {"state": [{"numeric": [">", 0]}]}}, False),
        ({"on": [{"numeric": ["=", 1]}]}, False),
        ({"data": {"ip": [{"cidr": "10.0.0.0/24"}]}}, True),
        ({"data": {"ip": [{"cidr": "10.0.1.0/24"}]}}, False),
        ({"data": {"state": [{"cidr": "10.0.0.0/24"}]}}, False),
        ({"data": {"state": [{"anything-but": "initializing"}]}}, True),
        ({"data": {"state": [{"anything-but": ["running", "stopped"]}]}}, False),
        ({"data": {"state": [{"anything-but": {"prefix": "init"}}]}}, True),
        ({"data": {"state": [{"anything-but": {"prefix": "run"}}]}}, False),
        ({"data": {"size": [{"anything-but": 4}]}}, True),
        ({"data": {"missing": [{"anything-but": "x"}]}}, False),
        ({"data": {"missing": [{"exists": False}], "size": [{"exists": True}]}}, True),
        ({"data": {"size": [{"exists": False}]}}, False),
        ({"missing": {"deeper": [{"exists": False}]}}, True),
        ({"missing": {"deeper": ["x"]}}, False),
        ({"data": {"roles": ["writer"]}}, True),
        ({"data": {"roles": ["owner"]}}, False),
        ({"data": ["running"]}, False),
        ({"source": {"deeper": ["acs.oss"]}}, False),
    ],
)
def test_rules(pattern: dict[str, Any], *, matched: bool) -> None:
    """EventBridge's rules, operator by operator."""
    assert matches(parse(json.dumps(pattern)), EVENT) is matched


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{source: x}", "it is not JSON"),
        ("[]", "it is not an object with keys"),
        ("{}", "it is not an object with keys"),
        ('{"source": "acs.ecs"}', "source is not an array with items"),
        ('{"data": {"a": []}}', "data.a is not an array with items"),
        ('{"source": [["acs.ecs"]]}', "source has an array inside its array"),
        ('{"source": [{"wildcard": "*"}]}', "source has {wildcard}: an operator is one of prefix, suffix"),
        ('{"source": [{"prefix": "a", "suffix": "b"}]}', "source has {prefix, suffix}"),
        ('{"source": [{"prefix": 1}]}', "which prefix does not take"),
        ('{"source": [{"exists": "yes"}]}', "which exists does not take"),
        ('{"source": [{"numeric": [">"]}]}', "which numeric does not take"),
        ('{"source": [{"numeric": ["!=", 1]}]}', "which numeric does not take"),
        ('{"source": [{"numeric": ["=", true]}]}', "which numeric does not take"),
        ('{"source": [{"cidr": "10.0.0.1/24"}]}', "which cidr does not take"),
        ('{"source": [{"anything-but": {"suffix": "x"}}]}', "which anything-but does not take"),
        ('{"source": [{"anything-but": []}]}', "which anything-but does not take"),
    ],
)
def test_refused(text: str, message: str) -> None:
    """What EventBridge does not take is refused, with what is wrong."""
    with pytest.raises(PatternError, match=re.escape(message)):
        parse(text)
