from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator import fleet, function_compute
from tests.deployment.launch_stage import Account
from tests.deployment.loopback import Endpoint, answering
from tests.rescue.reading import skipped
from tests.rescue.stage import stage
from tests.simulator.sdk import NOON

CALLER = (200, {"AccountId": fleet.ACCOUNT_ID, "RequestId": "R0"})
TAKEN = (200, {"Code": "200", "Message": "success", "RequestId": "R1", "Success": "true"})
FAILED = (200, {"Code": "400", "Message": "event not found", "RequestId": "R1", "Success": "false"})
INSTANCE = f"--instance={fleet.INSTANCE_ID}"


def simulate(
    account: Account, root: Path, *arguments: str, answer: tuple[int, dict[str, Any]] = TAKEN
) -> tuple[tuple[int, str, str], Endpoint]:
    """``spotkeeper simulate-interruption``, and the requests that STS and CloudMonitor got."""
    with answering(GetCallerIdentity=CALLER, SendDryRunSystemEvent=answer) as endpoint:
        endpoints = {"STS_ENDPOINT": endpoint.url, "CMS_ENDPOINT": endpoint.url}
        return account.run("simulate-interruption", *arguments, root=root, **endpoints), endpoint


def test_event(account: Account, tmp_path: Path) -> None:
    """CloudMonitor is sent the event in its documented debug form, for this instance of this account."""
    (status, out, err), endpoint = simulate(account, tmp_path, INSTANCE, "--yes")
    assert (status, err) == (0, "")
    action, query = endpoint.seen[-1]
    assert (action, query["Product"]) == ("SendDryRunSystemEvent", "ECS")
    assert query["EventName"] == "Instance:PreemptibleInstanceInterruption"
    event = json.loads(query["EventContent"])
    sample = json.loads((function_compute.ROOT / "events/interruption.cloudmonitor-debug.json").read_bytes())
    named = {"instanceName": "web-1", "content": {**sample["content"], "instanceName": "web-1"}}
    assert event == {**sample, **named}
    assert "not under the Recycling lock" in out
    assert json.loads((tmp_path / f".cache/interruption-{fleet.INSTANCE_ID}.json").read_text()) == event
    assert "npx s cli fc3 invoke --region cn-hangzhou --function-name spotkeeper-interruption" in out


def test_function_understands_it(account: Account, tmp_path: Path) -> None:
    """The file that is to be handed over gives the function's plan, in a dry run and without a lock."""
    simulate(account, tmp_path, INSTANCE, "--yes")
    played = stage(locked=False)
    event = (tmp_path / f".cache/interruption-{fleet.INSTANCE_ID}.json").read_bytes()
    assert skipped(played, event, SPOTKEEPER_DRY_RUN="true")["plan"]


def test_warnings(account: Account, tmp_path: Path) -> None:
    """What the function would skip is said: no spot instance, no tag."""
    spec = account.cloud.ecs.instances[fleet.INSTANCE_ID]
    spec.spot_strategy = "NoSpot"
    spec.tags.set("spotkeeper:managed", None, NOON)
    (status, out, _), _ = simulate(account, tmp_path, INSTANCE, "--yes")
    assert status == 0
    assert "it is not a spot instance" in out
    assert "it lacks the tag spotkeeper:managed=true" in out


def test_refused(account: Account, tmp_path: Path) -> None:
    """An answer that is no success is none, in CloudMonitor's words."""
    (status, _, err), _ = simulate(account, tmp_path, INSTANCE, "--yes", answer=FAILED)
    assert status == 1
    assert "SendDryRunSystemEvent: 400 event not found (request id R1)" in err


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ([], "Missing option '--instance'"),
        (["--instance=web-1"], "'web-1' is not an instance id"),
        (["--instance=i-1", "--region=here"], "'here' is not a region"),
        (["--istance=i-1"], "No such option '--istance'"),
        (["--instance=i-bp1nobody"], "there is no instance i-bp1nobody in cn-hangzhou"),
    ],
)
def test_bad_values(account: Account, tmp_path: Path, arguments: list[str], wrong: str) -> None:
    """Nothing is sent without an instance that exists."""
    (status, _, err), endpoint = simulate(account, tmp_path, *arguments, "--yes")
    assert (status, endpoint.seen) == (2, [])
    assert wrong in err


def test_shown_first(account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run shows the event and sends nothing; without a terminal and without YES it is not sent either."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    (status, out, _), endpoint = simulate(account, tmp_path, INSTANCE, "--dry-run")
    assert (status, [action for action, _ in endpoint.seen]) == (0, ["GetCallerIdentity"])
    assert fleet.INSTANCE_ID in out
    (status, _, err), endpoint = simulate(account, tmp_path, INSTANCE)
    assert (status, [action for action, _ in endpoint.seen]) == (2, ["GetCallerIdentity"])
    assert "say YES=true (--yes)" in err
