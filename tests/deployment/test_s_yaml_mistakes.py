from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.stage import BUS, DEPLOYER, FILE, STATE_CHANGE_PATTERN, Mistake, named, said
from tools.check_deployment.check import check
from tools.check_deployment.document import read
from tools.check_deployment.structure import path

HOOK_PATTERN = '{"source":["acs.ess"],"type":[{"prefix":"ess:LifecycleHook:"}]}'
PATTERN = "resources.state_change.props.triggers[0].triggerConfig.eventRuleFilterPattern: "
HOOK = "resources.lifecycle_hook.props.triggers[0].triggerConfig."
SWEEP = "resources.sweep.props."
SETTINGS = "resources.interruption.props.environmentVariables."
TRIGGER = f"""        - triggerName: state-change
          triggerType: eventbridge
          triggerConfig:
            triggerEnable: true
            asyncInvocationType: true
            eventRuleFilterPattern: '{STATE_CHANGE_PATTERN}'
{BUS}"""
TIMER = """timer
          triggerConfig:
            enable: true
            cronExpression: '@every 1m' # a notice has five minutes
            payload: ''
"""
TOPIC = """mns_topic
          sourceArn: acs:mns:cn-beijing:1690701234567830:/topics/x
          triggerConfig:
            notifyContentFormat: JSON
            notifyStrategy: BACKOFF_RETRY
"""

STRUCTURE = [
    Mistake("misspelt key", "      timeout: 55", "      timeOut: 55",
            SWEEP + "timeOut: no such key; did you mean timeout?"),
    Mistake("wrong edition", "edition: 3.0.0", "edition: 2.0.0", 'edition: "2.0.0" is not accepted; accepted: 3.0.0'),
    Mistake("template that nobody knows", "template:\n  function:", "template:\n  fn:",
            'extend.name: "function" is no template'),
    Mistake("component of no version", "component: fc3@0.1.22 #", "component: fc3 #",
            'resources.interruption.component: "fc3" is not accepted; accepted: fc3 of one version, such as fc3@0.1'),
    Mistake("role in capitals", "'spotkeeper-sweep')", "'SpotkeeperSweep')",
            SWEEP + 'role: "SpotkeeperSweep" is not accepted'),
    Mistake("timeout too long", "timeout: 55", "timeout: 100000",
            "100000 is not accepted; accepted: a whole number of seconds from 1"),
    Mistake("memory between the steps", "memorySize: 256", "memorySize: 250",
            SWEEP + "memorySize: 250 is not accepted"),
    Mistake("disk of no size there is", "diskSize: 512", "diskSize: 1024",
            "diskSize: 1024 is not accepted; accepted: 512 or 10240"),
    Mistake("runtime without bytecode", "'python3.10')", "'python3.11')", 'runtime: "python3.11" is not accepted'),
    Mistake("unknown region", "'cn-hangzhou')", "'cn-hangzou')",
            'template.function.region: "cn-hangzou" is not accepted'),
    Mistake("layer by name", "${env('DEPLOY_LAYER_ARN')}", "spotkeeper",
            'layers[0]: "spotkeeper" is not accepted; accepted: acs:fc:'),
    Mistake("failures sent nowhere", "/topics/${vars.alarmTopic}/messages", "/alarm",
            'alarm" is not accepted; accepted: acs:mns:'),
    Mistake("too many retries", "maxAsyncRetryAttempts: 0", "maxAsyncRetryAttempts: 9",
            "9 is not accepted; accepted: a whole number from 0 to 8"),
    Mistake("wrong trigger type", "triggerType: timer", "triggerType: cron",
            'triggers[0].triggerType: "cron" is not accepted; accepted: eventbridge, timer'),
    Mistake("trigger switched off", "            enable: true", "            enable: false",
            "enable: false is not accepted; accepted: true: with false"),
    Mistake("topic of no topic trigger", "triggerType: timer",
            "triggerType: timer\n          sourceArn: acs:mns:cn-hangzhou:1:/topics/x", "mns_topic alone"),
    Mistake("event source that is not the bus", f"{HOOK_PATTERN}'\n{BUS}",
            f"{HOOK_PATTERN}'\n{BUS.replace('Default', 'MNS')}", HOOK + 'eventSourceConfig.eventSourceType: "MNS"'),
    Mistake("boolean that means its opposite in one document",
            f"asyncInvocationType: true\n            eventRuleFilterPattern: '{HOOK_PATTERN}'",
            f"asyncInvocationType: false\n            eventRuleFilterPattern: '{HOOK_PATTERN}'",
            HOOK + "asyncInvocationType: false is not accepted; accepted: true, written out: asynchronous"),
]  # fmt: skip

RULES = [
    Mistake("variable that nobody set", "${vars.prefix}-sweep", "${vars.prefx}-sweep",
            SWEEP + "functionName: ${vars.prefx} is not among the vars"),
    Mistake("variable of itself", "${env('DEPLOY_PREFIX', 'spotkeeper')}", "${vars.prefix}",
            "vars.prefix: ${vars.prefix} leads back to itself"),
    Mistake("function that the check cannot resolve", "${vars.prefix}-sweep", "${file('name')}",
            "${file('name')} is not understood; accepted: ${vars.name}"),
    Mistake("environment without a default", "'spotkeeper-alarm')", ")", "vars.alarmTopic: "),
    Mistake("cpu and memory out of ratio", "cpu: 0.25", "cpu: 0.05",
            SWEEP + "cpu: 0.05 vCPU and 256 MB are out of ratio; accepted: 0.1 to 0.25 vCPU with 256 MB"),
    Mistake("cpu with too little memory", "cpu: 0.25", "cpu: 0.3",
            SWEEP + "cpu: 0.3 vCPU and 256 MB are out of ratio"),
    Mistake("cpu between the steps", "cpu: 0.25", "cpu: 0.22", SWEEP + "cpu: 0.22 is no multiple of 0.05"),
    Mistake("too little time for a rescue", "      timeout: 1800\n", "      timeout: 600\n",
            "interruption.props.timeout: 600 s is too short for interruption; accepted: 900 s"),
    Mistake("retries that never come", "maxAsyncEventAgeInSeconds: 3600", "maxAsyncEventAgeInSeconds: 600",
            "600 s is over before 4 calls of 300 s are"),
    Mistake("run that outlasts its minute", "timeout: 55", "timeout: 60",
            SWEEP + "timeout: 60 s is not over before the next run begins (@every 1m)"),
    Mistake("code of another function", "./dist/functions-sweep.zip", "./dist/functions-state_change.zip",
            SWEEP + 'code: "./dist/functions-state_change.zip" is not this'),
    Mistake("layer of another region", "'cn-hangzhou')", "'cn-beijing')",
            '"acs:fc:cn-hangzhou:1690701234567830:layers/spotkeeper/versions/7" is of another region'),
    Mistake("function that sweep does not find", "functionName: ${vars.prefix}-state-change",
            "functionName: ${vars.prefix}-states", 'functionName: "spotkeeper-states" is not what sweep calls'),
    Mistake("role of two functions", "role: ${vars.roles.sweep}", "role: ${vars.roles.stateChange}",
            SWEEP + 'role: "spotkeeper-state-change" is that of state_change too'),
    Mistake("setting that nobody reads", "SPOTKEEPER_DRY_RUN:", "SPOTKEEPER_DRYRUN:",
            SETTINGS + "SPOTKEEPER_DRYRUN: it is not a setting; did you mean SPOTKEEPER_DRY_RUN?"),
    Mistake("setting left out", "    SPOTKEEPER_RELAUNCH: 'from-image'\n", "",
            SETTINGS + "SPOTKEEPER_RELAUNCH: it is missing"),
    Mistake("setting that the function refuses", "RELAUNCH: 'from-image'", "RELAUNCH: 'image'",
            SETTINGS + "SPOTKEEPER_RELAUNCH: InterruptionSettings refuses it"),
    Mistake("settings too large", "FALLBACK_VSWITCH_IDS: ''", f"FALLBACK_VSWITCH_IDS: '{'vsw-a,' * 600}vsw-b'",
            "bytes; accepted: at most 4096 bytes"),
    Mistake("journal on a disk", "oss://${vars.journalBucket}/spotkeeper", "file:///var/journal",
            SETTINGS + "SPOTKEEPER_JOURNAL: a directory is lost with its instance"),
    Mistake("trigger that does not call this function", TIMER, TOPIC,
            SWEEP + 'triggers[0].triggerType: "mns_topic" is not what calls sweep; accepted: timer'),
    Mistake("topic of another region", TIMER, TOPIC,
            SWEEP + 'triggers[0].sourceArn: "acs:mns:cn-beijing:1690701234567830:/topics/x" is of another region'),
    Mistake("cron of five fields", "'@every 1m'", "'* * * * *'",
            'triggerConfig.cronExpression: "* * * * *" has 5 fields'),
    Mistake("cron of no such minute", "'@every 1m'", "'0 60 * * * *'", '"0 60 * * * *" has "60" as minute'),
    Mistake("interval in seconds", "'@every 1m'", "'@every 60s'", '"@every 60s" has 2 fields'),
    Mistake("pattern that matches nothing", STATE_CHANGE_PATTERN,
            STATE_CHANGE_PATTERN.replace("StateChange", "StateChanged"),
            "matches nothing in events/; accepted: a pattern that matches state-change.eventbridge.json"),
    Mistake("pattern that matches another's event", STATE_CHANGE_PATTERN, '{"source":["acs.ecs"]}',
            PATTERN + "it matches events/interruption.eventbridge-data-content.json too"),
    Mistake("pattern that misses an event", '{"prefix":"ess:LifecycleHook:"}', '"ess:LifecycleHook:ScaleOut"',
            HOOK + "eventRuleFilterPattern: it does not match events/lifecycle-hook.test.json"),
    Mistake("pattern with an operator there is not", STATE_CHANGE_PATTERN, '{"type":[{"wildcard":"ecs:*"}]}',
            PATTERN + "type has {wildcard}: an operator is one of prefix"),
]  # fmt: skip


@pytest.mark.parametrize("mistake", [*STRUCTURE, *RULES], ids=lambda mistake: mistake.name)
def test_mistake(tmp_path: Path, mistake: Mistake) -> None:
    """Each mistake is refused by name."""
    assert named(tmp_path, mistake)


def places(value: Any, *steps: str | int) -> Iterator[tuple[str | int, ...]]:
    """Every place below a value."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*steps, key)
        yield from places(value[key], *steps, key)


def complaints(steps: Sequence[str | int], value: object) -> str:
    """What the check says of the file with another value at a place; ``...`` leaves the place out."""
    changed: Any = read(FILE)
    holder = functools.reduce(operator.getitem, steps[:-1], changed)
    if value is ...:
        del holder[steps[-1]]
    else:
        holder[steps[-1]] = value
    return "\n".join(map(str, check(changed, DEPLOYER)[0]))


@pytest.mark.parametrize("steps", [steps for steps in places(read(FILE)) if steps[0] != "vars"], ids=path)
def test_each_place(steps: tuple[str | int, ...]) -> None:
    """A value of another type, a key that is missing and an unknown key are refused at their places."""
    document: Any = read(FILE)
    right = functools.reduce(operator.getitem, steps, document)
    assert path(steps[-1:]) in complaints(steps, "?" if isinstance(right, list) else ["?"])
    assert complaints(steps, ...) or steps[-1] == "description"
    if isinstance(right, dict):
        assert ".nonsense: " in complaints([*steps, "nonsense"], "x")


def test_two_triggers_for_one_event(tmp_path: Path) -> None:
    """A second rule for an event would deliver it twice; a second trigger needs a name of its own."""
    complaints = said(tmp_path, TRIGGER, TRIGGER + TRIGGER)
    first = "resources.state_change.props.triggers[0]"
    assert (
        f"{first} matches events/state-change.eventbridge.json already; accepted: one rule for an event"
        in complaints[0]
    )
    assert '[1].triggerName: "state-change" is there already' in complaints[1]


def test_more_rules_than_the_bus_takes(tmp_path: Path) -> None:
    """Eleven rules are one more than the default bus takes."""
    more = "".join(TRIGGER.replace("state-change", f"more-{number}") for number in range(8))
    assert any(
        "11 triggers are eventbridge; accepted: at most 10" in one for one in said(tmp_path, TRIGGER, TRIGGER + more)
    )
