"""One cloud with the functions in it: every call is watched, everything that they say is kept."""

from __future__ import annotations

import functools
import json
import os
import random
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import ram
from chaos.deeds import Deeds
from chaos.deeds.scene import EPISODE_TAG, Records, Scene
from chaos.hook_rules import instead_of_hooks_json
from chaos.scenario import Arrange
from chaos.scenarios import SCENARIOS
from chaos.schedule import Delivery, Schedule
from chaos.stages import STAGES
from chaos.story import Run, Story
from chaos.turns import Turns
from chaos.watching import MOST_CALLS, RanAwayError, Recorder, Watch, kept
from simulator import fleet, function_compute
from simulator.cloud import Cloud
from simulator.oss.buckets import StoredObject
from simulator.ram import Policy
from simulator.signing import AccessKey
from simulator.transport import Invocation, Killed, in_process, invocation

NAMES = {name: f"spotkeeper-{name.replace('_', '-')}" for name in ("interruption", "state_change", "lifecycle_hook")}
"""Under which names the sweep invokes functions."""
HANDLERS = {name: function_compute.load(name) for name in (*NAMES, "sweep")}


class World:
    """The scenario's fleet at the moment when the lock is set, with the schedule's faults in wait.

    ``records`` are those that its rescue would write, for those who forge them; ``history`` is in the journal already.
    """

    def __init__(
        self, schedule: Schedule, records: Records | None = None, history: Mapping[str, StoredObject] | None = None
    ) -> None:
        self.scenario = SCENARIOS[schedule.scenario]
        self.cloud = Cloud(fleet.EVENT_TIME)
        self.cloud.clock = Watch(fleet.EVENT_TIME)
        self.cloud.ecs.timings = replace(self.scenario.timings)
        self.stage = STAGES[self.scenario.kind](self.cloud, self.scenario)
        self.start = self.stage.start
        for function, name in NAMES.items():
            self.cloud.fc.register(name, functools.partial(self.handed_over, function), schedule.runs)
        self.faults = self.cloud.faults = Recorder()
        for one in schedule.faults:
            self.faults.add(one.fault(self.start, self._resource(one.on)))
        self.runs: list[Run] = []
        self.callers: dict[int, str] = {}
        self.outputs: list[str] = []
        self.secrets = [self.cloud.access_key.secret, fleet.USER_DATA, "systemctl start web"]
        self._turns: Turns | None = None
        self._schedule = schedule
        self._history = history or {}
        self._objects.update(self._history)
        self.deeds = Deeds(Scene(self.cloud, self.stage.fleet, records or {}), schedule.deeds)
        self.deeds.begin()
        self.before = self._state()
        self.stage.look(ours=False)

    @property
    def _objects(self) -> dict[str, StoredObject]:
        return self.cloud.oss.buckets[fleet.BUCKET].objects

    def _resource(self, on: str) -> str | None:
        """The id of a load balancer (``api``) or of a server group of it (``api/web``)."""
        name, _, group = on.partition("/")
        for one in self.cloud.slb.load_balancers.values():
            groups = {found.name: found.id for found in one.vserver_groups}
            if one.name == name:
                return groups[group] if group else one.id
        return None

    def _state(self) -> dict[str, Any]:
        """Of the whole cloud, without the objects of the past year that are as they were."""
        bucket = self.cloud.oss.buckets[fleet.BUCKET]
        everything = bucket.objects
        bucket.objects = {key: one for key, one in everything.items() if self._history.get(key) is not one}
        state = self.cloud.state()
        bucket.objects = everything
        return state

    @contextmanager
    def playing(self) -> Iterator[None]:
        """The functions' cloud, environment and time, for one schedule."""
        random.seed(self._schedule.seed)
        with (
            in_process(self.cloud, self._before_call) as url,
            function_compute.environment({**self._variables(url), **self.scenario.settings}),
            function_compute.simulated_time(self.cloud.clock),
            instead_of_hooks_json(self.scenario.rules),
            kept(self.outputs),
        ):
            yield

    def _variables(self, url: str) -> dict[str, str]:
        endpoints = {**function_compute.endpoints(url), "FUNCTION_COMPUTE_ENDPOINT": url}
        return {**endpoints, "SPOTKEEPER_JOURNAL": "oss://spotkeeper-journal/rescues"}

    def _before_call(self, one: Invocation | None, action: str) -> None:
        assert one is not None, f"{action} belongs to no invocation"
        if self._turns is not None:
            self._turns.before_call(one.name)
        self.look()
        number = len(self.cloud.calls) + 1
        self.callers[number] = one.name
        self.deeds.before_call(number, self.before)
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
        self.look()
        return run

    def look(self) -> None:
        """Let the stage notice what has changed."""
        self.stage.look()

    def others_do(self, what: Arrange) -> None:
        """Somebody else changes something."""
        self.look()
        what(self.cloud, self.stage.fleet)
        self.stage.look(ours=False)

    @property
    def _replaced(self) -> bool:
        """Whether DescribeInstances shows a replacement, with its tag."""
        now, known = self.cloud.now(), {one["InstanceId"] for one in self.before["ecs"]["instances"]}
        return any(
            EPISODE_TAG in one.tags.seen(now) and one.visible_at <= now
            for one in self.cloud.ecs.instances.values()
            if one.instance_id not in known
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

    def beside(self, function: str, payload: bytes, delivery: Delivery) -> list[Run]:
        """The same event twice side by side, taking turns."""
        names = [f"{delivery.event}-{len(self.runs) + 1}{letter}" for letter in "ab"]
        self._turns = Turns([(names[place % 2], count) for place, count in enumerate((*delivery.turns, 0))])
        self._turns.run(functools.partial(self._call_beside, function, payload))
        self._turns = None
        return [one for one in self.runs if one.name in names]

    def _call_beside(self, function: str, payload: bytes, name: str) -> None:
        try:
            self.call(function, payload, beside=True, name=name)
        except RanAwayError as error:
            self.runs[-1].error = f"RanAwayError: {error}"

    def handed_over(self, function: str, payload: bytes) -> dict[str, Any] | None:
        """What Function Compute runs for an invocation of the sweep's; raises what makes it try again."""
        run = self.call(function, payload)
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
        self.look()

    @property
    def last_death(self) -> float:
        """When a call was killed last; who dies is replaced some minutes later."""
        return max((run.ended for run in self.runs if run.killed), default=0.0)

    @property
    def settled(self) -> bool:
        """Nothing is open, and nothing waits to be begun."""
        return self.stage.settled() and not self.cloud.fc.pending

    @property
    def hindered(self) -> bool:
        """Whether the rescue may be unable to end: somebody goes on refusing, or has written into its journal."""
        return self.deeds.write_records or any(one.endless for one in self._schedule.faults)

    def story(self, ran_away: str) -> Story:
        """What happened up to now."""
        self.cloud.progress()
        return Story(
            schedule=self._schedule,
            scenario=self.scenario,
            source_id=self.stage.source_id,
            start=self.start,
            before=self.before,
            after=self._state(),
            calls=list(self.cloud.calls),
            callers=self.callers,
            runs=self.runs,
            outputs=self.outputs,
            secrets=tuple(self.secrets),
            hits=self.faults.hits,
            resources=tuple(self._resource(one.on) for one in self._schedule.faults),
            done_deeds=self.deeds.done,
            planted=tuple(self.deeds.forgeries),
            history_changed=sum(self._objects.get(key) is not one for key, one in self._history.items()),
            ran_away=ran_away,
            **self.stage.seen(),
        )
