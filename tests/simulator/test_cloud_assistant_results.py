"""How commands go, and how that is described."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from simulator.cloud import Cloud
from simulator.ecs import Command, Outcome
from simulator.ecs.assistant import ERRORS
from simulator.ecs.model import Instance
from simulator.fleet import INSTANCE_ID
from tests.simulator.sdk import NOON, Ecs

pytestmark = pytest.mark.usefixtures("drill")
OTHER = "i-bp1bystander00000001"


def results(ecs: Ecs, invoke_id: str, **parameters: Any) -> list[dict[str, Any]]:
    """Rows of DescribeInvocationResults."""
    answer = ecs("DescribeInvocationResults", InvokeId=invoke_id, **parameters)["Invocation"]
    rows: list[dict[str, Any]] = answer["InvocationResults"]["InvocationResult"]
    return rows


def ends(cloud: Cloud, ecs: Ecs, outcome: Outcome, **parameters: Any) -> dict[str, Any]:
    """The row of a command that ends so, a day later."""
    cloud.ecs.assistant.script = lambda _command, _instance_id: outcome
    invoke_id = ecs.run(OTHER, **parameters)
    cloud.clock.advance(86400)
    return results(ecs, invoke_id)[0]


def test_a_command_is_pending_then_running_then_successful(cloud: Cloud, ecs: Ecs) -> None:
    """Its output, in Base64, and its times come with the end; ExitCode 0 is there from the beginning."""
    cloud.ecs.assistant.script = lambda _command, _instance_id: Outcome(output=b"hello", seconds=5)
    invoke_id = ecs.run()

    (row,) = results(ecs, invoke_id)
    assert (row["InvocationStatus"], row["InvokeRecordStatus"], row["ExitCode"]) == ("Pending", "Running", 0)
    assert (row["StartTime"], row["FinishedTime"], row["Output"]) == ("", "", "")
    cloud.clock.advance(1)
    (row,) = results(ecs, invoke_id)
    assert (row["InvocationStatus"], row["StartTime"], row["Repeats"]) == ("Running", "2026-11-20T12:00:00Z", 1)
    cloud.clock.advance(5)
    (row,) = results(ecs, invoke_id)
    assert (row["InvocationStatus"], row["InvokeRecordStatus"], row["ErrorCode"]) == ("Success", "Finished", "")
    assert (base64.b64decode(row["Output"]), row["Dropped"]) == (b"hello", 0)
    assert row["FinishedTime"] == "2026-11-20T12:00:05Z"


def test_the_script_is_asked_once_for_each_instance(cloud: Cloud, ecs: Ecs) -> None:
    """With the command and the instance, when the command has been delivered."""
    asked: list[tuple[str, str]] = []

    def script(command: Command, instance_id: str) -> Outcome:
        asked.append((command.content, instance_id))
        return Outcome(exit_code=instance_id == OTHER, error_info="custom")

    cloud.ecs.assistant.script = script
    invoke_id = ecs.run(INSTANCE_ID, OTHER)

    assert asked == []
    cloud.clock.advance(10)
    rows = results(ecs, invoke_id)
    assert asked == [("uptime", INSTANCE_ID), ("uptime", OTHER)]
    assert [(row["InvocationStatus"], row["ExitCode"]) for row in rows] == [("Success", 0), ("Failed", 1)]
    assert (rows[1]["ErrorCode"], rows[1]["ErrorInfo"]) == ("ExitCodeNonzero", "custom")


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(exit_code=3), ("Failed", "Finished", "ExitCodeNonzero")),
        (Outcome(seconds=61), ("Timeout", "Failed", "ExecutionTimeout")),
        (Outcome(status="Aborted"), ("Aborted", "Failed", "DeliveryTimeout")),
        (Outcome(status="Aborted", error_code="ClientNotResponse"), ("Aborted", "Failed", "ClientNotResponse")),
        (Outcome(status="Invalid"), ("Invalid", "Failed", "CommandNotApplicable")),
        (Outcome(status="Error"), ("Error", "Failed", "ExecutionException")),
        (Outcome(status="Cancelled"), ("Cancelled", "Stopped", "")),
        (Outcome(status="Terminated"), ("Terminated", "Stopped", "")),
    ],
)
def test_every_end(cloud: Cloud, ecs: Ecs, outcome: Outcome, expected: tuple[str, str, str]) -> None:
    """Each terminal status with its code; the legacy field takes a bad exit code for a finished command."""
    row = ends(cloud, ecs, outcome)

    assert (row["InvocationStatus"], row["InvokeRecordStatus"], row["ErrorCode"]) == expected
    assert row["ErrorInfo"] == ERRORS.get(expected[2], "")
    assert (row["StartTime"] == "") is (expected[0] in ("Aborted", "Invalid", "Cancelled"))


def test_a_timeout_ends_when_it_is_over(cloud: Cloud, ecs: Ecs) -> None:
    """Finished at start plus Timeout, with the output so far, without the exit code that it never had."""
    outcome = Outcome(exit_code=1, output=b"so far", seconds=1000)
    row = ends(cloud, ecs, outcome, Timeout=100)

    assert (row["InvocationStatus"], row["FinishedTime"]) == ("Timeout", "2026-11-20T12:01:40Z")
    assert (row["ExitCode"], base64.b64decode(row["Output"])) == (0, b"so far")
    assert ends(cloud, ecs, Outcome(seconds=100), Timeout=100)["InvocationStatus"] == "Success"


@pytest.mark.parametrize(
    ("heard", "after", "expected"),
    [
        (0.0, 2.5, ("Success", "")),
        (30.0, 32.0, ("Success", "")),
        (60.0, 62.0, ("Success", "")),
        (60.1, 60.0, ("Aborted", "DeliveryTimeout")),
        (None, 60.0, ("Aborted", "ClientNotRunning")),
    ],
)
def test_an_agent_may_come_late(
    cloud: Cloud, ecs: Ecs, heard: float | None, after: float, expected: tuple[str, str]
) -> None:
    """Within a minute of the call it gets the command, later or never it does not."""
    cloud.ecs.assistant.agent_at[INSTANCE_ID] = None if heard is None else NOON + heard
    invoke_id = ecs.run()

    assert results(ecs, invoke_id)[0]["InvocationStatus"] == "Pending"
    cloud.clock.advance(after - 0.1)
    assert results(ecs, invoke_id)[0]["InvocationStatus"] in ("Pending", "Running")
    cloud.clock.advance(0.2)
    row = results(ecs, invoke_id)[0]
    assert (row["InvocationStatus"], row["ErrorCode"]) == expected


HAPPENS: dict[str, Callable[[Cloud, Instance], object]] = {
    "stopped": lambda _, instance: setattr(instance, "status", "Stopped"),
    "restarted": lambda cloud, instance: setattr(instance, "started_at", cloud.now()),
    "released": lambda cloud, instance: cloud.ecs.release(instance, cloud.now(), "somebody"),
}


@pytest.mark.parametrize(
    ("after", "happens", "expected"),
    [
        (0, "stopped", ("Aborted", "InstanceNotRunning")),
        (0, "released", ("Aborted", "InstanceNotExists")),
        (1, "stopped", ("Error", "ExecutionInterrupted")),
        (1, "restarted", ("Error", "ExecutionInterrupted")),
        (1, "released", ("Error", "InstanceReleased")),
    ],
)
def test_an_instance_may_go_away(cloud: Cloud, ecs: Ecs, after: int, happens: str, expected: tuple[str, str]) -> None:
    """Before the command was delivered, or while it ran; its result stays to be read."""
    invoke_id = ecs.run()
    cloud.clock.advance(after)
    cloud.progress()
    HAPPENS[happens](cloud, cloud.ecs.instances[INSTANCE_ID])
    cloud.clock.advance(10)

    (row,) = results(ecs, invoke_id)
    assert (row["InvocationStatus"], row["ErrorCode"], row["Output"]) == (*expected, "")


def test_long_output_loses_its_middle(cloud: Cloud, ecs: Ecs) -> None:
    """24 KB stay, the beginning and the end; what is lost is counted in bytes."""
    output = b"<" + b"x" * 24574 + b">"
    whole = ends(cloud, ecs, Outcome(output=output))
    assert (base64.b64decode(whole["Output"]), whole["Dropped"]) == (output, 0)

    row = ends(cloud, ecs, Outcome(output=b"a" * 6000 + b"lost" + b"z" * 18576))
    assert (base64.b64decode(row["Output"]), row["Dropped"]) == (b"a" * 6000 + b"z" * 18576, 4)


def test_plain_text_output_is_readable_at_any_price(cloud: Cloud, ecs: Ecs) -> None:
    """Invalid UTF-8 is replaced there, and kept in Base64."""
    cloud.ecs.assistant.script = lambda _command, _instance_id: Outcome(output=b"\xff\x00ok\xe4")
    invoke_id = ecs.run()
    cloud.clock.advance(10)

    assert results(ecs, invoke_id, ContentEncoding="PlainText")[0]["Output"] == "\ufffd\x00ok\ufffd"
    assert base64.b64decode(results(ecs, invoke_id)[0]["Output"]) == b"\xff\x00ok\xe4"
