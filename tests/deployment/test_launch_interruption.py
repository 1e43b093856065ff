from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from simulator import fleet, function_compute
from tests.deployment.launch_stage import NOON, Account
from tests.deployment.loopback import Endpoint, answering
from tests.rescue.stage import stage

if TYPE_CHECKING:
    from pathlib import Path

CALLER = (200, {"AccountId": fleet.ACCOUNT_ID, "RequestId": "R0"})
TAKEN = (200, {"Code": "200", "Message": "success", "RequestId": "R1", "Success": "true"})
FAILED = (200, {"Code": "400", "Message": "event not found", "RequestId": "R1", "Success": "false"})
INSTANCE = f"INSTANCE={fleet.INSTANCE_ID}"


def simulate(
    account: Account, root: Path, *arguments: str, answer: tuple[int, dict[str, Any]] = TAKEN
) -> tuple[tuple[int, str, str], Endpoint]:
    """``make simulate-interruption``, and what STS and CloudMonitor were asked."""
    with answering(GetCallerIdentity=CALLER, SendDryRunSystemEvent=answer) as endpoint:
        endpoints = {"STS_ENDPOINT": endpoint.url, "CMS_ENDPOINT": endpoint.url}
        return account.run("simulate", *arguments, root=root, **endpoints), endpoint


def test_event(account: Account, tmp_path: Path) -> None:
    """CloudMonitor is sent the event in its documented debug form, for this instance of this account."""
    (status, out, err), endpoint = simulate(account, tmp_path, INSTANCE)
    assert (status, err) == (0, "")
    action, query = endpoint.seen[-1]
    assert (action, query["Product"]) == ("SendDryRunSystemEvent", "ECS")
    assert query["EventName"] == "Instance:PreemptibleInstanceInterruption"
    event = json.loads(query["EventContent"])
    sample = json.loads((function_compute.ROOT / "events/interruption.cloudmonitor-debug.json").read_bytes())
    named = {"instanceName": "web-1", "content": {**sample["content"], "instanceName": "web-1"}}
    assert event == {**sample, **named}
    assert "request id R1" in out
    assert "healthy, not under the Recycling lock" in out
    assert json.loads((tmp_path / f".cache/interruption-{fleet.INSTANCE_ID}.json").read_text()) == event
    assert "npx s cli fc3 invoke --region cn-hangzhou --function-name spotkeeper-interruption" in out


def test_function_understands_it(account: Account, tmp_path: Path) -> None:
    """The file that is to be handed over gives the function's plan, in a dry run and without a lock."""
    simulate(account, tmp_path, INSTANCE)
    played = stage(locked=False)
    event = (tmp_path / f".cache/interruption-{fleet.INSTANCE_ID}.json").read_bytes()
    answer = played.deliver(event, SPOTKEEPER_DRY_RUN="true")
    assert answer["outcome"] == "skipped"
    assert answer["plan"]
    assert played.writes() == []


def test_warnings(account: Account, tmp_path: Path) -> None:
    """What the function would skip is said: no spot instance, no tag."""
    spec = account.cloud.ecs.instances[fleet.INSTANCE_ID]
    spec.spot_strategy = "NoSpot"
    spec.tags.set("spotkeeper:managed", None, NOON)
    (status, out, _), _ = simulate(account, tmp_path, INSTANCE)
    assert status == 0
    assert "it is no spot instance" in out
    assert "it lacks the tag spotkeeper:managed=true" in out


def test_refused(account: Account, tmp_path: Path) -> None:
    """An answer that is no success is none, in CloudMonitor's words."""
    (status, _, err), _ = simulate(account, tmp_path, INSTANCE, answer=FAILED)
    assert status == 1
    assert "SendDryRunSystemEvent: 400 event not found" in err


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ([], "make simulate-interruption INSTANCE=i-…"),
        (["INSTANCE=web-1"], "make simulate-interruption INSTANCE=i-…"),
        (["INSTANCE=i-1", "REGION=here"], "make simulate-interruption INSTANCE=i-…"),
        (["ISTANCE=i-1"], "ISTANCE is unknown"),
        (["INSTANCE=i-bp1nobody"], "there is no instance i-bp1nobody in cn-hangzhou"),
    ],
)
def test_bad_variables(account: Account, tmp_path: Path, arguments: list[str], wrong: str) -> None:
    """Nothing is sent for an instance that is not named, or not there."""
    (status, _, err), endpoint = simulate(account, tmp_path, *arguments)
    assert (status, endpoint.seen) == (2, [])
    assert wrong in err
