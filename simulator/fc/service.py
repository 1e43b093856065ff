"""The functions that exist, and the queue of their asynchronous invocations.

A request only queues. Who plays the world decides when the queue runs: ``run_due`` or ``run_pending``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simulator.error_catalogue import refusal
from simulator.fc import invocation
from simulator.fc.invocation import AsyncInvocation
from simulator.wire import Killed, Request, Response

if TYPE_CHECKING:
    from simulator.cloud import Cloud

RUNS = 4
""""Configure a retry mechanism": after an error of the function up to 3 retries by default."""
FIRST_PAUSE = 60.0
"""Seconds before the first retry, doubled for each further one.

Undocumented for errors of the function (half a second, doubled, is documented for a concurrency limit alone). A minute
makes all retries last longer than the notice of a reclaim, so that nothing comes to rely on them.
"""

Run = Callable[[bytes], object]


@dataclass(frozen=True)
class Function:
    """What ``name`` runs, at most ``attempts`` times for one invocation."""

    run: Run
    attempts: int


class Fc:
    """Function Compute of one region; tasks are enabled for every function (``asyncTask: true``)."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.functions: dict[str, Function] = {}
        self.pending: list[AsyncInvocation] = []
        self.finished: list[AsyncInvocation] = []
        # "Globally unique" ("Task deduplication"), hence not one set for each function.
        self._task_ids: set[str] = set()

    def register(self, name: str, run: Run, attempts: int = RUNS) -> None:
        """Let function ``name`` be ``run``, which is called with the payload and fails by raising."""
        self.functions[name] = Function(run, attempts)

    def respond(self, request: Request, request_id: str) -> Response:
        """Queue an invocation: 202 with its ids.

        Raises ApiError.
        """
        one = invocation.read(request, request_id, self.cloud.now())
        if one.function not in self.functions:
            raise refusal("FunctionNotFound")
        if one.task_id in self._task_ids:
            raise refusal("StatefulAsyncInvocationAlreadyExists")
        self._task_ids.add(one.task_id)
        self.pending.append(one)
        return Response(202, headers={"x-fc-request-id": request_id, invocation.TASK_ID: one.task_id})

    def run_due(self) -> None:
        """Run what is due by now, the longest due first, in this thread; the clock moves only as far as the runs do."""
        while one := self._take():
            self._run(one)

    def run_pending(self) -> None:
        """Run until nothing is left; the clock jumps over the pauses before retries."""
        while self.pending:
            first = min(one.due for one in self.pending)
            self.cloud.clock.advance(max(0.0, first - self.cloud.now()))
            self.run_due()

    def state(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {
            "functions": sorted(self.functions),
            "pending": [one.shown() for one in self.pending],
            "finished": [one.shown() for one in self.finished],
        }

    def _take(self) -> AsyncInvocation | None:
        with self.cloud.lock:
            due = [one for one in self.pending if one.due <= self.cloud.now()]
            if not due:
                return None
            first = min(due, key=lambda one: one.due)
            self.pending.remove(first)
            return first

    def _run(self, one: AsyncInvocation) -> None:
        function = self.functions[one.function]
        one.attempts += 1
        try:
            one.result = function.run(one.payload)
        except (Exception, Killed) as error:  # noqa: BLE001 - to the platform every exception is the function's failure
            one.error = f"{type(error).__name__}: {error}"
        else:
            one.error = ""
        self._settle(one, function.attempts)

    def _settle(self, one: AsyncInvocation, attempts: int) -> None:
        with self.cloud.lock:
            if one.error and one.attempts < attempts:
                one.due = self.cloud.now() + FIRST_PAUSE * 2 ** (one.attempts - 1)
                self.pending.append(one)
                return
            one.outcome = "Failed" if one.error else "Succeeded"
            self.finished.append(one)
