"""One cloud with the two functions in it: every call is watched, everything that they say is kept."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import random
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread
from typing import Any

import ram
from chaos.scenarios import SCENARIOS
from chaos.schedule import Cell, Delivery, Schedule
from chaos.story import Hit, Run, Story
from chaos.turns import Turns
from simulator import fleet, function_compute
from simulator.clock import VirtualClock
from simulator.cloud import Cloud
from simulator.faults import Fault, Faults
from simulator.ram import Policy
from simulator.signing import AccessKey
from simulator.transport import Invocation, Killed, in_process, invocation

INTERRUPTION = "spotkeeper-interruption"
"""The name under which the sweep hands over."""
HANDLERS = {name: function_compute.load(name) for name in ("interruption", "sweep")}
FOLDER = function_compute.ROOT / "events"
SAME = (FOLDER / "interruption.cloudmonitor.json").read_bytes()
EVENTS = {
    "same": SAME,
    "bridge": (FOLDER / "interruption.eventbridge.json").read_bytes(),
    "another": json.dumps({**json.loads(SAME), "eventTime": "20190409T121831.000+0800", "id": "another"}).encode(),
    "timer": (FOLDER / "timer.json").read_bytes(),
}
SOURCE = fleet.INSTANCE_ID
EPISODE_TAG = "spotkeeper:episode"
MOST_CALLS = 4000
MOST_WAITS = 8000


class RanAwayError(BaseException):
    """A function neither ends nor waits: no ``except`` of it may go on from here."""


class Watch(VirtualClock):
    """A clock that tells who never stops looking at it."""

    waits = 0

    def advance(self, seconds: float) -> float:
        """Move forward.

        Raises RanAwayError.
        """
        self.waits += 1
        if self.waits > MOST_WAITS:
            raise RanAwayError(f"more than {MOST_WAITS} waits")
        return super().advance(seconds)


class Recorder(Faults):
    """Faults that remember which calls they hit."""

    def __init__(self) -> None:
        super().__init__()
        self.hits: dict[int, Hit] = {}

    def hit(self, product: str, action: str, number: int, now: float, said: str) -> Fault | None:
        """The fault that hits this call, if any."""
        found = super().hit(product, action, number, now, said)
        if found is not None:
            effect = found.effect if found.retry_after_ms is None else f"{found.effect}+hint"
            self.hits[number] = Hit(Cell(product, action, effect), self.added.index(found))
        return found


class Logged(logging.Handler):
    """Keeps what is logged, as it would be printed."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.lines.append(self.format(record))


class World:
    """The scenario's fleet at the moment when the lock is set, with the schedule's faults in wait."""

    def __init__(self, schedule: Schedule) -> None:
        self.scenario = SCENARIOS[schedule.scenario]
        self.cloud = Cloud(fleet.EVENT_TIME)
        self.cloud.clock = Watch(fleet.EVENT_TIME)
        self.start = self.cloud.now()
        self.cloud.ecs.timings = replace(self.scenario.timings)
        self.fleet = fleet.drill_fleet(self.cloud, SOURCE, **{"sold_out": False, **self.scenario.changes})
        self.scenario.arrange(self.cloud, self.fleet)
        self.cloud.fc.register(INTERRUPTION, self.handed_over)
        self.faults = self.cloud.faults = Recorder()
        for one in schedule.faults:
            self.faults.add(one.fault(self.start))
        self.runs: list[Run] = []
        self.callers: dict[int, str] = {}
        self.outputs: list[str] = []
        self.secrets = [self.cloud.access_key.secret, fleet.USER_DATA, "systemctl start web"]
        self._turns: Turns | None = None
        self._schedule = schedule
        self.before = self.cloud.state()

    @contextmanager
    def playing(self) -> Iterator[None]:
        """The functions' cloud, environment and time, for one schedule."""
        random.seed(self._schedule.seed)
        root, printed = logging.getLogger(), io.StringIO()
        handler, level = Logged(self.outputs), root.level
        with (
            in_process(self.cloud, self._before_call) as url,
            function_compute.environment({**self._variables(url), **self.scenario.settings}),
            function_compute.simulated_time(self.cloud.clock),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            root.addHandler(handler)
            root.setLevel(logging.DEBUG)
            try:
                yield
            finally:
                root.setLevel(level)
                root.removeHandler(handler)
                self.outputs.append(printed.getvalue())

    def _variables(self, url: str) -> dict[str, str]:
        endpoints = {**function_compute.endpoints(url), "FUNCTION_COMPUTE_ENDPOINT": url}
        return {**endpoints, "SPOTKEEPER_JOURNAL": "oss://spotkeeper-journal/rescues"}

    def _before_call(self, one: Invocation | None, action: str) -> None:
        assert one is not None, f"{action} belongs to no invocation"
        if self._turns is not None:
            self._turns.before_call(one.name)
        number = len(self.cloud.calls) + 1
        self.callers[number] = one.name
        if number > MOST_CALLS:
            raise RanAwayError(f"more than {MOST_CALLS} calls, the last of them {action}")

    def call(self, function: str, event: bytes, *, beside: bool = False, name: str = "") -> Run:
        """One run of a function to its end, whatever that is."""
        name = name or f"{function}-{len(self.runs) + 1}"
        run = Run(name, function, self.cloud.now(), beside=beside, replaced=self._replaced)
        self.runs.append(run)
        with invocation(run.name) as one:
            try:
                run.answer = HANDLERS[function](event, self._context(function, run.name))
                self.outputs.append(json.dumps(run.answer, ensure_ascii=False))
            except (Exception, Killed) as error:  # noqa: BLE001 - the invariants judge what was raised
                self._raised(run, error)
        run.killed, run.ended = one.killed, self.cloud.now()
        return run

    @property
    def _replaced(self) -> bool:
        """Whether DescribeInstances shows a replacement, with its tag."""
        now = self.cloud.now()
        return any(
            EPISODE_TAG in one.tags.seen(now) and one.visible_at <= now for one in self.cloud.ecs.instances.values()
        )

    def _raised(self, run: Run, error: BaseException) -> None:
        run.error = f"{type(error).__name__}: {error}"
        run.ancestors = tuple(kind.__name__ for kind in type(error).__mro__)
        if not isinstance(error, Killed):
            self.outputs.append("".join(traceback.format_exception(error)))

    def _context(self, function: str, request_id: str) -> function_compute.Context:
        seconds = self.scenario.credentials_seconds if len(self.runs) == 1 else 3600.0
        key = AccessKey(f"STS.{len(self.runs)}", f"Secret{len(self.runs):032}", f"Token{len(self.runs):059}")
        key.expires_at = self.cloud.now() + seconds
        key.allowed = Policy.of(ram.policy(function, function_compute.placeholders(self.cloud, os.environ)))
        self.cloud.access_keys[key.access_key_id] = key
        self.secrets += [key.secret, str(key.security_token)]
        return function_compute.Context(
            function_compute.FunctionMeta(function, self.scenario.timeout),
            self.cloud.region,
            self.cloud.account_id,
            request_id,
            function_compute.StsCredentials(key.access_key_id, key.secret, str(key.security_token)),
        )

    def beside(self, delivery: Delivery) -> list[Run]:
        """The same event twice side by side, taking turns."""
        names = [f"{delivery.event}-{len(self.runs) + 1}{letter}" for letter in "ab"]
        self._turns = Turns([(names[place % 2], count) for place, count in enumerate((*delivery.turns, 0))])
        threads = [Thread(target=self._run_beside, args=(name, delivery.event), daemon=True) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._turns = None
        return [one for one in self.runs if one.name in names]

    def _run_beside(self, name: str, event: str) -> None:
        assert self._turns is not None
        self._turns.begin(name)
        try:
            self.call(function_of(event), EVENTS[event], beside=True, name=name)
        except RanAwayError as error:
            self.runs[-1].error = f"RanAwayError: {error}"
        finally:
            self._turns.end(name)

    def handed_over(self, payload: bytes) -> dict[str, Any] | None:
        """What Function Compute runs for an invocation of the sweep's; raises what makes it try again."""
        run = self.call("interruption", payload)
        if run.error:
            raise RuntimeError(run.error)
        return run.answer

    def pass_time(self, until: float) -> None:
        """Let time pass until a moment; what was handed over, and what of it failed, is run when it is due."""
        cloud = self.cloud
        while (due := min((one.due for one in cloud.fc.pending), default=until)) < until:
            cloud.clock.advance(max(0.0, due - cloud.now()))
            cloud.fc.run_due()
        cloud.clock.advance(max(0.0, until - cloud.now()))
        cloud.progress()

    @property
    def settled(self) -> bool:
        """Nothing is open, and nothing waits to be begun."""
        objects = self.cloud.oss.buckets["spotkeeper-journal"].objects
        keys = [key.removesuffix(".json").split("/") for key in objects if f"/rescues/{SOURCE}/" in key]
        opened = {number for *_, number, name in keys if name == "event"}
        ended = {number for *_, number, name in keys if name in self._ends}
        begun = bool(opened) or not self.scenario.touchable or SOURCE not in self.cloud.ecs.instances
        return begun and opened <= ended and not self.cloud.fc.pending

    @property
    def _ends(self) -> tuple[str, ...]:
        return ("done", "lost", "drained") if self.scenario.stop_mode else ("done", "lost")

    def story(self, ran_away: str) -> Story:
        """What happened up to now."""
        self.cloud.progress()
        return Story(
            schedule=self._schedule,
            scenario=self.scenario,
            source_id=SOURCE,
            start=self.start,
            before=self.before,
            after=self.cloud.state(),
            calls=list(self.cloud.calls),
            callers=self.callers,
            runs=self.runs,
            outputs=self.outputs,
            secrets=tuple(self.secrets),
            hits=self.faults.hits,
            ran_away=ran_away,
        )


def function_of(event: str) -> str:
    """Which function an event is for."""
    return "sweep" if event == "timer" else "interruption"
