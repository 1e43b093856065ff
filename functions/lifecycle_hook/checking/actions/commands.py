"""Checks as commands of Cloud Assistant: started, read, and given up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

from checking import evidence
from checking.assignment import Chosen
from checking.context import Context
from checking.progress import Batch, Progress, Result, Run
from checking.refusals import together_or_alone
from checking.state import State
from checking.steps import Decision
from spotkeeper.errors import CloudError
from spotkeeper.instances import Described
from spotkeeper.polling import GROWTH
from spotkeeper.retry import RetryPolicy

RUN = RetryPolicy(conflicts=frozenset({"IdempotentProcessing", "IdempotenceProcessing"}))
MOST_ATTEMPTS = 5
"""An instance that RunCommand refuses has failed after so many attempts, in about a minute: it may just have stopped,
or Describe may lag behind. Not all codes are documented; some may pass."""
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0
SHOWN_OF_A_PASS = 200
"""Characters of the output of a passed check; a failed check shows more."""
RESULTS = ("Invocation", "InvocationResults", "InvocationResult")
SUCCESS = "Success"
NEVER_EXECUTED = "Aborted"
NONZERO = "ExitCodeNonzero"
MEANINGS = {
    "Failed": "it ended with exit code {exit_code}",
    "Timeout": "it ran longer than its {timeout} s",
    "Error": "Cloud Assistant could not run it",
    "Invalid": "it does not fit the instance",
    "Aborted": "it was not delivered",
    "Cancelled": "it was cancelled",
    "Terminated": "it was stopped",
}
"""The final ``InvocationStatus`` of an instance (DescribeInvocationResults) other than Success, in words."""


def start(run: Context, state: State, _: Decision) -> State:
    """Start the commands that are due."""
    return state.replace(progress=start_due(run, state.progress), pause=0.0)


def give_up(run: Context, state: State, decision: Decision) -> State:
    """Overdue commands have failed; without those, instances that no command can reach."""
    progress = state.progress.without_silent(run.clock.now())
    return state.replace(progress=progress.without_waiting(decision.reason) if progress == state.progress else progress)


def start_due(run: Context, progress: Progress) -> Progress:
    """Start every command that is due; its ClientToken makes repetitions harmless. Raises ``CloudError``."""
    for batch in progress.batches(run.clock.now()):
        begin = partial(_run, run, progress.chosen[batch.stage], batch)
        runs, refused = together_or_alone(begin, batch.instance_ids, RUN)
        results = [_refused(run, progress, batch, name, error) for name, error in refused.items()]
        progress = progress.replace(runs=(*progress.runs, *runs)).with_results(batch.stage, results)
    return progress


def _refused(run: Context, progress: Progress, batch: Batch, instance_id: str, refusal: CloudError) -> Result:
    """The instance is looked at again before the next attempt."""
    check = progress.chosen[batch.stage].check.name
    reason, due_at = f"{check}: RunCommand was refused ({refusal.code})", _due_at(run, batch.attempt)
    return Result(instance_id, check, batch.attempt, again=batch.attempt < MOST_ATTEMPTS, reason=reason, due_at=due_at)


def _due_at(run: Context, attempt: int) -> float:
    """The next try of a command that was not executed: pauses grow to a minute."""
    return run.clock.now() + min(LONGEST_PAUSE, FIRST_PAUSE * GROWTH ** min(attempt, 20))


def _run(run: Context, chosen: Chosen, batch: Batch, instance_ids: Sequence[str]) -> Run:
    parameters: dict[str, Any] = {
        "Name": f"spotkeeper-{chosen.check.name}",
        "Description": chosen.check.description[:512],
        "Type": batch.script.type,
        "CommandContent": batch.script.encoded,
        "ContentEncoding": "Base64",
        "Timeout": chosen.check.timeout,
        "TerminationMode": "ProcessTree",
        "InstanceId": list(instance_ids),
    }
    if chosen.values:
        parameters |= {"EnableParameter": True, "Parameters": dict(chosen.values)}
    # Derived from all parameters: the API refuses the same token with another script for ever.
    token = run.token("run", str(batch.stage), str(batch.attempt), json.dumps(parameters, sort_keys=True))
    parameters["ClientToken"] = token
    about = f"{chosen.check.name} on {len(instance_ids)} instances"
    answer = run.ecs.call("RunCommand", about, parameters, retry=RUN)
    return Run(batch.stage, batch.attempt, str(answer["InvokeId"]), tuple(instance_ids), run.clock.now())


def poll(run: Context, progress: Progress) -> Progress:
    """Read the missing results. Raises ``CloudError``."""
    for command in progress.outstanding():
        of_command = {"InvokeId": command.invoke_id}
        shown = run.ecs.listed("DescribeInvocationResults", command.invoke_id, of_command, *RESULTS)
        asked = (answer for answer in shown if answer.get("InstanceId") in command.instance_ids)
        # An unknown status counts as a running command, until its result is overdue.
        ended = (answer for answer in asked if answer.get("InvocationStatus") in (SUCCESS, *MEANINGS))
        results = [_result(run, progress, command, answer) for answer in ended]
        progress = progress.with_results(command.stage, results)
    return progress


def _result(run: Context, progress: Progress, command: Run, answer: Described) -> Result:
    check = progress.chosen[command.stage].check
    status, code = str(answer.get("InvocationStatus")), str(answer.get("ErrorCode") or "")
    shown = str(answer.get("ExitCode")).strip()
    exit_code = int(shown) if shown.lstrip("-").isdecimal() else None
    # A command can be Failed for other reasons than its exit code, which is then 0 or missing.
    exited = status == SUCCESS or (status == "Failed" and code == NONZERO)
    passed = exited and (0 if exit_code is None else exit_code) in check.exit_codes
    meaning = MEANINGS.get(status, MEANINGS["Failed"]).format(exit_code=exit_code, timeout=check.timeout)
    output = evidence.tail_of(answer.get("Output"), run.secrets, *([SHOWN_OF_A_PASS] if passed else []))
    return Result(
        instance_id=str(answer["InstanceId"]),
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
