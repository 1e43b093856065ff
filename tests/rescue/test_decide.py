"""``decide`` as a table: what is next, given settings and facts; and that every step can be reached."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import pytest

from rescue.decide import decide, plan
from rescue.facts import Facts, Image, Replacement
from rescue.tracks import Step
from spotkeeper.errors import CloudError, SpotkeeperError
from spotkeeper.load_balancers import Membership
from spotkeeper.refusals import Refusal
from spotkeeper.settings import InterruptionSettings

DEFAULTS = InterruptionSettings.from_env({"SPOTKEEPER_JOURNAL": "file:///journal"})
PLACE = Membership("clb", "lb-1", "", "i-1", None, 80, "ecs")
BEGUN: dict[str, Any] = {"event": {"notice_end": 300.0}}
ALL: dict[str, Any] = {**BEGUN, "disks": {}, "plan": {}, "memberships": {}, "usable": {}, "replacement": {}}


def settings(**variables: str) -> InterruptionSettings:
    """Settings from variables named without their prefix."""
    named = {f"SPOTKEEPER_{name}": value for name, value in variables.items()}
    return InterruptionSettings.from_env({"SPOTKEEPER_JOURNAL": "file:///journal", **named})


def source(**changes: Any) -> dict[str, Any]:
    """A managed spot instance under the lock, as DescribeInstances shows it; ``tags`` and ``lock`` are short forms."""
    tags = changes.pop("tags", {"spotkeeper:managed": "true"})
    lock = changes.pop("lock", "Recycling")
    return {
        "InstanceId": "i-1",
        "Status": "Running",
        "SpotStrategy": "SpotAsPriceGo",
        "OperationLocks": {"LockReason": [{"LockReason": lock}] if lock else []},
        "Tags": {"Tag": [{"TagKey": key, "TagValue": value} for key, value in tags.items()]},
        **changes,
    }


def refusal(error: SpotkeeperError, since: float = 0.0, again_at: float = math.inf) -> Refusal:
    """A try that was refused, and the only one."""
    return Refusal(error, since, since, since, 1, again_at)


def refused(*steps: Step, again_at: float = math.inf, since: float = 0.0, what: str = "") -> dict[str, Any]:
    """Facts of steps that were refused; for good unless ``again_at`` says when they are tried again."""
    found = {(step, what): refusal(CloudError("Describe", "lb-1", "Throttling"), since, again_at) for step in steps}
    return {"refusals": found, "lb_since": since}


START = Facts(now=0.0, entered=0.0, notice_end=300.0)
SEEN = START.but(source_seen=True, source=source())
LOADED = SEEN.but(loaded=True, image=Image.NONE)
OPENED = LOADED.but(opened=True, records=BEGUN)
RETAINED = OPENED.but(disks_retained=True, records={**BEGUN, "disks": {}})
RECALLED = RETAINED.but(records={**BEGUN, "disks": {}, "plan": {}})
REMEMBERED = RECALLED.but(spec_checked=True)
FOUND = REMEMBERED.but(memberships=(PLACE,))
DRAINED = FOUND.but(drained=True)
QUIET = DRAINED.but(drain_waited=True)
IMAGING = QUIET.but(image=Image.CREATING, image_id="m-1")
REMOVED = IMAGING.but(removed=True)
USABLE = REMOVED.but(image=Image.USABLE, records={**REMEMBERED.records, "usable": {}})
LAUNCHED = USABLE.but(replacement=Replacement.STARTING, replacement_id="i-2", records=ALL)
RUNNING = LAUNCHED.but(replacement=Replacement.RUNNING)
RETURNED = RUNNING.but(returned=True)
ASKED = RETURNED.but(health_asked=True)
CHECKED = ASKED.but(strays_checked=True)
SETTLED = CHECKED.but(disks_settled=True, snapshots_complete=True)
GONE = LOADED.but(source=None)
DOWN = LOADED.but(journal_reached=False)
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

TABLE = [
    (DEFAULTS, START, Step.LOOK),
    # the guard
    (DEFAULTS, SEEN, Step.LOAD),
    (DEFAULTS, SEEN.but(source=source(SpotStrategy="NoSpot")), Step.SKIP),
    (DEFAULTS, SEEN.but(source=source(SpotStrategy="")), Step.SKIP),
    (DEFAULTS, SEEN.but(source=source(SpotStrategy="SpotWithPriceLimit")), Step.LOAD),
    (DEFAULTS, SEEN.but(source=source(tags={})), Step.SKIP),
    (DEFAULTS, SEEN.but(source={**source(), "Tags": None}), Step.SKIP),
    (settings(MANAGED_TAG="team"), SEEN.but(source=source(tags={"team": "x"})), Step.LOAD),
    (DEFAULTS, SEEN.but(source=source(lock="")), Step.WAIT_FOR_LOCK),
    (DEFAULTS, SEEN.but(source=source(lock="security")), Step.WAIT_FOR_LOCK),
    (DEFAULTS, SEEN.but(source=source(lock="recycling")), Step.LOAD),
    (DEFAULTS, SEEN.but(source=source(lock=""), now=59.9), Step.WAIT_FOR_LOCK),
    (DEFAULTS, SEEN.but(source=source(lock=""), now=60.0), Step.LOAD),
    (DEFAULTS, LOADED.but(source=source(lock=""), now=60.0), Step.SKIP),
    (DEFAULTS, LOADED.but(source=source(lock=""), now=60.0, records=BEGUN), Step.UNLOCKED),
    (DEFAULTS, OPENED.but(source=source(lock=""), now=60.0, lock_seen=True), Step.RETAIN_DISKS),
    (
        DEFAULTS,
        OPENED.but(source=source(lock="", SpotInterruptionBehavior="Stop"), now=60.0, lock_seen=True),
        Step.SKIP,
    ),
    (settings(REQUIRE_RECYCLING_LOCK="false"), SEEN.but(source=source(lock="")), Step.LOAD),
    (settings(DRY_RUN="true"), SEEN.but(source=source(lock="")), Step.LOAD),
    (settings(DRY_RUN="true"), SEEN.but(source=source(SpotStrategy="NoSpot")), Step.SKIP),
    (settings(DRY_RUN="true"), LOADED, Step.OPEN),
    # a rescue, step by step
    (DEFAULTS, LOADED, Step.OPEN),
    (DEFAULTS, RETAINED.but(image=Image.UNKNOWN), Step.LOOK_FOR_IMAGE),
    (DEFAULTS, OPENED, Step.RETAIN_DISKS),
    (DEFAULTS, RETAINED, Step.REMEMBER),
    (DEFAULTS, REMEMBERED, Step.FIND_MEMBERSHIPS),
    (DEFAULTS, FOUND, Step.DRAIN),
    (DEFAULTS, DRAINED, Step.WAIT_DRAIN),
    (DEFAULTS, QUIET, Step.MAKE_IMAGE),
    (DEFAULTS, IMAGING, Step.REMOVE),
    (DEFAULTS, REMOVED, Step.WAIT_IMAGE),
    (DEFAULTS, REMOVED.but(image=Image.FAILED), Step.MAKE_IMAGE),
    (DEFAULTS, USABLE, Step.LAUNCH),
    (DEFAULTS, LAUNCHED, Step.WAIT_RUNNING),
    (DEFAULTS, RUNNING, Step.RETURN),
    (DEFAULTS, RETURNED, Step.ASK_HEALTH),
    (DEFAULTS, ASKED, Step.CHECK_STRAYS),
    (DEFAULTS, CHECKED, Step.RESTORE_DISKS),
    (DEFAULTS, SETTLED, Step.FINISH),
    (DEFAULTS, SETTLED.but(records={**ALL, "done": {}}), Step.ANSWER),
    # no load balancer
    (DEFAULTS, REMEMBERED.but(memberships=()), Step.MAKE_IMAGE),
    (DEFAULTS, RUNNING.but(memberships=()), Step.CHECK_STRAYS),
    # what is refused for good before the image is passed
    (DEFAULTS, REMEMBERED.but(**refused(Step.FIND_MEMBERSHIPS)), Step.MAKE_IMAGE),
    (DEFAULTS, FOUND.but(**refused(Step.DRAIN, what=PLACE.group_name)), Step.MAKE_IMAGE),
    (DEFAULTS, OPENED.but(**refused(Step.RETAIN_DISKS)), Step.REMEMBER),
    (DEFAULTS, REMEMBERED.but(disks_retained=False, memberships=(), **refused(Step.RETAIN_DISKS)), Step.MAKE_IMAGE),
    # what passes holds up the image for 30 seconds, and is tried again meanwhile
    (DEFAULTS, REMEMBERED.but(**refused(Step.FIND_MEMBERSHIPS, again_at=1.0), now=0.5), Step.WAIT),
    (DEFAULTS, REMEMBERED.but(**refused(Step.FIND_MEMBERSHIPS, again_at=1.0), now=1.0), Step.FIND_MEMBERSHIPS),
    (DEFAULTS, REMEMBERED.but(**refused(Step.FIND_MEMBERSHIPS, again_at=60.0), now=29.9), Step.WAIT),
    (DEFAULTS, REMEMBERED.but(**refused(Step.FIND_MEMBERSHIPS, again_at=60.0), now=30.0), Step.MAKE_IMAGE),
    (DEFAULTS, FOUND.but(**refused(Step.DRAIN, what=PLACE.group_name, again_at=1.0), now=31.0), Step.MAKE_IMAGE),
    (DEFAULTS, DRAINED.but(**refused(Step.WAIT_DRAIN, again_at=10.0), now=9.0), Step.WAIT),
    (DEFAULTS, QUIET.but(disks_retained=False, **refused(Step.RETAIN_DISKS, again_at=60.0), now=29.0), Step.WAIT),
    (DEFAULTS, QUIET.but(disks_retained=False, **refused(Step.RETAIN_DISKS, again_at=60.0), now=30.0), Step.MAKE_IMAGE),
    # usable is not safe: the disks are tried until the snapshots are complete
    (DEFAULTS, USABLE.but(disks_retained=False, **refused(Step.RETAIN_DISKS, again_at=0.0)), Step.RETAIN_DISKS),
    (DEFAULTS, USABLE.but(disks_retained=False, **refused(Step.RETAIN_DISKS, again_at=9.0)), Step.LAUNCH),
    (DEFAULTS, USABLE.but(disks_retained=False), Step.LAUNCH),
    (DEFAULTS, SETTLED.but(disks_retained=False, **refused(Step.RETAIN_DISKS, again_at=9.0)), Step.FINISH),
    # load balancers are drained while the disks refuse, and one while another refuses
    (DEFAULTS, FOUND.but(disks_retained=False, **refused(Step.RETAIN_DISKS, again_at=60.0)), Step.DRAIN),
    (
        DEFAULTS,
        FOUND.but(unsearched=("lb-2",), **refused(Step.FIND_MEMBERSHIPS, what="lb-2", again_at=9.0)),
        Step.DRAIN,
    ),
    (DEFAULTS, FOUND.but(unsearched=("lb-2",), **refused(Step.FIND_MEMBERSHIPS, what="lb-2")), Step.DRAIN),
    # before each further try of the image the disks are tried again
    (DEFAULTS, QUIET.but(**BOTH, now=40.0), Step.RETAIN_DISKS),
    (DEFAULTS, QUIET.but(**AFTER_DISKS, now=40.0), Step.MAKE_IMAGE),
    (DEFAULTS, QUIET.but(removed=True, **refused(Step.MAKE_IMAGE, again_at=60.0), now=40.0), Step.WAIT),
    (DEFAULTS, QUIET.but(removed=True, **refused(Step.MAKE_IMAGE), now=40.0), Step.FAIL),
    # what is late comes while the image is refused, and after it
    (DEFAULTS, FOUND.but(**refused(Step.MAKE_IMAGE, again_at=60.0), now=40.0), Step.DRAIN),
    (DEFAULTS, FOUND.but(**refused(Step.DRAIN, what=PLACE.group_name, again_at=5.0), **IN_CREATION), Step.WAIT_IMAGE),
    (DEFAULTS, FOUND.but(**refused(Step.DRAIN, what=PLACE.group_name, again_at=0.0), **IN_CREATION), Step.DRAIN),
    (DEFAULTS, REMEMBERED.but(**refused(Step.FIND_MEMBERSHIPS), image=Image.FAILED), Step.MAKE_IMAGE),
    # refusals of load balancers keep neither the replacement nor another group waiting, but the end
    (DEFAULTS, REMEMBERED.but(**refused(Step.FIND_MEMBERSHIPS, again_at=9.0), image=Image.USABLE), Step.LAUNCH),
    (DEFAULTS, RUNNING.but(**refused(Step.RETURN, what=PLACE.group_name, again_at=9.0)), Step.ASK_HEALTH),
    (DEFAULTS, SETTLED.but(returned=False, **refused(Step.RETURN, what=PLACE.group_name, again_at=9.0)), Step.WAIT),
    (DEFAULTS, SETTLED.but(returned=False, **refused(Step.RETURN, what=PLACE.group_name)), Step.FAIL),
    (DEFAULTS, SETTLED.but(unsearched=("lb-2",), **refused(Step.FIND_MEMBERSHIPS, what="lb-2")), Step.FAIL),
    # without its launch spec nothing is launched
    (DEFAULTS, USABLE.but(records={**BEGUN, "usable": {}}, **refused(Step.REMEMBER, again_at=9.0)), Step.WAIT),
    (DEFAULTS, USABLE.but(records={**BEGUN, "usable": {}}, **refused(Step.REMEMBER)), Step.FAIL),
    # settings
    (KEEP_NOTHING, OPENED, Step.REMEMBER),
    (KEEP_NOTHING, CHECKED.but(records={**BEGUN, "plan": {}, "usable": {}}), Step.FINISH),
    (NONE, USABLE, Step.RESTORE_DISKS),
    (NONE, USABLE.but(disks_settled=True), Step.FINISH),
    (EARLY, QUIET, Step.REMOVE),
    (EARLY, QUIET.but(removed=True), Step.STOP_SOURCE),
    (EARLY, QUIET.but(removed=True, source=source(Status="Stopped")), Step.MAKE_IMAGE),
    (EARLY, REMOVED, Step.WAIT_IMAGE),
    (LATE, USABLE, Step.WAIT_SNAPSHOTS),
    (LATE, USABLE.but(snapshots_complete=True), Step.STOP_SOURCE),
    (LATE, USABLE.but(source=source(Status="Stopped")), Step.LAUNCH),
    (AT_ONCE, LOADED, Step.OPEN),
    (AT_ONCE, OPENED, Step.REMEMBER),
    (AT_ONCE, REMEMBERED, Step.FIND_MEMBERSHIPS),
    (AT_ONCE, REMEMBERED.but(**refused(Step.FIND_MEMBERSHIPS)), Step.LAUNCH),
    (AT_ONCE, REMEMBERED.but(**refused(Step.FIND_MEMBERSHIPS, again_at=9.0)), Step.WAIT),
    (AT_ONCE, REMEMBERED.but(**refused(Step.FIND_MEMBERSHIPS, again_at=90.0), now=30.0), Step.LAUNCH),
    (AT_ONCE, FOUND, Step.LAUNCH),
    (AT_ONCE, REMEMBERED.but(replacement=Replacement.STARTING), Step.FIND_MEMBERSHIPS),
    (AT_ONCE, FOUND.but(replacement=Replacement.RUNNING), Step.RETURN),
    (AT_ONCE, FOUND.but(replacement=Replacement.RUNNING, returned=True), Step.DRAIN),
    (AT_ONCE, SETTLED.but(image=Image.NONE), Step.FINISH),
    # what others made
    (
        DEFAULTS,
        USABLE.but(source=source(tags={"spotkeeper:managed": "true", "ack.aliyun.com": "c"})),
        Step.RESTORE_DISKS,
    ),
    (AT_ONCE, OPENED.but(source=source(tags={"spotkeeper:managed": "true", "ack.aliyun.com": "c"})), Step.RETAIN_DISKS),
    # stop mode
    (DEFAULTS, LOADED.but(**STOP), Step.OPEN),
    (DEFAULTS, OPENED.but(**STOP), Step.FIND_MEMBERSHIPS),
    (DEFAULTS, OPENED.but(**STOP, memberships=(PLACE,)), Step.DRAIN),
    (DEFAULTS, QUIET.but(**STOP), Step.FINISH_STOP_MODE),
    (DEFAULTS, QUIET.but(**STOP, unsearched=("lb-2",)), Step.FIND_MEMBERSHIPS),
    (DEFAULTS, QUIET.but(**STOP, unsearched=("lb-2",), **refused(Step.FIND_MEMBERSHIPS, what="lb-2")), Step.FAIL),
    (DEFAULTS, GONE.but(records={"event": {"SpotInterruptionBehavior": "stop"}}), Step.SKIP),
    # the source is gone
    (DEFAULTS, GONE, Step.SKIP),
    (DEFAULTS, GONE.but(records=BEGUN), Step.LOSE),
    (DEFAULTS, GONE.but(records=BEGUN, image=Image.FAILED), Step.LOSE),
    (DEFAULTS, GONE.but(records=BEGUN, image=Image.UNKNOWN), Step.OPEN),
    (DEFAULTS, GONE.but(records=BEGUN, image=Image.USABLE, image_id="m-1"), Step.LOSE),
    (DEFAULTS, GONE.but(records={**BEGUN, "plan": {}}, image=Image.CREATING, opened=True), Step.FIND_MEMBERSHIPS),
    (NONE, GONE.but(records=BEGUN, image=Image.USABLE, opened=True, memberships=()), Step.FINISH),
    (AT_ONCE, GONE.but(records=BEGUN), Step.LOSE),
    (DEFAULTS, GONE.but(records={**BEGUN, "lost": {"reason": "r"}}), Step.LOSE),
    (dataclasses.replace(DEFAULTS, dry_run=True), GONE.but(records={**BEGUN, "lost": {"reason": "r"}}), Step.SKIP),
    # no journal
    (DEFAULTS, DOWN.but(image=Image.UNKNOWN, disks_retained=True), Step.LOOK_FOR_IMAGE),
    (DEFAULTS, DOWN, Step.RETAIN_DISKS),
    (DEFAULTS, DOWN.but(disks_retained=True), Step.MAKE_IMAGE),
    (DEFAULTS, DOWN.but(disks_retained=True, image=Image.CREATING), Step.NO_JOURNAL),
    (AT_ONCE, DOWN, Step.NO_JOURNAL),
    (DEFAULTS, DOWN.but(**STOP), Step.NO_JOURNAL),
    (DEFAULTS, GONE.but(journal_reached=False), Step.NO_JOURNAL),
]


@pytest.mark.parametrize(("chosen", "facts", "step"), TABLE)
def test_the_next_step(chosen: InterruptionSettings, facts: Facts, step: Step) -> None:
    """One row of the table."""
    assert decide(chosen, facts).step is step


def test_every_step_can_be_reached() -> None:
    """No step exists that no facts lead to."""
    assert {step for _, _, step in TABLE} == set(Step)


def combinations() -> list[tuple[InterruptionSettings, Facts]]:
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
    facts = [facts for _, facts, _ in TABLE]
    return list(itertools.product(chosen, facts))


def test_each_reason_is_a_sentence() -> None:
    """Whatever the facts, there is a next step, and its reason has words and no loose ends."""
    for chosen, facts in combinations():
        decision = decide(chosen, facts)
        assert len(decision.reason.split()) >= 3
        assert decision.reason == decision.reason.strip()
        assert "None" not in decision.reason
        assert "{" not in decision.reason


def test_a_dry_run_takes_no_step_but_looks() -> None:
    """With SPOTKEEPER_DRY_RUN every other step is one that the loop stops before: nothing is opened in a dry run."""
    reading = {
        Step.LOOK,
        Step.SKIP,
        Step.ANSWER,
        Step.LOAD,
        Step.LOOK_FOR_IMAGE,
        Step.NO_JOURNAL,
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
