"""What every stage is: an embedded cloud, and one real function called as Function Compute calls it."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from simulator import function_compute, proof
from simulator.cloud import Cloud
from simulator.faults import Fault
from simulator.transport import BeforeCall, in_process, invocation

ROOT = Path(__file__).resolve().parents[1]
JOURNAL = "oss://spotkeeper-journal/rescues"
TIMER = (ROOT / "events" / "timer.json").read_bytes()
SEED = 20190409
SWEEP_TIMEOUT = 300.0
READS = ("Describe", "List", "Get", "Head")
Error = TypeVar("Error", bound=BaseException)

HANDLERS = {name: function_compute.load(name) for name in ("interruption", "state_change", "lifecycle_hook", "sweep")}


@dataclass
class FunctionStage(ABC):
    """``settings`` are environment variables, ``timeout`` the function's in seconds, ``before`` the cloud at first."""

    function: ClassVar[str]
    """The function that deliveries go to: its folder's name."""

    cloud: Cloud
    settings: dict[str, str] = field(default_factory=dict)
    timeout: float = 900
    before: dict[str, Any] = field(default_factory=dict)
    sweep_timeout: float = field(default=SWEEP_TIMEOUT, kw_only=True)

    @property
    @abstractmethod
    def sent(self) -> bytes:
        """What is delivered where a delivery names no event."""

    def deliver(self, event: bytes | None = None, *, name: str = "call", **settings: str) -> dict[str, Any]:
        """One delivery, in this thread, on simulated time. Raises what the function raises."""
        with self.playing(settings=settings):
            return self.call(event, name=name)

    def finishes(self, event: bytes | None = None, *, name: str = "call", **settings: str) -> dict[str, Any]:
        """One delivery that has to be done; its answer."""
        answer = self.deliver(event, name=name, **settings)
        assert answer["outcome"] == "done", f"{answer['outcome']}: {answer['reason']}"
        return answer

    def fails(
        self,
        error: type[Error] | tuple[type[Error], ...],
        match: str | None = None,
        event: bytes | None = None,
        *,
        name: str = "call",
        **settings: str,
    ) -> Error:
        """One delivery that has to raise ``error``, with words that ``match``: what it raises."""
        with pytest.raises(error, match=match) as raised:
            self.deliver(event, name=name, **settings)
        return raised.value

    def sweep(self, **settings: str) -> dict[str, Any]:
        """The timer goes off; what the sweep hands over to the stage's function is handled at once."""
        self.cloud.fc.register(f"spotkeeper-{self.function.replace('_', '-')}", self.handed, attempts=1)
        with self.playing(settings={"SPOTKEEPER_JOURNAL": JOURNAL, **settings}):
            answer = self.invoke("sweep", TIMER, name="sweep")
            self.cloud.fc.run_due()
        return answer

    def run(self, until: Callable[[], None] | None = None) -> None:
        """Function Compute runs what is in its queue: all of it with its retries, or what ``until`` says."""
        with self.playing():
            (until or self.cloud.fc.run_pending)()

    def advance(self, seconds: float) -> None:
        """Let time pass while nobody works."""
        self.cloud.clock.advance(seconds)

    def sweeps(self, count: int, **settings: str) -> list[dict[str, Any]]:
        """The timer goes off after each minute, so many times; the answers."""
        answers = []
        for _ in range(count):
            self.advance(60)
            answers.append(self.sweep(**settings))
        return answers

    def handed(self, payload: bytes) -> dict[str, Any]:
        """A call that a sweep has handed over, inside ``playing``."""
        return self.call(payload, name="handed over")

    def sweep_fails(self, error: type[Error], match: str | None = None, **settings: str) -> Error:
        """A sweep that has to raise ``error``, with words that ``match``: what it raises."""
        with pytest.raises(error, match=match) as raised:
            self.sweep(**settings)
        return raised.value

    @contextmanager
    def writes_nothing(self) -> Iterator[None]:
        """Inside, no call may change anything, neither the cloud nor the journal."""
        before, writes = self.state, len(self.writes())
        yield
        wrong = [*self.writes()[writes:], *proof.untouched(before, self.state)]
        assert not wrong, "\n".join(wrong)

    def meanwhile(self, action: str, act: Callable[[], object], only: int | None = None) -> None:
        """Let somebody ``act`` just before each call of ``action`` (``*``: of any), or before the ``only`` n-th."""
        numbers = count(1)

        def acts(_: str, called: str) -> bool:
            if action in (called, "*") and only in (None, next(numbers)):
                act()
            return False

        self.cloud.faults.added.insert(0, Fault(acts, "code:never"))  # before faults that keep others from their turn

    @contextmanager
    def playing(
        self, before_call: BeforeCall | None = None, settings: Mapping[str, str] | None = None
    ) -> Iterator[None]:
        """The world of the function: its cloud, environment and time. Calls inside may come from several threads."""
        random.seed(SEED)
        with (
            in_process(self.cloud, before_call) as url,
            function_compute.environment(
                {**function_compute.endpoints(url), **self.variables, **self.settings, **(settings or {})}
            ),
            function_compute.simulated_time(self.cloud.clock),
        ):
            yield

    def call(self, event: bytes | None = None, *, name: str = "call") -> dict[str, Any]:
        """One call of the stage's function inside ``playing``."""
        return self.invoke(self.function, self.sent if event is None else event, name=name)

    def invoke(self, function: str, event: bytes, *, name: str, **context: Any) -> dict[str, Any]:
        """One call of any function inside ``playing``, under its own role; ``context`` are fields of its context."""
        timeout = self.sweep_timeout if function == "sweep" else self.timeout
        given = function_compute.context(self.cloud, function, timeout, request_id=name)
        with invocation(name):
            return HANDLERS[function](event, replace(given, **context))

    @property
    def variables(self) -> dict[str, str]:
        """The environment beside the endpoints, where a stage's ``settings`` do not say otherwise."""
        return {"SPOTKEEPER_JOURNAL": JOURNAL, **function_compute.access(self.cloud)}

    @property
    def state(self) -> dict[str, Any]:
        """The cloud as it is now."""
        return self.cloud.state()

    def writes(self) -> list[str]:
        """The actions that changed anything, the journal's included."""
        return [one.action for one in self.cloud.calls if not one.action.startswith(READS)]
