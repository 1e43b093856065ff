from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deployment.stage import BUS, Mistake, named

if TYPE_CHECKING:
    from pathlib import Path

HOOK_PATTERN = '{"source":["acs.ess"],"type":[{"prefix":"ess:LifecycleHook:"}]}'
HOOK = "resources.lifecycle_hook.props.triggers[0].triggerConfig."
SWEEP = "resources.sweep.props."

MISTAKES = [
    Mistake("misspelt key", "      timeout: 55", "      timeOut: 55",
            SWEEP + "timeOut: no such key; did you mean timeout?"),
    Mistake("missing key", "      timeout: 55", "      #",
            SWEEP + "timeout: it is missing; accepted: a whole number of sec"),
    Mistake("misspelt key of a template", "    internetAccess:", "    internetAcess:",
            "template.function.internetAcess: no such"),
    Mistake("unknown key at the top", "edition: 3.0.0", "edition: 3.0.0\nregion: cn-hangzhou", "region: no such key"),
    Mistake("wrong edition", "edition: 3.0.0", "edition: 2.0.0", 'edition: "2.0.0" is not accepted; accepted: 3.0.0'),
    Mistake("function that nobody knows", "\n  sweep:", "\n  sweeper:",
            "resources.sweeper: no such key; did you mean sweep?"),
    Mistake("template that nobody knows", "template:\n  function:", "template:\n  fn:",
            'extend.name: "function" is no template'),
    Mistake("component of no version", "component: fc3@0.1.22 #", "component: fc3 #",
            'resources.interruption.component: "fc3" is not accepted; accepted: fc3 of one version, such as fc3@0.1'),
    Mistake("missing role", "      role: ${vars.roles.sweep}\n", "", SWEEP + "role: it is missing"),
    Mistake("role with policies", "role: ${vars.roles.sweep}", "role: {name: sweep}",
            'role: {"name": "sweep"} is a mapping'),
    Mistake("role in capitals", "'spotkeeper-sweep')", "'SpotkeeperSweep')",
            SWEEP + 'role: "SpotkeeperSweep" is not accepted'),
    Mistake("timeout as text", "timeout: 55", "timeout: '55'",
            SWEEP + 'timeout: "55" is text; accepted: a whole number'),
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
    Mistake("one layer in place of a list", "layers:\n      - $", "layers: $", "template.function.layers: "),
    Mistake("setting that is no text", "SWEEP_DELETE: 'false'", "SWEEP_DELETE: false",
            "SPOTKEEPER_SWEEP_DELETE: false is a boolean; accepted: text"),
    Mistake("log without a logstore", "      logstore: ${vars.logstore}\n", "", "logConfig.logstore: it is missing"),
    Mistake("failures sent nowhere", "/topics/${vars.alarmTopic}/messages", "/alarm",
            'alarm" is not accepted; accepted: acs:mns:'),
    Mistake("too many retries", "maxAsyncRetryAttempts: 0", "maxAsyncRetryAttempts: 9",
            "9 is not accepted; accepted: a whole number from 0 to 8"),
    Mistake("wrong trigger type", "triggerType: timer", "triggerType: cron",
            'triggers[0].triggerType: "cron" is not accepted; accepted: eventbridge, timer'),
    Mistake("trigger switched off", "            enable: true", "            enable: false",
            "enable: false is not accepted; accepted: true: with false"),
    Mistake("trigger config of another type", "            payload: ''", "            triggerEnable: true",
            "triggerConfig.triggerEnable: no such key"),
    Mistake("trigger config that is not complete", "            payload: ''\n", "",
            "triggerConfig.payload: it is missing"),
    Mistake("topic of no topic trigger", "triggerType: timer",
            "triggerType: timer\n          sourceArn: acs:mns:cn-hangzhou:1:/topics/x", "mns_topic alone"),
    Mistake("event source that is not the bus", f"{HOOK_PATTERN}'\n{BUS}",
            f"{HOOK_PATTERN}'\n{BUS.replace('Default', 'MNS')}", HOOK + 'eventSourceConfig.eventSourceType: "MNS"'),
    Mistake("pattern that is no text", f"'{HOOK_PATTERN}'", HOOK_PATTERN,
            HOOK + 'eventRuleFilterPattern: {"source": ["acs.ess"]'),
    Mistake("boolean that means its opposite in one document",
            f"asyncInvocationType: true\n            eventRuleFilterPattern: '{HOOK_PATTERN}'",
            f"asyncInvocationType: false\n            eventRuleFilterPattern: '{HOOK_PATTERN}'",
            HOOK + "asyncInvocationType: false is not accepted; accepted: true, written out: asynchronous"),
    Mistake("boolean left to its default",
            f"            asyncInvocationType: true\n            eventRuleFilterPattern: '{HOOK_PATTERN}'",
            f"            eventRuleFilterPattern: '{HOOK_PATTERN}'", HOOK + "asyncInvocationType: it is missing"),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_mistake(tmp_path: Path, mistake: Mistake) -> None:
    """Each mistake is refused by name."""
    assert named(tmp_path, mistake)
