"""Running checks by Cloud Assistant and reading how they ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from checking import evidence
from checking.context import Context
from checking.progress import Batch, Progress, Result, Run
from spotkeeper.clients import items
from spotkeeper.errors import CloudError
from spotkeeper.instances import Described
from spotkeeper.polling import GROWTH
from spotkeeper.retry import RetryPolicy

RUN = RetryPolicy(conflicts=frozenset({"IdempotentProcessing", "IdempotenceProcessing"}))
UNFIT = frozenset({"InvalidInstance.NotFound", "InvalidInstance.NotMatch"})
"""An instance does not exist, does not run, or has another operating system (RunCommand)."""
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0
SHOWN_OF_A_PASS = 200
"""Characters of the output of a check that passed; of one that failed there are more."""
SUCCESS = "Success"
NEVER_EXECUTED = "Aborted"
NONZERO = "ExitCodeNonzero"
MEANINGS = {
    "Failed": "it ended with exit code {exit_code}",
    "Timeout": "it ran longer than its {timeout} s",
    "Error": "Cloud Assistant could not run it",
    "Invalid": "it does not fit the instance",
    "Aborted": "it was not delivered",
    "Cancelled": "somebody cancelled it",
    "Terminated": "somebody stopped it",
}
"""The final ``InvocationStatus`` of one instance (DescribeInvocationResults) other than Success, in words."""


def start_due(run: Context, progress: Progress) -> Progress:
    """Start every command that is due; its ClientToken makes a repeated call the same one. Raises ``CloudError``."""
    for batch in progress.batches(run.clock.now()):
        progress = _begun(run, progress, batch)
    return progress


def _begun(run: Context, progress: Progress, batch: Batch) -> Progress:
    try:
        return progress.replace(runs=(*progress.runs, _run(run, progress, batch)))
    except CloudError as error:
        if error.code not in UNFIT:
            raise
        refusal = error
    if len(batch.instance_ids) == 1:
        return _refused(run, progress, batch, refusal)
    for one in batch.instance_ids:  # the call refuses all for the sake of one
        progress = _begun(run, progress, replace(batch, instance_ids=(one,)))
    return progress


def _refused(run: Context, progress: Progress, batch: Batch, refusal: CloudError) -> Progress:
    """The instance has stopped or gone since it was seen, or Describe lags behind: it is looked at again."""
    check = progress.chosen[batch.stage].check.name
    result = Result(
        batch.instance_ids[0],
        check,
        batch.attempt,
        passed=False,
        again=True,
        reason=f"{check}: RunCommand refuses it ({refusal.code})",
        due_at=_due_at(run, batch.attempt),
    )
    return progress.with_results(batch.stage, [result])


def _due_at(run: Context, attempt: int) -> float:
    """When what was never executed is tried again: pauses that grow to a minute."""
    return run.clock.now() + min(LONGEST_PAUSE, FIRST_PAUSE * GROWTH ** min(attempt, 20))


def _run(run: Context, progress: Progress, batch: Batch) -> Run:
    chosen = progress.chosen[batch.stage]
    parameters: dict[str, Any] = {
        "Name": f"spotkeeper-{chosen.check.name}",
        "Description": chosen.check.description[:512],
        "Type": batch.script.type,
        "CommandContent": batch.script.encoded,
        "ContentEncoding": "Base64",
        "Timeout": chosen.check.timeout,
        "TerminationMode": "ProcessTree",
        "InstanceId": list(batch.instance_ids),
    }
    if chosen.values:
        parameters |= {"EnableParameter": True, "Parameters": dict(chosen.values)}
    # Of everything that is sent: the same token with another script would be refused for ever.
    token = run.token("run", str(batch.stage), str(batch.attempt), json.dumps(parameters, sort_keys=True))
    parameters["ClientToken"] = token
    about = f"{chosen.check.name} on {len(batch.instance_ids)} instances"
    answer = run.ecs.call("RunCommand", about, parameters, retry=RUN)
    return Run(batch.stage, batch.attempt, str(answer["InvokeId"]), batch.instance_ids, run.clock.now())


def poll(run: Context, progress: Progress) -> Progress:
    """Ask how the commands have ended that have not. Raises ``CloudError``."""
    for one in progress.outstanding():
        progress = progress.with_results(one.stage, list(_results(run, progress, one)))
    return progress


def _results(run: Context, progress: Progress, command: Run) -> Iterator[Result]:
    pages = run.ecs.pages("DescribeInvocationResults", command.invoke_id, {"InvokeId": command.invoke_id})
    for told in (one for page in pages for one in items(page, "Invocation", "InvocationResults", "InvocationResult")):
        # A status that nobody knows is waited for, like those that are under way, until the command is silent.
        if told.get("InstanceId") in command.instance_ids and told.get("InvocationStatus") in (SUCCESS, *MEANINGS):
            yield _result(run, progress, command, told)


def _result(run: Context, progress: Progress, command: Run, told: Described) -> Result:
    check = progress.chosen[command.stage].check
    status, code = str(told.get("InvocationStatus")), str(told.get("ErrorCode") or "")
    exit_code = _number(told.get("ExitCode"))
    # Failed has other reasons than the exit code, which is then 0 or missing.
    exited = status == SUCCESS or (status == "Failed" and code == NONZERO)
    passed = exited and (0 if exit_code is None else exit_code) in check.exit_codes
    meaning = MEANINGS.get(status, MEANINGS["Failed"]).format(exit_code=exit_code, timeout=check.timeout)
    output = evidence.tail_of(told.get("Output"), run.secrets, *([SHOWN_OF_A_PASS] if passed else []))
    return Result(
        instance_id=str(told["InstanceId"]),
        check=check.name,
        attempt=command.attempt,
        passed=passed,
        again=status == NEVER_EXECUTED,
        due_at=_due_at(run, command.attempt),
        reason=f"{check.name} passed" if passed else f"{check.name}: {meaning}{f' ({code})' if code else ''}",
        evidence={
            "invoke_id": command.invoke_id,
            "invocation_status": status,
            "exit_code": exit_code,
            "error_code": code,
            "output": output,
        },
    )


def _number(value: object) -> int | None:
    text = str(value).strip()
    return int(text) if text.lstrip("-").isdecimal() else None


def give_up(progress: Progress, now: float) -> Progress:
    """Commands that Cloud Assistant is silent about have failed."""
    for one in progress.silent(now):
        check = progress.chosen[one.stage].check.name
        reason = f"{check}: Cloud Assistant has not said how it ended"
        lost = [
            Result(instance_id, check, one.attempt, passed=False, again=False, reason=reason)
            for instance_id in one.instance_ids
        ]
        progress = progress.with_results(one.stage, lost)
    return progress
