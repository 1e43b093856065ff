"""Whatever happens next: a rescue disturbed step by step, judged after each step and at the end."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chaos.invariants import during, end_state, others, outcomes, violations
from chaos.platform import sweep
from chaos.scenarios.rescue import HERE, OTHER_TYPE, OWN_TYPE
from chaos.schedule import INTERRUPTIONS, Deed, Schedule
from chaos.search import effects
from chaos.stages import EVENTS, FUNCTIONS
from chaos.story import Story
from chaos.watching import RanAwayError
from chaos.world import World
from simulator.faults import Fault

SCENES = ("realistic", "eventual", "stock", "slow-snapshots", "at-once", "none", "stop-mode", "unlocked")
AT_ANY_TIME = (
    end_state.others_untouched,
    others.nothing_foreign_changed,
    during.without_lock_or_tag_untouched,
    during.finished_untouched,
    during.only_own_resources,
    during.one_token_one_call,
    during.looked_before_launching,
    during.remembered_first,
    outcomes.every_wait_ends,
    outcomes.errors_are_typed,
    outcomes.no_secret_in_any_output,
)
"""What must hold while a rescue goes on too; what is due at its end only is judged there."""

ACTIONS = (
    *(("ecs", action) for action in ("DescribeInstances", "ModifyDiskAttribute", "CreateImage", "DescribeImages")),
    *(("ecs", action) for action in ("DescribeSnapshots", "RunInstances")),
    *(("slb", action) for action in ("SetBackendServers", "AddVServerGroupBackendServers", "RemoveBackendServers")),
    *(("oss", action) for action in ("PutObject", "GetObject", "ListObjectsV2")),
)
MISHAPS = [(pair, effect) for pair in ACTIONS for effect in effects(*pair) if "+" not in effect]
MOST_FAULTS = 3
NEVER = 1e9
STRANGERS = tuple(
    Deed(what, at=NEVER) for what in ("foreign-instance", "foreign-image", "foreign-namesake", "foreign-disk")
)
"""What a rule may do; by itself none of it ever happens."""


class Disturbed(RuleBasedStateMachine):
    """One rescue; each rule is something that happens to it."""

    def __init__(self) -> None:
        super().__init__()
        self.world: World
        self.judged = 0

    @initialize(scenario=strategies.sampled_from(SCENES), seed=strategies.integers(1, 1000))
    def begin(self, scenario: str, seed: int) -> None:
        """The lock has just been set."""
        self.world = World(Schedule(scenario, seed=seed, deeds=STRANGERS))

    @rule(event=strategies.sampled_from((*INTERRUPTIONS, "timer")))
    def deliver(self, event: str) -> None:
        """An event arrives, or the timer's minute has come."""
        with self.world.playing():
            self.world.call(FUNCTIONS[event], EVENTS[event])
            self.world.cloud.fc.run_due()

    @rule(calls=strategies.integers(1, 60), after=strategies.booleans())
    def kill(self, calls: int, after: bool) -> None:  # noqa: FBT001 - hypothesis calls it
        """The caller dies at one of the next calls."""
        number = len(self.world.cloud.calls) + calls
        self.world.faults.add(Fault("*", "kill-after" if after else "kill-before", call_number=number))

    @precondition(lambda self: len(self.world.faults.added) < MOST_FAULTS)
    @rule(mishap=strategies.sampled_from(MISHAPS), times=strategies.integers(1, 2), skip=strategies.integers(0, 3))
    def disturb(self, mishap: tuple[tuple[str, str], str], times: int, skip: int) -> None:
        """Calls to come are refused, lost or slow."""
        (product, action), effect = mishap
        self.world.faults.add(Fault(f"{product}:{action}", effect, times=times, skip=skip))

    @rule(place=strategies.integers(0, 3))
    def meet_a_stranger(self, place: int) -> None:
        """Somebody makes something and copies our tags to it."""
        self.world.deeds.do(place, self.world.before)

    @rule(seconds=strategies.sampled_from((1.0, 20.0, 70.0, 240.0)))
    def wait(self, seconds: float) -> None:
        """Nobody calls."""
        with self.world.playing():
            self.world.pass_time(self.world.cloud.now() + seconds)

    @rule(instance_type=strategies.sampled_from((OWN_TYPE, OTHER_TYPE)), count=strategies.sampled_from((0, None)))
    def change_stock(self, instance_type: str, count: int | None) -> None:
        """A type is sold out for two minutes, or to be had."""
        now = self.world.cloud.now()
        self.world.cloud.ecs.stock[HERE, instance_type, "spot"] = [(now, count), (now + 120, None)]

    @invariant()
    def nothing_is_wrong(self) -> None:
        """What must hold at any time holds."""
        if not hasattr(self, "world") or len(self.world.cloud.calls) == self.judged:
            return
        self.judged = len(self.world.cloud.calls)
        story = self.world.story("")
        assert [text for one in AT_ANY_TIME for text in one(story)] == []

    def teardown(self) -> None:
        """Sweeps finish what is open; then everything is judged."""
        if hasattr(self, "world"):
            assert list(violations(self._end())) == []

    def _end(self) -> Story:
        with self.world.playing():
            try:
                sweep(self.world, 0.0)
            except RanAwayError as error:
                return self.world.story(str(error))
        return self.world.story("")


Disturbed.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=8,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestDisturbed: Any = Disturbed.TestCase
