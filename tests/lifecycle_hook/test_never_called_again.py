"""An agent that never comes, and nobody who calls after Function Compute's retries: the hook is completed by us."""

from __future__ import annotations

import pytest

from simulator.fc.invocation import AsyncInvocation
from simulator.scaling_fleet import HOOK_ARN
from tests.deployment.stage import DEPLOYER, props
from tests.function_stage import JOURNAL, TIMER
from tests.lifecycle_hook.stage import FUNCTION, MINUTE, HookStage, stage
from tests.rescue.reading import fault
from tools.check_deployment.resolve import ACCOUNT

ARNS = "SPOTKEEPER_HOOK_ARNS"


def deployed(account_id: str) -> dict[str, str]:
    """What s.yaml sets for the sweep's hooks."""
    arns = str(props("sweep", DEPLOYER)["environmentVariables"][ARNS])
    return {ARNS: arns.replace(ACCOUNT, account_id)}


def until_it_ends(here: HookStage) -> None:
    """Function Compute makes its four calls of the notification, and the sweep runs each minute."""
    fc = here.cloud.fc
    fc.register(FUNCTION, lambda payload: here.call(payload, name="handed over"))
    fc.pending.append(AsyncInvocation(FUNCTION, "1", "1", here.sent, here.cloud.now(), here.cloud.now()))
    settings = {"SPOTKEEPER_JOURNAL": JOURNAL, **deployed(here.cloud.account_id)}
    with here.playing(settings=settings):
        for _ in range(400):
            if here.action[0] != "Pending":
                return
            here.invoke("sweep", TIMER, name="sweep")
            fc.run_due()
            here.advance(MINUTE)


def test_s_yaml_names_the_bus_that_the_triggers_listen_to() -> None:
    """The sweep looks after the hooks whose events come to the function."""
    account_id = HOOK_ARN.split(":")[3]
    assert deployed(account_id) == {ARNS: HOOK_ARN}


CASES = [
    pytest.param(600, "restart"),
    *(pytest.param(timeout, "add", marks=pytest.mark.full) for timeout in (300, 600, 3_600, 18_000)),
    *(pytest.param(timeout, "restart", marks=pytest.mark.full) for timeout in (300, 3_600, 18_000)),
]


@pytest.mark.parametrize(("timeout", "reading"), CASES)
def test_an_agent_that_never_comes(timeout: int, reading: str) -> None:
    """The failure result in time, not the hook's own default."""
    here = stage(hook_timeout=timeout, timeout=1_800, default_result="CONTINUE")
    here.cloud.ess.heartbeat_reading = reading
    here.agents(None)
    until_it_ends(here)
    assert here.action == ("Completed", "ABANDON")


def test_the_first_call_that_is_handed_over_fails() -> None:
    """A hook that is about to end is handed over again a minute later, not half an hour."""
    here = stage(hook_timeout=18_000)
    here.fail(*here.ids)
    here.advance(17_860)
    fault(here, "DescribeLifecycleHooks", "kill-before", skip=1)  # the first is the sweep's own
    arns = deployed(here.cloud.account_id)
    here.sweep(**arns)
    assert here.action == ("Pending", "")
    here.advance(MINUTE)
    here.sweep(**arns)
    assert here.action == ("Completed", "ABANDON")
