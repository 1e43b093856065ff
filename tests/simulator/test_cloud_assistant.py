"""RunCommand: what it accepts, what it refuses, and what then runs."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from simulator.cloud import Cloud
from simulator.fleet import INSTANCE_ID, Fleet
from tests.simulator.sdk import Ecs

pytestmark = pytest.mark.usefixtures("drill")
OTHER = "i-bp1bystander00000001"
SHELL = {"Type": "RunShellScript", "CommandContent": "true", "InstanceId": [INSTANCE_ID]}


def in_base64(text: str) -> str:
    """As ContentEncoding Base64 wants it."""
    return base64.b64encode(text.encode()).decode()


def test_a_command_is_written_down(cloud: Cloud, ecs: Ecs) -> None:
    """With everything that a test may want to know about it."""
    answer = ecs("RunCommand", **SHELL, Name="up", Tag=[{"Key": "a", "Value": "b"}], ClientToken="c")

    (command,) = cloud.ecs.assistant.commands
    assert (command.name, command.type, command.content) == ("up", "RunShellScript", "true")
    assert (command.parameters, command.timeout, command.tags) == ({}, 60, {"a": "b"})
    assert (command.client_token, command.instance_ids) == ("c", [INSTANCE_ID])
    assert (command.invoke_id, command.command_id) == (answer["InvokeId"], answer["CommandId"])


def test_a_hundred_instances_are_the_most(cloud: Cloud, ecs: Ecs) -> None:
    """One is the least; the 101st refuses the whole call."""
    group = cloud.ess.add_scaling_group()
    ids = cloud.ess.scale_out(group, 101).instance_ids

    assert ecs("RunCommand", **SHELL | {"InstanceId": ids[:100]})["InvokeId"]
    assert ecs.refused("RunCommand", **SHELL | {"InstanceId": ids}) == (403, "InstanceIds.ExceedLimit")
    assert ecs.refused("RunCommand", **SHELL | {"InstanceId": []}) == (400, "MissingParam.InstanceId")
    assert len(cloud.ecs.assistant.commands) == 1


@pytest.mark.parametrize("kind", ["RunShellScript", "RunPowerShellScript", "RunBatScript"])
def test_one_instance_that_cannot_run_it_refuses_the_call(cloud: Cloud, ecs: Ecs, drill: Fleet, kind: str) -> None:
    """Unknown, not running, or of the other operating system."""
    windows = kind != "RunShellScript"
    for instance in cloud.ecs.instances.values():
        instance.os_type = "windows" if windows else "linux"
    asked = {**SHELL, "Type": kind, "InstanceId": [INSTANCE_ID, OTHER]}

    assert ecs("RunCommand", **asked)["InvokeId"]
    drill.bystanders[0].os_type = "linux" if windows else "windows"
    assert ecs.refused("RunCommand", **asked) == (403, "InvalidInstance.NotMatch")
    drill.bystanders[0].os_type = drill.source.os_type
    drill.bystanders[0].status = "Stopped"
    assert ecs.refused("RunCommand", **asked) == (403, "InvalidInstance.NotMatch")
    missing = ecs.refused("RunCommand", **asked | {"InstanceId": [INSTANCE_ID, "i-unknown"]})
    assert missing == (404, "InvalidInstance.NotFound")
    elsewhere = ecs.refused("RunCommand", **asked, RegionId="cn-shanghai")
    assert elsewhere == (404, "InvalidInstance.NotFound")
    assert len(cloud.ecs.assistant.commands) == 1


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"Type": "RunPythonScript"}, (403, "InvalidCmdType.NotFound")),
        ({"Name": "n" * 129}, (403, "CmdName.ExceedLimit")),
        ({"Description": "d" * 513}, (403, "CmdDesc.ExceedLimit")),
        ({"Username": "u" * 256}, (403, "Username.ExceedLimit")),
        ({"WorkingDir": "/" * 201}, (400, "InvalidParameter.WorkingDir")),
        ({"TerminationMode": "Thread"}, (404, "InvalidTerminationMode.NotFound")),
        ({"RepeatMode": "Sometimes"}, (404, "InvalidRepeatMode.NotFound")),
        ({"RepeatMode": "Period"}, (400, "NotCovered")),
        ({"ResourceTag": [{"Key": "a"}]}, (400, "NotCovered")),
        ({"Timeout": 0}, (400, "InvalidParameter")),
        ({"ClientToken": "é"}, (400, "InvalidClientToken.Malformed")),
        ({"ClientToken": "c" * 65}, (400, "InvalidClientToken.Malformed")),
        ({"Tag": [{"Key": "acs:a"}]}, (400, "InvalidTagKey.Malformed")),
        ({"Tag": [{"Key": "k" * 65}]}, (400, "InvalidTagKey.Malformed")),
        ({"Tag": [{"Key": f"k{number}"} for number in range(21)]}, (400, "NumberExceed.Tags")),
        ({"CommandContent": ""}, (400, "MissingParameter")),
        ({"CommandContent": "=", "ContentEncoding": "Base64"}, (400, "InvalidCommandContent.DecodeError")),
        ({"RegionId": "cn-atlantis"}, (404, "InvalidRegionId.NotFound")),
    ],
)
def test_what_is_refused(cloud: Cloud, ecs: Ecs, changes: dict[str, Any], refusal: tuple[int, str]) -> None:
    """Each with the code of its own; nothing runs."""
    assert ecs.refused("RunCommand", **SHELL | changes) == refusal
    assert cloud.ecs.assistant.commands == []


@pytest.mark.parametrize(("keep", "largest"), [(False, 24 * 1024), (True, 18 * 1024)])
def test_content_has_a_size(cloud: Cloud, ecs: Ecs, keep: bool, largest: int) -> None:  # noqa: FBT001 - parameter
    """Counted in Base64, however it is sent; the parameters count too."""
    script = "x" * (largest // 4 * 3)
    for content, encoding in ((script, "PlainText"), (in_base64(script), "base64")):
        asked = {**SHELL, "KeepCommand": keep, "CommandContent": content, "ContentEncoding": encoding}
        assert ecs("RunCommand", **asked)
        assert cloud.ecs.assistant.commands[-1].content == script
    more = {**SHELL, "KeepCommand": keep, "CommandContent": script + "x"}
    assert ecs.refused("RunCommand", **more) == (403, "CmdContent.ExceedLimit")
    shorter = {
        **SHELL,
        "KeepCommand": keep,
        "EnableParameter": True,
        "CommandContent": script[: -len("{{a}}")] + "{{a}}",
    }
    refusal = ecs.refused("RunCommand", **shorter, Parameters={"a": ""})
    assert refusal == (403, "CmdContent.ExceedLimit")


@pytest.mark.parametrize("encoding", ["", "PlainText", "gzip"])
def test_base64_must_say_so(cloud: Cloud, ecs: Ecs, encoding: str) -> None:
    """Otherwise, also with an encoding that nobody knows, the Base64 itself is the script."""
    content = in_base64("echo hello")
    ecs("RunCommand", **SHELL | {"CommandContent": content}, ContentEncoding=encoding)

    assert cloud.ecs.assistant.commands[0].content == content


@pytest.mark.parametrize(
    ("content", "values", "expected"),
    [
        (
            "{{ name }} {{NAME}} {{\nother-1\n}}",
            {"Name": r"\1 $(id) 'x'", "other-1": ""},
            r"\1 $(id) 'x' \1 $(id) 'x' ",
        ),
        ("{{a}} {{ACS::InstanceId}}", {"a": "x"}, "x {{ACS::InstanceId}}"),
        ("{{a}} {{b}}", {"a": "{{b}}", "b": "x"}, "x x"),
        ("{{a}} {{b.c}}", {}, "{{a}} {{b.c}}"),
    ],
    ids=["case and space", "the agent's own", "in a value, which no document excludes", "without EnableParameter"],
)
def test_parameters_are_filled_in(cloud: Cloud, ecs: Ecs, content: str, values: dict[str, str], expected: str) -> None:
    """Names without regard to case and to space around them, values as they are."""
    enabled = {"EnableParameter": True, "Parameters": values} if values else {}
    ecs("RunCommand", **SHELL | {"CommandContent": content}, **enabled)

    (command,) = cloud.ecs.assistant.commands
    assert (command.content, command.parameters) == (expected, values)


def test_parameters_have_to_be_enabled(ecs: Ecs) -> None:
    """Values are refused where the content runs as it is."""
    assert ecs.refused("RunCommand", **SHELL, Parameters={"a": "x"}) == (400, "Parameter.Disabled")


@pytest.mark.parametrize(
    ("content", "values", "refusal"),
    [
        ("echo {{a}} {{b}}", {"a": "x"}, (400, "Parameter.MissingValue")),
        ("echo {{a}}", {"a": "x", "b": "y"}, (403, "Parameter.NotMatched")),
        ("echo {{a}}", {"a": "x", "A": "y"}, (403, "ParameterKey.Duplicate")),
        ("echo {{a}}", {"a": 1}, (403, "ParameterType.NotSupported")),
        ("echo {{a}}", {"": "x"}, (400, "InvalidParameter.Parameters")),
        ("echo {{a.b}}", {"a.b": "x"}, (400, "InvalidParameter")),
        ("echo {{ACS::Password}}", {}, (400, "InvalidParameter")),
        (f"echo {{{{{'a' * 65}}}}}", {"a" * 65: "x"}, (403, "ParameterKey.ExceedLimit")),
        (
            "".join(f"{{{{p{number}}}}}" for number in range(11)),
            {f"p{number}": "" for number in range(11)},
            (403, "ParameterCount.ExceedLimit"),
        ),
    ],
)
def test_parameters_that_do_not_fit(ecs: Ecs, content: str, values: dict[str, Any], refusal: tuple[int, str]) -> None:
    """Each placeholder needs a value and each value a placeholder; at most ten, with short names."""
    asked = {**SHELL, "CommandContent": content, "EnableParameter": True, "Parameters": values}

    assert ecs.refused("RunCommand", **asked) == refusal


def test_the_same_client_token_runs_once(cloud: Cloud, ecs: Ecs) -> None:
    """The same call gets the same InvokeId, also when it could not run any more; another call is refused."""
    asked = {**SHELL, "ClientToken": "c"}
    first = ecs("RunCommand", **asked)
    cloud.ecs.instances[INSTANCE_ID].status = "Stopped"
    again = ecs("RunCommand", **asked)

    assert again["InvokeId"] == first["InvokeId"]
    other = ecs.refused("RunCommand", **asked | {"CommandContent": "false"})
    assert other == (403, "IdempotentParameterMismatch")
    assert len(cloud.ecs.assistant.commands) == 1
    json.dumps(cloud.state())
