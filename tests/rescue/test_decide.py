"""``decide`` as a table: the next step and its reason, word for word, given settings and facts."""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from rescue.decide import decide, plan
from rescue.state import Image, Replacement, State
from rescue.steps import Step
from spotkeeper.errors import CloudError, SpotkeeperError
from spotkeeper.failed_steps import FailedStep
from spotkeeper.load_balancers import Membership
from spotkeeper.settings.interruption import InterruptionSettings
from tests.tables import cases, described

DEFAULTS = InterruptionSettings.from_env({"SPOTKEEPER_JOURNAL": "file:///journal"})
PLACE = Membership("clb", "lb-1", "", "i-1", None, 80, "ecs")
BEGUN: dict[str, Any] = {"event": {"notice_end": 300.0}}
ALL: dict[str, Any] = {**BEGUN, "disks": {}, "launch-spec": {}, "memberships": {}, "usable": {}, "replacement": {}}


def settings(**variables: str) -> InterruptionSettings:
    """Settings from variables named without their prefix."""
    named = {f"SPOTKEEPER_{name}": value for name, value in variables.items()}
    return InterruptionSettings.from_env({"SPOTKEEPER_JOURNAL": "file:///journal", **named})


def source(**changes: Any) -> dict[str, Any]:
    """A managed spot instance under the lock, as DescribeInstances shows it; ``tags`` and ``lock`` are short forms."""
    tags = changes.pop("tags", {"spotkeeper:managed": "true"})
    lock = changes.pop("lock", "Recycling")
    return described(tags, lock, **{"Status": "Running", "SpotStrategy": "SpotAsPriceGo", **changes})


def refusal(error: SpotkeeperError, since: float = 0.0, again_at: float = math.inf) -> FailedStep:
    """A try that was refused, and the only one."""
    return FailedStep(error, since, since, since, 1, again_at)


def refused(*steps: Step, again_at: float = math.inf, since: float = 0.0, what: str = "") -> dict[str, Any]:
    """State of steps that were refused; for good unless ``again_at`` says when they are tried again."""
    found = {(step, what): refusal(CloudError("Describe", "lb-1", "Throttling"), since, again_at) for step in steps}
    return {"refusals": found, "load_balancers_since": since}


START = State(now=0.0, entered=0.0, notice_end=300.0)
SEEN = START.replace(source_seen=True, source=source())
LOADED = SEEN.replace(loaded=True, image=Image.NONE)
OPENED = LOADED.replace(opened=True, records=BEGUN)
RETAINED = OPENED.replace(disks_retained=True, records={**BEGUN, "disks": {}})
RECALLED = RETAINED.replace(records={**BEGUN, "disks": {}, "launch-spec": {}})
REMEMBERED = RECALLED.replace(spec_checked=True)
FOUND = REMEMBERED.replace(memberships=(PLACE,))
DRAINED = FOUND.replace(drained=True, drained_at=0.0)
QUIET = DRAINED.replace(drain_waited=True)
IMAGING = QUIET.replace(image=Image.CREATING, image_id="m-1")
REMOVED = IMAGING.replace(removed=True)
USABLE = REMOVED.replace(image=Image.USABLE, records={**REMEMBERED.records, "usable": {}})
LAUNCHED = USABLE.replace(replacement=Replacement.STARTING, replacement_id="i-2", records=ALL)
RUNNING = LAUNCHED.replace(replacement=Replacement.RUNNING)
RETURNED = RUNNING.replace(returned=True)
ASKED = RETURNED.replace(health_asked=True)
CHECKED = ASKED.replace(duplicates_checked=True)
SETTLED = CHECKED.replace(disks_settled=True, snapshots_complete=True)
GONE = LOADED.replace(source=None)
DOWN = LOADED.replace(journal_reached=False)
STOP = {"source": source(SpotInterruptionBehavior="Stop")}
IN_CREATION: dict[str, Any] = {"image": Image.CREATING}
BOTH: dict[str, Any] = {"disks_retained": False, **refused(Step.RETAIN_DISKS, Step.MAKE_IMAGE, again_at=35.0)}
BOTH["refusals"][Step.RETAIN_DISKS, ""] = dataclasses.replace(BOTH["refusals"][Step.RETAIN_DISKS, ""], again_at=90.0)
AFTER_DISKS: dict[str, Any] = {**BOTH, "refusals": dict(BOTH["refusals"])}
AFTER_DISKS["refusals"][Step.RETAIN_DISKS, ""] = dataclasses.replace(
    BOTH["refusals"][Step.RETAIN_DISKS, ""], tried_at=40.0
)
AT_ONCE, NONE = settings(RELAUNCH="at-once"), settings(RELAUNCH="none")
EARLY, LATE = settings(STOP_SOURCE="before-image"), settings(STOP_SOURCE="before-relaunch")
KEEP_NOTHING = settings(RETAIN_DISKS="never")
DRY = settings(DRY_RUN="true")
UNLOCKED = SEEN.replace(source=source(lock=""), entered=1_000.0, now=1_000.0, notice_end=1_300.0)
DONE = SETTLED.replace(records={**ALL, "done": {}})
SURPLUS = DONE.replace(duplicates_checked=False)
STOPPED = OPENED.replace(**STOP, memberships=(PLACE,))
BY_RECORD = STOPPED.replace(drained=True)
LOST = GONE.replace(records={**BEGUN, "lost": {"reason": "no stock"}})

ALL_ELSE: dict[str, Any] = {"health_asked": True, "duplicates_checked": True, "disks_settled": True}

UNTAGGED = "the instance does not carry the tag {} (SPOTKEEPER_MANAGED_TAG)"
MANAGED = {"spotkeeper:managed": "true"}
HEALTHY = (
    "the instance is healthy: no Recycling lock within 60 s (SPOTKEEPER_REQUIRE_RECYCLING_LOCK=false acts without it)"
)

DECISIONS: list[tuple[Step, str, list[Any]]] = [
    (Step.LOOK, "the present state decides, not the event", [START]),
    # the notice has ended
    (Step.LOOK, "the notice has ended since the last look", [
        CHECKED.replace(source_seen_at=100.0, now=300.1), CHECKED.replace(source_seen_at=CHECKED.notice_end, now=300.1),
    ]),
    (Step.ANSWER, "the journal says that this rescue is finished", [
        DONE.replace(source_seen_at=100.0, now=CHECKED.notice_end), DONE.replace(source_seen_at=300.1, now=300.2), DONE,
        SURPLUS.replace(replacement_id=""), (DRY, SURPLUS),
    ]),
    (Step.LOSE, "this rescue ended in a loss: no stock", [LOST.replace(source_seen_at=100.0, now=300.1), LOST]),
    # the guard
    (Step.SKIP, "the instance is not a spot instance", [
        SEEN.replace(source=source(SpotStrategy="NoSpot")), SEEN.replace(source=source(SpotStrategy="")),
        (DRY, SEEN.replace(source=source(SpotStrategy="NoSpot"))),
    ]),
    (Step.SKIP, UNTAGGED.format("spotkeeper:managed=true"), [
        SEEN.replace(source=source(tags={})), SEEN.replace(source={**source(), "Tags": None}),
    ]),
    (Step.SKIP, UNTAGGED.format("team"), [(settings(MANAGED_TAG="team"), SEEN)]),
    (Step.SKIP, "the tag spotkeeper:hold forbids changes", [
        SEEN.replace(source=source(tags={**MANAGED, "spotkeeper:hold": ""})),
        UNLOCKED.replace(source=source(lock="", tags={**MANAGED, "spotkeeper:hold": "x"}), now=1_060.0),
    ]),
    (Step.WAIT_FOR_LOCK, "the instance is not under the Recycling lock yet", [
        UNLOCKED, UNLOCKED.replace(now=1_059.9), SEEN.replace(source=source(lock="")),
        SEEN.replace(source=source(lock="security")), SEEN.replace(source=source(lock=""), now=59.9),
    ]),
    (Step.LOAD, "an earlier call may have begun under the lock", [
        UNLOCKED.replace(now=1_060.0), SEEN.replace(source=source(lock=""), now=60.0),
    ]),
    (Step.SKIP, HEALTHY, [
        UNLOCKED.replace(now=1_060.0, loaded=True),
        UNLOCKED.replace(now=1_061.0, loaded=True, records={**BEGUN, "done": {}}),
        UNLOCKED.replace(now=1_061.0, loaded=True, records={**BEGUN, "lost": {}}),
        LOADED.replace(source=source(lock=""), now=60.0),
        OPENED.replace(source=source(lock="", SpotInterruptionBehavior="Stop"), now=60.0, lock_seen=True),
    ]),
    (Step.UNLOCKED, "the lock is gone, and the rescue of an earlier call is not finished", [
        UNLOCKED.replace(now=1_060.0, loaded=True, records=BEGUN),
        LOADED.replace(source=source(lock=""), now=60.0, records=BEGUN),
    ]),
    (Step.LOAD, "an earlier call may have begun or finished the rescue", [
        UNLOCKED.replace(lock_seen=True), SEEN, SEEN.replace(source=source(SpotStrategy="SpotWithPriceLimit")),
        (settings(MANAGED_TAG="team"), SEEN.replace(source=source(tags={"team": "x"}))),
        SEEN.replace(source=source(lock="recycling")),
        (settings(REQUIRE_RECYCLING_LOCK="false"), SEEN.replace(source=source(lock=""))),
        (DRY, SEEN.replace(source=source(lock=""))),
    ]),
    (Step.OPEN, "later calls need the record of this rescue", [
        GONE.replace(records=BEGUN, image=Image.USABLE, replacement=Replacement.STARTING),
        (DRY, LOADED), BY_RECORD.replace(drained_at=0.0, records={}, opened=False), LOADED, (AT_ONCE, LOADED),
        LOADED.replace(**STOP), GONE.replace(records=BEGUN, image=Image.UNKNOWN),
    ]),
    (Step.NO_JOURNAL, "a dry run reports a journal that cannot be reached", [
        (DRY, LOADED.replace(journal_reached=False)),
    ]),
    # it has ended before
    (Step.DELETE_DUPLICATES, "a call that died may have left a duplicate replacement", [SURPLUS]),
    (Step.FINISH_STOP_MODE, "the instance is drained, and its memberships are recorded", [
        BY_RECORD.replace(drained_at=0.0), BY_RECORD.replace(memberships=(), drained_at=0.0), QUIET.replace(**STOP),
        (settings(REQUIRE_RECYCLING_LOCK="false"), BY_RECORD.replace(source={**STOP["source"], "OperationLocks": {}})),
    ]),
    (Step.LOOK_AT_WEIGHTS, "state_change may have restored the weights since the drain", [
        BY_RECORD, BY_RECORD.replace(memberships=()), (DRY, BY_RECORD),
    ]),
    (Step.DRAIN, "the source must get no new requests", [
        STOPPED.replace(memberships=()), FOUND,
        FOUND.replace(disks_retained=False, **refused(Step.RETAIN_DISKS, again_at=60.0)),
        FOUND.replace(unsearched=("lb-2",), **refused(Step.FIND_MEMBERSHIPS, what="lb-2", again_at=9.0)),
        FOUND.replace(unsearched=("lb-2",), **refused(Step.FIND_MEMBERSHIPS, what="lb-2")),
        FOUND.replace(**refused(Step.MAKE_IMAGE, again_at=60.0), now=40.0),
        FOUND.replace(**refused(Step.DRAIN, what=PLACE.group_name, again_at=0.0), **IN_CREATION),
        (AT_ONCE, FOUND.replace(replacement=Replacement.RUNNING, returned=True)),
        OPENED.replace(**STOP, memberships=(PLACE,)),
    ]),
    # the source is gone
    (Step.LOOK_FOR_IMAGE, "a call without a journal may have made an image", [GONE.replace(image=Image.UNKNOWN)]),
    (Step.SKIP, "the instance does not exist, and no rescue of it was begun", [
        GONE.replace(image=Image.FAILED), GONE,
    ]),
    (Step.LOSE, "the source is released, and the call that began its rescue has died", [
        GONE.replace(records={"attempt-1": {}}),
    ]),
    (Step.LOSE, "the source is released, and its launch spec was never recorded", [
        GONE.replace(image=Image.CREATING), (AT_ONCE, GONE.replace(records=BEGUN)),
        GONE.replace(records=BEGUN, image=Image.USABLE),
        GONE.replace(records=BEGUN, image=Image.USABLE, image_id="m-1"),
    ]),
    (Step.NO_JOURNAL, "only the journal knows the rescue of a released instance", [
        GONE.replace(journal_reached=False),
    ]),
    (Step.SKIP, "the instance was drained and stopped, and is released: it does not return", [
        GONE.replace(records={"event": {"SpotInterruptionBehavior": "Stop"}}),
        GONE.replace(records={"event": {"SpotInterruptionBehavior": "stop"}}),
    ]),
    (Step.LOSE, "the source is released, and it has no usable image", [
        GONE.replace(records=BEGUN), GONE.replace(records={**BEGUN, "launch-spec": {}}),
        GONE.replace(records={**BEGUN, "launch-spec": {}}, image=Image.FAILED),
        GONE.replace(records=BEGUN, image=Image.FAILED),
        USABLE.replace(source=None, image=Image.NONE),
    ]),
    (Step.LAUNCH, "the source needs a replacement", [
        (AT_ONCE, GONE.replace(records={**BEGUN, "launch-spec": {}}, opened=True, memberships=())), USABLE,
        USABLE.replace(disks_retained=False, **refused(Step.RETAIN_DISKS, again_at=9.0)),
        REMEMBERED.replace(**refused(Step.FIND_MEMBERSHIPS, again_at=9.0), image=Image.USABLE),
        (LATE, USABLE.replace(source=source(Status="Stopped"))),
        (AT_ONCE, REMEMBERED.replace(**refused(Step.FIND_MEMBERSHIPS))),
        (AT_ONCE, REMEMBERED.replace(**refused(Step.FIND_MEMBERSHIPS, again_at=90.0), now=30.0)), (AT_ONCE, FOUND),
    ]),
    # the journal is down
    (Step.NO_JOURNAL, "no other step is due", [
        (AT_ONCE, DOWN), DOWN.replace(disks_retained=True, image=Image.CREATING), DOWN.replace(**STOP),
    ]),
    # a rescue, step by step
    (Step.LOOK_FOR_IMAGE, "an earlier call may have made an image", [
        RETAINED.replace(image=Image.UNKNOWN), DOWN.replace(image=Image.UNKNOWN, disks_retained=True),
    ]),
    (Step.RETAIN_DISKS, "a retained disk outlives the instance", [
        OPENED, OPENED.replace(source=source(lock=""), now=60.0, lock_seen=True),
        USABLE.replace(disks_retained=False, **refused(Step.RETAIN_DISKS, again_at=0.0)),
        USABLE.replace(disks_retained=False),
        (AT_ONCE, OPENED.replace(source=source(tags={"spotkeeper:managed": "true", "ack.aliyun.com": "c"}))), DOWN,
    ]),
    (Step.RECORD_LAUNCH_SPEC, "the launch spec can be read only while the source exists", [
        OPENED.replace(records={**BEGUN, "disks": {}, "usable": {}}, disks_retained=True),
        RETAINED, OPENED.replace(**refused(Step.RETAIN_DISKS)),
        (KEEP_NOTHING, OPENED), (AT_ONCE, OPENED),
    ]),
    (Step.FIND_MEMBERSHIPS, "memberships and weights are recorded before they change", [
        REMEMBERED, REMEMBERED.replace(**refused(Step.FIND_MEMBERSHIPS, again_at=1.0), now=1.0), (AT_ONCE, REMEMBERED),
        (AT_ONCE, REMEMBERED.replace(replacement=Replacement.STARTING)), OPENED.replace(**STOP),
        QUIET.replace(**STOP, unsearched=("lb-2",)),
        GONE.replace(records={**BEGUN, "launch-spec": {}}, image=Image.CREATING, opened=True),
    ]),
    (Step.WAIT_DRAIN, "in-flight requests need time to finish", [DRAINED]),
    (Step.MAKE_IMAGE, "an image saves the data of all disks", [
        QUIET, (EARLY, QUIET.replace(removed=True, **refused(Step.STOP_SOURCE))), REMOVED.replace(image=Image.FAILED),
        REMEMBERED.replace(memberships=()), REMEMBERED.replace(**refused(Step.FIND_MEMBERSHIPS)),
        FOUND.replace(**refused(Step.DRAIN, what=PLACE.group_name)),
        REMEMBERED.replace(disks_retained=False, memberships=(), **refused(Step.RETAIN_DISKS)),
        REMEMBERED.replace(**refused(Step.FIND_MEMBERSHIPS, again_at=60.0), now=30.0),
        FOUND.replace(**refused(Step.DRAIN, what=PLACE.group_name, again_at=1.0), now=31.0),
        QUIET.replace(disks_retained=False, **refused(Step.RETAIN_DISKS, again_at=60.0), now=30.0),
        QUIET.replace(**AFTER_DISKS, now=40.0),
        REMEMBERED.replace(**refused(Step.FIND_MEMBERSHIPS), image=Image.FAILED),
        (EARLY, QUIET.replace(removed=True, source=source(Status="Stopped"))), DOWN.replace(disks_retained=True),
    ]),
    (Step.REMOVE, "the source must be in no group", [IMAGING, (EARLY, QUIET)]),
    (Step.WAIT_IMAGE, "only a usable image can start an instance", [
        REMOVED, FOUND.replace(**refused(Step.DRAIN, what=PLACE.group_name, again_at=5.0), **IN_CREATION),
        (EARLY, REMOVED),
    ]),
    (Step.WAIT_SNAPSHOTS, "a stop would disturb a snapshot in creation", [(LATE, USABLE)]),
    (Step.STOP_SOURCE, "SPOTKEEPER_STOP_SOURCE requires it", [
        (EARLY, QUIET.replace(removed=True)), (LATE, USABLE.replace(snapshots_complete=True)),
    ]),
    (Step.WAIT_RUNNING, "only a running instance can join a group", [
        LAUNCHED, LAUNCHED.replace(source=None, image=Image.NONE),
    ]),
    (Step.ADD_REPLACEMENT, "the replacement takes over the memberships", [
        RUNNING.replace(source=None, image=Image.NONE), RUNNING.replace(source=None, image=Image.FAILED),
        RUNNING, (AT_ONCE, FOUND.replace(replacement=Replacement.RUNNING)),
    ]),
    (Step.ASK_HEALTH, "the answer reports the health of the replacement", [
        RETURNED, RUNNING.replace(**refused(Step.ADD_REPLACEMENT, what=PLACE.group_name, again_at=9.0)),
    ]),
    (Step.DELETE_DUPLICATES, "only one replacement may stay", [ASKED, RUNNING.replace(memberships=())]),
    (Step.RESTORE_DISKS, "the disk flags are restored once every snapshot is complete", [
        CHECKED, (NONE, USABLE),
        USABLE.replace(source=source(tags={"spotkeeper:managed": "true", "ack.aliyun.com": "c"})),
    ]),
    (Step.FINISH, "no other step is due", [
        CHECKED.replace(records={**BEGUN, "launch-spec": {}, "usable": {}}), (KEEP_NOTHING, CHECKED), SETTLED,
        SETTLED.replace(disks_retained=False, **refused(Step.RETAIN_DISKS, again_at=9.0)),
        (KEEP_NOTHING, CHECKED.replace(records={**BEGUN, "launch-spec": {}, "usable": {}})),
        (NONE, USABLE.replace(disks_settled=True)), (AT_ONCE, SETTLED.replace(image=Image.NONE)),
        (NONE, GONE.replace(records=BEGUN, image=Image.USABLE, opened=True, memberships=())),
    ]),
    # refused
    (Step.WAIT, "the next try of 'find the memberships' is due in 1.5 s", [
        REMEMBERED.replace(**refused(Step.FIND_MEMBERSHIPS, again_at=1.5)),
    ]),
    (Step.FAIL, "refused: add the replacement to the groups", [
        RUNNING.replace(**refused(Step.ADD_REPLACEMENT, what=PLACE.group_name), **ALL_ELSE),
        SETTLED.replace(returned=False, **refused(Step.ADD_REPLACEMENT, what=PLACE.group_name)),
    ]),
    (Step.RETAIN_DISKS, "the disks are tried again before the image", [QUIET.replace(**BOTH, now=40.0)]),
    # what passes holds up the image for 30 seconds, and is tried again meanwhile
    (Step.WAIT, "the next try of 'find the memberships' is due in 0.5 s", [
        REMEMBERED.replace(**refused(Step.FIND_MEMBERSHIPS, again_at=1.0), now=0.5),
    ]),
    (Step.WAIT, "the next try of 'find the memberships' is due in 0.1 s", [
        REMEMBERED.replace(**refused(Step.FIND_MEMBERSHIPS, again_at=60.0), now=29.9),
    ]),
    (Step.WAIT, "the next try of 'let in-flight requests finish' is due in 1.0 s", [
        DRAINED.replace(**refused(Step.WAIT_DRAIN, again_at=10.0), now=9.0),
    ]),
    (Step.WAIT, "the next try of 'retain the disks' is due in 1.0 s", [
        QUIET.replace(disks_retained=False, **refused(Step.RETAIN_DISKS, again_at=60.0), now=29.0),
    ]),
    # before each further try of the image the disks are tried again
    (Step.WAIT, "the next try of 'make the image' is due in 20.0 s", [
        QUIET.replace(removed=True, **refused(Step.MAKE_IMAGE, again_at=60.0), now=40.0),
    ]),
    (Step.FAIL, "refused: look for duplicate replacements", [SURPLUS.replace(**refused(Step.DELETE_DUPLICATES))]),
    (Step.WAIT, "the next try of 'look for duplicate replacements' is due in 2.0 s", [
        SURPLUS.replace(**refused(Step.DELETE_DUPLICATES, again_at=2.0)),
    ]),
    (Step.FAIL, "refused: make the image", [QUIET.replace(removed=True, **refused(Step.MAKE_IMAGE), now=40.0)]),
    # refusals of load balancers keep neither the replacement nor another group waiting, but the end
    (Step.WAIT, "the next try of 'add the replacement to the groups' is due in 9.0 s", [
        SETTLED.replace(returned=False, **refused(Step.ADD_REPLACEMENT, what=PLACE.group_name, again_at=9.0)),
    ]),
    (Step.FAIL, "refused: find the memberships", [
        SETTLED.replace(unsearched=("lb-2",), **refused(Step.FIND_MEMBERSHIPS, what="lb-2")),
        QUIET.replace(**STOP, unsearched=("lb-2",), **refused(Step.FIND_MEMBERSHIPS, what="lb-2")),
    ]),
    # without its launch spec nothing is launched
    (Step.WAIT, "the next try of 'record the launch spec' is due in 9.0 s", [
        USABLE.replace(records={**BEGUN, "usable": {}}, **refused(Step.RECORD_LAUNCH_SPEC, again_at=9.0)),
    ]),
    (Step.FAIL, "refused: record the launch spec", [
        USABLE.replace(records={**BEGUN, "usable": {}}, **refused(Step.RECORD_LAUNCH_SPEC)),
    ]),
    # settings
    (Step.WAIT, "the next try of 'find the memberships' is due in 9.0 s", [
        (AT_ONCE, REMEMBERED.replace(**refused(Step.FIND_MEMBERSHIPS, again_at=9.0))),
    ]),
    # the source is gone
    (Step.LOSE, "this rescue ended in a loss: r", [GONE.replace(records={**BEGUN, "lost": {"reason": "r"}})]),
    (Step.SKIP, "this rescue ended in a loss: r", [
        (dataclasses.replace(DEFAULTS, dry_run=True), GONE.replace(records={**BEGUN, "lost": {"reason": "r"}})),
    ]),
]  # fmt: skip


def given(case: Any) -> tuple[InterruptionSettings, State]:
    """Settings and facts of a case; facts alone are those of the default settings."""
    return case if isinstance(case, tuple) else (DEFAULTS, case)


FACTS = [given(case)[1] for *_, row in DECISIONS for case in row]


@pytest.mark.parametrize(("step", "reason", "case"), cases(DECISIONS))
def test_decide(step: Step, reason: str, case: Any) -> None:
    """The next step, and its reason word for word."""
    decision = decide(*given(case))
    assert (decision.step, decision.reason) == (step, reason)


def test_every_step_can_be_reached() -> None:
    """Some facts lead to each of them."""
    assert {step for step, _, _ in DECISIONS} == set(Step)


def test_a_decision_stands() -> None:
    """Nobody edits it on its way to the timeline."""
    with pytest.raises(FrozenInstanceError):
        decide(DEFAULTS, START).reason = "another"  # type: ignore[misc]


def combinations() -> list[tuple[InterruptionSettings, State]]:
    """Settings times facts, far more than can really be."""
    chosen = [
        settings(RELAUNCH=relaunch, STOP_SOURCE=stop, RETAIN_DISKS=retain, DRY_RUN=dry)
        for relaunch, stop, retain, dry in itertools.product(
            ("from-image", "at-once", "none"),
            ("before-image", "before-relaunch", "never"),
            ("until-image", "never"),
            ("true", "false"),
        )
        if (relaunch, stop) != ("at-once", "before-relaunch")  # the settings refuse it
    ]
    return list(itertools.product(chosen, FACTS))


def test_each_reason_is_a_sentence() -> None:
    """Whatever the facts, there is a next step, and its reason has words and no loose ends."""
    for chosen, facts in combinations():
        decision = decide(chosen, facts)
        assert len(decision.reason.split()) >= 3
        assert decision.reason == decision.reason.strip()
        assert "None" not in decision.reason
        assert "{" not in decision.reason


def test_a_dry_run_takes_no_step_but_looks() -> None:
    """With SPOTKEEPER_DRY_RUN the loop stops before every other step: nothing is opened in a dry run."""
    reading = {
        Step.LOOK,
        Step.SKIP,
        Step.ANSWER,
        Step.LOAD,
        Step.LOOK_FOR_IMAGE,
        Step.NO_JOURNAL,
        Step.LOOK_AT_WEIGHTS,
        Step.FINISH_STOP_MODE,
    }
    found = {decide(chosen, facts).step for chosen, facts in combinations() if chosen.dry_run and not facts.opened}
    assert {step for step in found if not step.writes} <= reading


def test_it_is_pure() -> None:
    """The same settings and facts give the same decision, and neither is changed."""
    for chosen, facts in combinations():
        before = (dataclasses.asdict(chosen), repr(facts))
        assert decide(chosen, facts) == decide(chosen, facts)
        assert (dataclasses.asdict(chosen), repr(facts)) == before


def test_the_plan_is_the_order_of_the_steps() -> None:
    """Each planned step occurs once, and doing the first never leaves nothing to close with."""
    for chosen, facts in combinations():
        steps = [decision.step for decision in plan(chosen, facts)]
        assert len(steps) == len(set(steps))
        assert not facts.loaded or steps[-1] in {Step.FINISH, Step.FINISH_STOP_MODE, Step.NO_JOURNAL}
