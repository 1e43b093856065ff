"""Cloud Assistant: RunCommand, and how its results are described."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from simulator.actions import Answer, Parameters, action, invalid, missing, uncovered
from simulator.ecs.assistant import Assistant, Command, legacy
from simulator.ecs.command_content import check_size, decoded, filled, given_parameters
from simulator.ecs.invocations import invocation, result
from simulator.ecs.model import Instance, Tags, utc
from simulator.ecs.paging import either, numbered
from simulator.ecs.store import tagged
from simulator.ecs.tags import TagActions
from simulator.error_catalogue import refusal

Item = TypeVar("Item")
TYPES = {"RunShellScript": "linux", "RunPowerShellScript": "windows", "RunBatScript": "windows"}
"""Command type -> operating system that has it."""
MOST_INSTANCES = 100
_REPEAT_MODES = ("Once", "Period", "NextRebootOnly", "EveryReboot", "DryRun")
_COVERED = {
    *("RegionId", "Type", "CommandContent", "ContentEncoding", "InstanceId", "Name", "Description", "Timeout"),
    *("EnableParameter", "Parameters", "KeepCommand", "WorkingDir", "Username", "RepeatMode", "TerminationMode"),
    *("Tag", "ClientToken", "Timed"),
}


class CloudAssistant(TagActions):
    """Commands on instances."""

    assistant: Assistant

    @action("RunCommand")
    def run_command(self, p: Parameters) -> Answer:
        """Run a script on 1 to 100 instances; an instance that cannot run it refuses the whole call."""
        token = str(p.get("ClientToken", ""))
        if len(token) > 64 or not token.isascii():
            raise refusal("InvalidClientToken.Malformed")
        if before := self.tokens.recall("RunCommand", p, refusal("IdempotentParameterMismatch")):
            return before
        _check_plain(p)
        command = self._command(p, token)
        self._check_instances(p, command)
        self.assistant.begin(command)
        answer = {"CommandId": command.command_id, "InvokeId": command.invoke_id}
        return self.tokens.remember("RunCommand", p, answer)

    def _command(self, p: Parameters, token: str) -> Command:
        template, given = decoded(p), given_parameters(p)
        check_size(p, template)
        tags = self.checked_tags(p)
        if any(len(key) > 64 for key in tags):
            raise refusal("InvalidTagKey.Malformed")
        return Command(
            invoke_id=self.cloud.new_id("t"),
            command_id=self.cloud.new_id("c"),
            name=str(p.get("Name", "")),
            type=p["Type"],
            content=filled(template, given) if p.bool("EnableParameter") else template,
            template=template,
            parameters=given,
            timeout=p.int("Timeout", 60),
            tags=tags,
            client_token=token,
            instance_ids=list(dict.fromkeys(p.list("InstanceId"))),
            region=self.known_region(p),
            created_at=self.now(),
            description=str(p.get("Description", "")),
            username=str(p.get("Username", "")),
            working_dir=str(p.get("WorkingDir", "")),
            termination_mode=str(p.get("TerminationMode", "")),
        )

    def _check_instances(self, p: Parameters, command: Command) -> None:
        """All of them exist, run, and have the command's operating system.

        One code for the last two is documented: its description speaks of the status, its message of the type.
        """
        if not command.instance_ids:
            raise refusal("MissingParam.InstanceId")
        for instance in self._named(p, command.instance_ids):
            if instance.status != "Running" or instance.os_type != TYPES[command.type]:
                raise refusal("InvalidInstance.NotMatch")

    def _named(self, p: Parameters, ids: list[str]) -> list[Instance]:
        if len(ids) > MOST_INSTANCES:
            raise refusal("InstanceIds.ExceedLimit")
        found = {instance.instance_id: instance for instance in self.visible(p, self.instances.values())}
        if not all(instance_id in found for instance_id in ids):
            raise refusal("InvalidInstance.NotFound")
        return [found[instance_id] for instance_id in ids]

    @action("DescribeInvocationResults")
    def describe_invocation_results(self, p: Parameters) -> Answer:
        """One row for each instance of each command, the latest command first; filters are optional, all of them."""
        p.covers("InvokeId", "CommandId", "InstanceId", "InvokeRecordStatus", "Tag", "ContentEncoding")
        if p.bool("IncludeHistory"):
            raise uncovered("IncludeHistory of DescribeInvocationResults")
        status = p.get("InvokeRecordStatus")
        found = [
            (command, run)
            for command in self._commands(p)
            for run in command.runs
            if p.get("InstanceId", run.instance_id) == run.instance_id and status in (None, legacy(run.status))
        ]
        page, about = _page(p, found)
        rows = [result(command, run, p) for command, run in page]
        return {"Invocation": {**about, "InvocationResults": {"InvocationResult": rows}}}

    @action("DescribeInvocations")
    def describe_invocations(self, p: Parameters) -> Answer:
        """One row for each command, the latest first, with its instances; their output only with IncludeOutput."""
        p.covers("InvokeId", "CommandId", "CommandName", "CommandType", "RepeatMode", "Timed", "Tag", "ContentEncoding")
        instance_id, status = p.get("InstanceId"), p.get("InvokeStatus")
        if p.bool("IncludeOutput") and instance_id is None and "InvokeId" not in p:
            raise missing("InvokeId")
        rows = [invocation(command, instance_id, p) for command in self._commands(p)]
        found = [
            row
            for row in rows
            if row["InvokeInstances"]["InvokeInstance"]
            and status in (None, row["InvocationStatus"], row["InvokeStatus"])
            and p.get("CommandName", row["CommandName"]) == row["CommandName"]
            and p.get("CommandType", row["CommandType"]) == row["CommandType"]
            and p.get("RepeatMode", "Once") == "Once"
            and not p.bool("Timed")
        ]
        page, about = _page(p, found)
        return {**about, "Invocations": {"Invocation": list(page)}}

    def _commands(self, p: Parameters) -> list[Command]:
        region, tags = self.known_region(p), p.list("Tag")
        return [
            command
            for command in reversed(self.assistant.commands)
            if command.region == region
            and p.get("InvokeId", command.invoke_id) == command.invoke_id
            and p.get("CommandId", command.command_id) == command.command_id
            and tagged(Tags([(0.0, key, value) for key, value in command.tags.items()]), tags, self.now())
        ]

    @action("DescribeCloudAssistantStatus")
    def describe_cloud_assistant_status(self, p: Parameters) -> Answer:
        """Whether agents are there, as text.

        Documented: with InstanceId, MaxResults "does not take effect". Whether all instances come in one page then is
        not: they come in those of PageNumber and PageSize (10 by default), and NextToken means nothing either.
        """
        p.covers("MaxResults", "NextToken")
        ids = list(map(str, p.list("InstanceId")))
        system = str(p.get("OSType", "")).casefold()
        named = self._named(p, ids) if ids else self.visible(p, self.instances.values())
        found = [instance for instance in named if system in ("", instance.os_type)]
        page, about = _by_number(p, found) if ids else _page(p, found)
        statuses = [self._status(instance) for instance in page]
        return {**about, "InstanceCloudAssistantStatusSet": {"InstanceCloudAssistantStatus": statuses}}

    def _status(self, instance: Instance) -> Answer:
        wanted = instance.instance_id
        online, heard = self.assistant.online(instance), self.assistant.heard_at(instance)
        runs = [run for command in self.assistant.commands for run in command.runs if run.instance_id == wanted]
        shown = {
            "InstanceId": instance.instance_id,
            "OSType": instance.os_type.capitalize(),
            "CloudAssistantStatus": str(online).lower(),
            "CloudAssistantVersion": "2.2.3.857" if heard is not None and heard <= self.now() else "",
            "InvocationCount": len([run for run in runs if run.started_at is not None]),
            "ActiveTaskCount": len([run for run in runs if run.status == "Running"]),
            "LastInvokedTime": utc(max((run.started_at or 0.0 for run in runs), default=0.0) or None),
            "SupportSessionManager": online,
        }
        return {**shown, "LastHeartbeatTime": utc(self.now())} if online else shown


def _check_plain(p: Parameters) -> None:
    """Everything that needs no look at content and instances."""
    p.covers(*_COVERED)
    if set(p) - _COVERED:
        raise uncovered(f"parameter {', '.join(sorted(set(p) - _COVERED))} of RunCommand")
    if p["Type"] not in TYPES:
        raise refusal("InvalidCmdType.NotFound")
    for name, longest, code in _LENGTHS:
        if len(p.get(name, "")) > longest:
            raise refusal(code)
    if p.get("RepeatMode", "Once") not in _REPEAT_MODES:
        raise refusal("InvalidRepeatMode.NotFound")
    if p.get("RepeatMode", "Once") != "Once":
        raise uncovered(f"RepeatMode {p['RepeatMode']} of RunCommand")
    if p.get("TerminationMode", "Process") not in ("Process", "ProcessTree"):
        raise refusal("InvalidTerminationMode.NotFound")
    if p.int("Timeout", 60) < 1:
        raise invalid("Timeout", "it must be positive")


_LENGTHS = (
    ("Name", 128, "CmdName.ExceedLimit"),
    ("Description", 512, "CmdDesc.ExceedLimit"),
    ("Username", 255, "Username.ExceedLimit"),
    ("WorkingDir", 200, "InvalidParameter.WorkingDir"),
)


def _by_number(p: Parameters, items: Sequence[Item]) -> tuple[Sequence[Item], Answer]:
    page, about = numbered(p, items, largest=50)
    return page, {**about, "NextToken": ""}


def _page(p: Parameters, items: Sequence[Item]) -> tuple[Sequence[Item], Answer]:
    """MaxResults and PageSize are 10 by default and 50 at most."""
    return either(p, items, largest=50) if "MaxResults" in p or "NextToken" in p else _by_number(p, items)
