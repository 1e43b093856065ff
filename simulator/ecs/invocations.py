"""Commands and their runs as DescribeInvocations and DescribeInvocationResults show them.

The fields of the older vocabulary (InvokeStatus, InvokeRecordStatus, InstanceInvokeStatus) are included: "we recommend
that you ignore" them. ExitCode of a run without an exit code is 0: not documented, and misleading for a reader that
looks at it alone.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from simulator.actions import Parameters
from simulator.ecs.assistant import ENDED, Command, Run, legacy, overall
from simulator.ecs.model import utc

Row = dict[str, Any]


def result(command: Command, run: Run, p: Parameters) -> Row:
    """One element of DescribeInvocationResults; the output is Base64 unless ContentEncoding is PlainText."""
    return {
        "InvokeId": command.invoke_id,
        "CommandId": command.command_id,
        "InvocationStatus": run.status,
        "InvokeRecordStatus": legacy(run.status),
        "FinishedTime": utc(run.ended_at),
        "Username": command.username,
        "TerminationMode": command.termination_mode,
        **_run(run),
        "Output": _text(run.output, p),
        **_tags(command),
    }


def invocation(command: Command, instance_id: str | None, p: Parameters) -> Row:
    """One element of DescribeInvocations, with all its instances or with a single instance."""
    status = overall([run.status for run in command.runs])
    runs = [run for run in command.runs if instance_id in (None, run.instance_id)]
    instances = [_instance(command, run, p) for run in runs]
    return {
        "InvokeId": command.invoke_id,
        "CommandId": command.command_id,
        "CommandName": command.name,
        "CommandType": command.type,
        "CommandDescription": command.description,
        "CommandContent": _text(command.template.encode(), p),
        "Parameters": json.dumps(command.parameters),
        "CreationTime": utc(command.created_at),
        "InvocationStatus": status,
        "InvokeStatus": _legacy_overall(command),
        "RepeatMode": "Once",
        "Frequency": "",
        "Timed": False,
        "Timeout": command.timeout,
        "Username": command.username,
        "WorkingDir": command.working_dir,
        "TerminationMode": command.termination_mode,
        "InvokeInstances": {"InvokeInstance": instances},
        **_tags(command),
    }


def _instance(command: Command, run: Run, p: Parameters) -> Row:
    shown = {
        "InvocationStatus": run.status,
        "InstanceInvokeStatus": legacy(run.status),
        "CreationTime": utc(command.created_at),
        "UpdateTime": utc(run.ended_at or run.started_at or command.created_at),
        "FinishTime": utc(run.ended_at),
        "Timed": False,
        **_run(run),
    }
    return {**shown, "Output": _text(run.output, p)} if p.bool("IncludeOutput") else shown


def _run(run: Run) -> Row:
    """The fields that both have."""
    return {
        "InstanceId": run.instance_id,
        "StartTime": utc(run.started_at),
        "StopTime": "",
        "Repeats": 0 if run.started_at is None else 1,
        "ExitCode": run.exit_code,
        "Dropped": run.dropped,
        "ErrorCode": run.error_code,
        "ErrorInfo": run.error_info,
    }


def _text(content: bytes, p: Parameters) -> str:
    """Base64, or with PlainText the text; bytes that are no UTF-8 are replaced there."""
    if p.get("ContentEncoding") == "PlainText":
        return content.decode("utf-8", "replace")
    return base64.b64encode(content).decode()


def _legacy_overall(command: Command) -> str:
    """InvokeStatus: running as long as anything is, failed if everything did."""
    statuses = {legacy(run.status) for run in command.runs}
    if any(run.status not in ENDED for run in command.runs):
        return "Running"
    if len(statuses) == 1:
        return statuses.pop()
    return "PartialFailed" if "Failed" in statuses else "Finished"


def _tags(command: Command) -> Row:
    if not command.tags:
        return {}
    return {"Tags": {"Tag": [{"TagKey": key, "TagValue": value} for key, value in command.tags.items()]}}
