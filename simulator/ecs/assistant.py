"""Cloud Assistant without any wire format: agents, commands, and the course of a command on each instance.

A command is delivered when the agent of a running instance is there within a minute; then it runs for as long as its
outcome says, or to its timeout. A stop or release of the instance is noticed when the run would have ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.ecs.model import Instance
from simulator.ecs.store import EcsStore

DELIVERY = 60.0
"""Seconds within which a command must have reached the agent."""
KEPT = 24 * 1024
HEAD = 6000
NEVER_RAN = ("Aborted", "Invalid", "Cancelled")
ENDED = (*NEVER_RAN, "Success", "Failed", "Error", "Timeout", "Terminated")

ERRORS = {
    "InstanceNotExists": "the specified instance does not exists",
    "InstanceReleased": "the instance has released when create task",
    "InstanceNotRunning": "the instance is not running when create task",
    "CommandNotApplicable": "the command is not applicable",
    "ClientNotRunning": "the aliyun service is not running on the instance",
    "ClientNotResponse": "the aliyun service in the instance does not response",
    "DeliveryTimeout": "the command delivery has been timeout",
    "ExecutionTimeout": "the command execution has been timeout",
    "ExecutionException": "the command execution got an exception",
    "ExecutionInterrupted": "the command execution has been interrupted",
    "ExitCodeNonzero": "the command execution exit code is not zero",
}
"""ErrorCode -> ErrorInfo, as documented for DescribeInvocationResults."""
_USUAL_ERROR = {
    "Aborted": "DeliveryTimeout",
    "Invalid": "CommandNotApplicable",
    "Failed": "ExitCodeNonzero",
    "Timeout": "ExecutionTimeout",
    "Error": "ExecutionException",
}


@dataclass(frozen=True)
class Outcome:
    """The outcome of a command on an instance: after ``seconds`` it exits with ``exit_code`` and ``output``.

    ``status`` forces a terminal status of the instance in place of the usual status; Aborted, Invalid and Cancelled
    mean that nothing ran. ``error_code`` and ``error_info`` replace those that the status usually has.
    """

    exit_code: int = 0
    output: bytes = b""
    seconds: float = 2.0
    status: str | None = None
    error_code: str = ""
    error_info: str = ""


@dataclass(eq=False)
class Run:
    """A command on one instance; ``status`` as InvocationStatus names it."""

    instance_id: str
    status: str = "Pending"
    started_at: float | None = None
    ended_at: float | None = None
    exit_code: int = 0
    output: bytes = b""
    dropped: int = 0
    error_code: str = ""
    error_info: str = ""


@dataclass(eq=False)
class Command:
    """An accepted RunCommand. ``content``: the script, decoded, with parameters in place; ``timeout`` in seconds."""

    invoke_id: str
    command_id: str
    name: str
    type: str
    content: str
    template: str
    """The content as it was sent, decoded."""
    parameters: dict[str, str]
    timeout: int
    tags: dict[str, str]
    client_token: str
    instance_ids: list[str]
    region: str
    created_at: float
    description: str = ""
    username: str = ""
    working_dir: str = ""
    termination_mode: str = ""
    runs: list[Run] = field(default_factory=list)


class Assistant:
    """The agents and the commands of one cloud; times are virtual seconds.

    * ``agent_at``: when an instance's agent is first heard of (since 1970; None: never). Not in it: since it runs.
    * ``script``: the outcome of a command on an instance; called once for each delivery to an instance.
    * ``commands``: every accepted RunCommand, in order.
    * ``delivery_seconds``: how long a command stays Pending although the agent is there.
    """

    def __init__(self, ecs: EcsStore) -> None:
        self._ecs = ecs
        self.agent_at: dict[str, float | None] = {}
        self.script: Callable[[Command, str], Outcome] = lambda _command, _instance_id: Outcome()
        self.commands: list[Command] = []
        self.delivery_seconds = 0.5

    def heard_at(self, instance: Instance) -> float | None:
        """When the agent of an instance is first heard of."""
        return self.agent_at.get(instance.instance_id, instance.started_at)

    def online(self, instance: Instance) -> bool:
        """Whether the agent of an instance is there."""
        heard = self.heard_at(instance)
        return instance.status == "Running" and heard is not None and heard <= self._ecs.now()

    def begin(self, command: Command) -> None:
        """Begin an accepted command on each of its instances."""
        self.commands.append(command)
        for instance_id in command.instance_ids:
            run = Run(instance_id)
            command.runs.append(run)
            self._send(command, run, self.heard_at(self._ecs.instance(instance_id)))

    def _send(self, command: Command, run: Run, heard: float | None) -> None:
        last = command.created_at + DELIVERY
        if heard is None:
            self._ecs.scheduler.at(last, self._end, run, Outcome(status="Aborted", error_code="ClientNotRunning"))
        elif heard > last:
            self._ecs.scheduler.at(last, self._end, run, Outcome(status="Aborted"))
        else:
            moment = max(heard, command.created_at + self.delivery_seconds)
            self._ecs.scheduler.at(moment, self._deliver, command, run)

    def _deliver(self, moment: float, command: Command, run: Run) -> None:
        instance = self._ecs.instances.get(run.instance_id)
        if instance is None:
            self._end(moment, run, Outcome(status="Aborted", error_code="InstanceNotExists"))
        elif instance.status != "Running":
            self._end(moment, run, Outcome(status="Aborted", error_code="InstanceNotRunning"))
        else:
            self._run(moment, command, run, instance)

    def _run(self, moment: float, command: Command, run: Run, instance: Instance) -> None:
        outcome = self.script(command, run.instance_id)
        if outcome.status in NEVER_RAN:
            self._ecs.scheduler.at(moment + outcome.seconds, self._end, run, outcome)
            return
        run.status, run.started_at = "Running", moment
        ends = moment + min(outcome.seconds, command.timeout)
        self._ecs.scheduler.at(ends, self._stop, command, run, outcome, instance.started_at)

    def _stop(self, moment: float, command: Command, run: Run, outcome: Outcome, booted_at: float) -> None:
        """The process is over, or should be: an instance that went away or rebooted took it along."""
        instance = self._ecs.instances.get(run.instance_id)
        if instance is None:
            outcome = Outcome(status="Error", error_code="InstanceReleased")
        elif instance.status != "Running" or instance.started_at != booted_at:
            outcome = Outcome(status="Error", error_code="ExecutionInterrupted")
        elif outcome.status is None and outcome.seconds > command.timeout:
            outcome = Outcome(status="Timeout", output=outcome.output)
        self._end(moment, run, outcome)

    @staticmethod
    def _end(moment: float, run: Run, outcome: Outcome) -> None:
        run.status = outcome.status or ("Failed" if outcome.exit_code else "Success")
        run.ended_at, run.exit_code = moment, outcome.exit_code
        run.output, run.dropped = truncated(outcome.output)
        run.error_code = outcome.error_code or _USUAL_ERROR.get(run.status, "")
        run.error_info = outcome.error_info or ERRORS.get(run.error_code, "")


def truncated(output: bytes) -> tuple[bytes, int]:
    """The part of an output that is kept, and how many bytes are dropped.

    The limit is documented, which part is dropped is not: the published agent (aliyun_assist_client) keeps the
    beginning, 6,000 bytes, and the end. The cut may break a character.
    """
    if len(output) <= KEPT:
        return output, 0
    return output[:HEAD] + output[HEAD - KEPT :], len(output) - KEPT


def legacy(status: str) -> str:
    """InvokeRecordStatus and InstanceInvokeStatus: their vocabulary takes a bad exit code for a finished command."""
    if status in ("Success", "Failed"):
        return "Finished"
    if status in ("Cancelled", "Terminated"):
        return "Stopped"
    return "Failed" if status in ENDED else "Running"


def overall(statuses: list[str]) -> str:
    """InvocationStatus of a whole invocation, by the rules of DescribeInvocations."""
    for under_way in ("Pending", "Running"):
        if under_way in statuses:
            return under_way
    stopped = [status for status in statuses if status in ("Cancelled", "Terminated")]
    if len(stopped) == len(statuses):
        return "Stopped"
    succeeded = "Success" in statuses
    if succeeded and len(stopped) + statuses.count("Success") == len(statuses):
        return "Success"
    return "PartialFailed" if succeeded else "Failed"
