"""The functions that exist, and the queue of their asynchronous invocations.

A request only queues. The test or drill decides when the queue runs: ``run_due`` or ``run_pending``.
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
"""Seconds before the first retry, doubled for each further retry.

Undocumented for errors of the function (half a second, doubled, is documented for a concurrency limit alone). A minute
makes all retries last longer than the notice of a reclaim, so that nothing comes to rely on them.
"""

Run = Callable[[bytes], object]


@dataclass(frozen=True)
class Function:
    """The function ``name``; it runs at most ``attempts`` times for one invocation."""

    run: Run
    attempts: int


class Fc:
    """Function Compute of one region; tasks are enabled for every function (``asyncTask: true``)."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.functions: dict[str, Function] = {}
        self.pending: list[AsyncInvocation] = []
        self.finished: list[AsyncInvocation] = []
        # "Globally unique" ("Task deduplication"), hence a single set for all functions.
        self._task_ids: set[str] = set()

    def register(self, name: str, run: Run, attempts: int = RUNS) -> None:
        """Let function ``name`` be ``run``, which is called with the payload and fails by raising."""
        self.functions[name] = Function(run, attempts)

    def respond(self, request: Request, request_id: str) -> Response:
        """Queue an invocation: 202 with its ids.

        Raises ApiError.
        """
        queued = invocation.read(request, request_id, self.cloud.now())
        if queued.function not in self.functions:
            raise refusal("FunctionNotFound")
        if queued.task_id in self._task_ids:
            raise refusal("StatefulAsyncInvocationAlreadyExists")
        self._task_ids.add(queued.task_id)
        self.pending.append(queued)
        return Response(202, headers={"x-fc-request-id": request_id, invocation.TASK_ID: queued.task_id})

    def run_due(self) -> None:
        """Run the invocations that are due, the earliest first, in this thread; only the runs move the clock."""
        while queued := self._take():
            self._run(queued)

    def run_pending(self) -> None:
        """Run until nothing is left; the clock jumps over the pauses before retries."""
        while self.pending:
            first = min(queued.due for queued in self.pending)
            self.cloud.clock.advance(max(0.0, first - self.cloud.now()))
            self.run_due()

    def state(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {
            "functions": sorted(self.functions),
            "pending": [queued.shown() for queued in self.pending],
            "finished": [queued.shown() for queued in self.finished],
        }

    def _take(self) -> AsyncInvocation | None:
        with self.cloud.lock:
            due = [queued for queued in self.pending if queued.due <= self.cloud.now()]
            if not due:
                return None
            first = min(due, key=lambda queued: queued.due)
            self.pending.remove(first)
            return first

    def _run(self, queued: AsyncInvocation) -> None:
        function = self.functions[queued.function]
        queued.attempts += 1
        try:
            queued.result = function.run(queued.payload)
        except (Exception, Killed) as error:  # noqa: BLE001 - to the platform every exception is the function's failure
            queued.error = f"{type(error).__name__}: {error}"
        else:
            queued.error = ""
        self._settle(queued, function.attempts)

    def _settle(self, queued: AsyncInvocation, attempts: int) -> None:
        with self.cloud.lock:
            if queued.error and queued.attempts < attempts:
                queued.due = self.cloud.now() + FIRST_PAUSE * 2 ** (queued.attempts - 1)
                self.pending.append(queued)
                return
            queued.outcome = "Failed" if queued.error else "Succeeded"
            self.finished.append(queued)
