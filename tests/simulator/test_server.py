"""``python -m simulator``: the served cloud and its control requests."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest
import requests

from simulator.cloud import Cloud
from simulator.fleet import INSTANCE_ID, Fleet
from simulator.server import serving
from tests.simulator.sdk import NOON, Ecs
from tools.cli.main import run


def test_the_clock_is_advanced(cloud: Cloud, drill: Fleet) -> None:
    """What is due happens: after the notice the instance is gone."""
    with serving(cloud) as url:
        answer = requests.post(f"{url}/-/clock", json={"advance": 300.5}, timeout=5)
        state = requests.get(f"{url}/-/state", timeout=5).json()

    assert (answer.status_code, answer.json()) == (200, {"now": NOON + 300.5})
    assert INSTANCE_ID not in [instance["InstanceId"] for instance in state["ecs"]["instances"]]
    assert [item["InstanceId"] for item in state["ecs"]["released"]] == [INSTANCE_ID]


def test_a_fault_is_added(cloud: Cloud, drill: Fleet) -> None:
    """By code or by effect; the state tells how often each fired."""
    with serving(cloud) as url:
        first = b'{"action": "DescribeRegions", "code": "ServiceUnavailable", "times": 1}'
        then = b'{"action": "DescribeRegions", "effect": "throttle", "times": null, "retry_after_ms": 500}'
        assert requests.post(f"{url}/-/fault", data=first, timeout=5).status_code == 200
        assert requests.post(f"{url}/-/fault", data=then, timeout=5).json() == {"faults": 2}
        ecs = Ecs(cloud, url)
        refusals = [ecs.refused("DescribeRegions") for _ in range(2)]
        state = requests.get(f"{url}/-/state", timeout=5).json()

    assert refusals == [(503, "ServiceUnavailable"), (400, "Throttling.User")]
    assert [fault["fired"] for fault in state["faults"]] == [1, 1]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("clock", b""),
        ("clock", b"{"),
        ("clock", b"[]"),
        ("clock", b"{}"),
        ("clock", b'{"advance": -1}'),
        ("clock", b'{"advance": "1"}'),
        ("clock", b'{"advance": true}'),
        ("clock", b'{"advance": Infinity}'),
        ("clock", b'{"advance": NaN}'),
        ("clock", b'{"advance": 1, "hurry": 1}'),
        ("clock", b'{"advance": ' + b"9" * 400 + b"}"),
        ("clock", b'{"advance": 1e300}'),
        ("clock", b"[" * 3000 + b"]" * 3000),
        ("fault", b'{"action": "DescribeRegions"}'),
        ("fault", b'{"code": "ServiceUnavailable"}'),
        ("fault", b'{"action": "", "code": "ServiceUnavailable"}'),
        ("fault", b'{"action": "DescribeRegions", "effect": "explode"}'),
        ("fault", b'{"action": "DescribeRegions", "code": "X", "effect": "throttle"}'),
        ("fault", b'{"action": "DescribeRegions", "code": "X", "times": -1}'),
        ("fault", b'{"action": "DescribeRegions", "code": "X", "times": "2"}'),
        ("fault", b'{"action": "DescribeRegions", "code": "X", "fired": 2}'),
    ],
)
def test_bad_control_input_is_refused(cloud: Cloud, path: str, body: bytes) -> None:
    """400 with a message, and nothing has changed."""
    with serving(cloud) as url:
        answer = requests.post(f"{url}/-/{path}", data=body, timeout=5)

    assert answer.status_code == 400
    assert answer.json()["message"]
    assert (cloud.now(), cloud.faults.added) == (NOON, [])


def test_other_control_paths(cloud: Cloud) -> None:
    """An unknown path is 404, a wrong method 405."""
    with serving(cloud) as url:
        assert requests.get(f"{url}/-/nothing", timeout=5).status_code == 404
        assert requests.get(f"{url}/-/clock", timeout=5).status_code == 405


def test_a_body_of_unknown_length_is_refused(cloud: Cloud) -> None:
    """Chunked bodies are not read: 411, and the connection is not left hanging."""
    with serving(cloud) as url:
        assert requests.post(url, data=iter([b"a"]), timeout=5).status_code == 411


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_command(ending: signal.Signals) -> None:
    """The first line tells URL and keys, the SDK works with them, a signal ends it with exit code 0."""
    command = [sys.executable, "-m", "simulator"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told: dict[str, Any] = json.loads(process.stdout.readline())
        keys = {name: told[name] for name in ("access_key_id", "access_key_secret")}
        found = Ecs(Cloud(NOON), told["url"], **keys).instance(INSTANCE_ID)
        process.send_signal(ending)
        output, errors = process.communicate()

    assert set(told) == {"url", "access_key_id", "access_key_secret"}
    assert found is not None
    assert (process.returncode, output, errors) == (0, "", "")


def test_a_port_that_is_taken(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the port; a port that is no port is a usage error."""
    with serving(cloud) as url:
        assert run(["simulator", "--port", url.rpartition(":")[2]]) == 1

    assert url.rpartition(":")[2] in capsys.readouterr().err
    assert run(["simulator", "--port", "70000"]) == 2
