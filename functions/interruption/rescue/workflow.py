"""The loop: look, decide, act, look again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rescue import (
    checked_records,
    disks,
    dry_run,
    image,
    kept_disks,
    memberships,
    remember,
    replacement,
    report,
    search,
    source,
    succession,
    surplus,
    trail,
)
from rescue.decide import DUE, Decision, decide
from rescue.facts import Facts, Image, Replacement
from rescue.refusals import accepted, as_error, later, refused
from rescue.tools import NOTICE_SECONDS, Tools
from rescue.tracks import BY_GROUP, HOLD_UP_SECONDS, LOAD_BALANCER, SIDE_BY_SIDE, Step, again_at, track
from spotkeeper import episode, hints
from spotkeeper.clock import Deadline
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import (
    CloudError,
    DeadlineReached,
    JournalUnavailable,
    NoCapacity,
    RescueFailed,
    RescueLost,
    SpotkeeperError,
)
from spotkeeper.instances import iso, server_ids, tags_of
from spotkeeper.load_balancers.search import Search
from spotkeeper.settings import StopSource

AT_ONCE_OR_LATER = SIDE_BY_SIDE - {Step.WAIT_DRAIN} | {Step.LOOK_FOR_IMAGE}
"""Steps that wait for nothing: what is refused of them is tried again by the loop."""
TICK = 0.1
"""Seconds that pass at least before a step goes on whose time was up."""


@dataclass
class Rescue:
    """One call's work on one rescue."""

    tools: Tools
    event: Mapping[str, Any]
    attempt: Mapping[str, Any]
    timeline: list[dict[str, Any]] = field(default_factory=list)
    _search: Search | None = None
    _journal_error: JournalUnavailable | None = None

    def run(self, facts: Facts) -> dict[str, Any]:
        """Step by step until there is an answer. Raises what the acts raise."""
        while True:
            facts = facts.but(now=self.tools.clock.now(), records=dict(self.tools.episode.records))
            decision = decide(self.tools.settings, facts)
            if decision.step is Step.PLAN:
                return dry_run.answer(self.tools, facts)
            if answer := report.answers(self.tools, facts, decision, self.timeline):
                return answer
            facts = self._progressed(decision, facts)

    def _progressed(self, decision: Decision, facts: Facts) -> Facts:
        after = self._timed(decision, facts)
        # A warning is no progress: with a new request id in it, it is another one each time.
        same = after.but(warnings=facts.warnings) == facts
        if same and self.tools.episode.records == facts.records:
            raise RescueFailed(f"{decision.step.value} changed nothing: a mistake in Spotkeeper, please report it")
        return after

    def _timed(self, decision: Decision, facts: Facts) -> Facts:
        started = self.tools.clock.now()
        try:
            after = self._act(decision, facts)
        except SpotkeeperError as error:
            trail.failed(self.tools, facts, decision, error)
            raise
        finally:
            seconds = round(self.tools.clock.now() - started, 3)
            self.timeline.append({"step": decision.step.value, "started_at": iso(started), "seconds": seconds})
        self._tell(facts, after, decision)
        return after

    def _tell(self, before: Facts, after: Facts, decision: Decision) -> None:
        """The audit: what was refused of the step, and the step itself where not all of it was."""
        news = [
            one
            for key, one in after.refusals.items()
            if key[0] is decision.step and one is not before.refusals.get(key)
        ]
        refusals = [one for one in news if not isinstance(one.error, DeadlineReached)]
        for one in refusals:
            trail.failed(self.tools, after, decision, one.error)
        if not refusals or (decision.step in BY_GROUP and after.settled != before.settled):
            trail.done(self.tools, before, after, decision)

    def _act(self, decision: Decision, facts: Facts) -> Facts:
        """Do the step. One of the track that is refused is tried again later; without a journal less is done."""
        step = decision.step
        if step is Step.WAIT:
            return self._wait(decision, facts)
        in_track = facts.loaded and step in track(self.tools.settings, facts)
        if in_track and step in LOAD_BALANCER and facts.lb_since is None:
            facts = facts.but(lb_since=facts.now)
        until = self._until(step, facts) if in_track else self.tools.deadline
        self.tools.step.until = until
        try:
            after = ACTS[step](self, facts, until)
        except JournalUnavailable as error:
            if not facts.journal_reached or step is Step.NO_JOURNAL:
                raise
            self._journal_error = error
            return facts.but(journal_reached=False, loaded=True)
        except RescueLost:
            raise
        except (CloudError, DeadlineReached, RescueFailed, NoCapacity) as error:
            if not in_track:
                raise
            return self._refused(step, facts, error, until)
        return after if step in SIDE_BY_SIDE - {Step.REMEMBER} else accepted(after, step)

    def _refused(self, step: Step, facts: Facts, error: SpotkeeperError, until: Deadline) -> Facts:
        now = self.tools.clock.now()
        if isinstance(error, DeadlineReached) and until.at >= self.tools.deadline.at:
            raise error
        if step is Step.MAKE_IMAGE and facts.image is Image.FAILED:
            facts = facts.but(image=Image.UNKNOWN)  # the try after the failed one may have made an image all the same
        if isinstance(error, DeadlineReached) and not self._too_slow(step, facts):
            return later(facts, step, "", error, now + max(TICK, until.remaining()))
        after = refused(facts, step, "", error, now)
        first = (step, "") not in facts.refusals
        passed = step in SIDE_BY_SIDE or self._too_slow(step, facts)
        return after.warn(f"{step.value}: {error}") if first and passed else after

    def _until(self, step: Step, facts: Facts) -> Deadline:
        """Until when the step may wait inside itself: not past the next try of what is more urgent."""
        if step in AT_ONCE_OR_LATER:
            return self.tools.deadline.sooner(search.SLICE_SECONDS if step is Step.FIND_MEMBERSHIPS else 0.0)
        settings = self.tools.settings
        steps = track(settings, facts)
        urgent = [one for one in steps[: steps.index(step)] if DUE[one](settings, facts)]
        if step is Step.MAKE_IMAGE and Step.RETAIN_DISKS in urgent:
            return self.tools.deadline.sooner(0.0)  # the disks have their turn before each further try
        wait = min((again_at(one, facts) for one in urgent), default=math.inf) - self.tools.clock.now()
        if step is Step.STOP_SOURCE and self._before_image(facts):
            wait = min(wait, HOLD_UP_SECONDS)
        return self.tools.deadline.sooner(max(0.0, wait))

    def _before_image(self, facts: Facts) -> bool:
        return self.tools.settings.stop_source is StopSource.BEFORE_IMAGE and not facts.has_image

    def _too_slow(self, step: Step, facts: Facts) -> bool:
        """Whether the step has held up the image for long enough: a source that does not stop is imaged as it runs."""
        return step is Step.STOP_SOURCE and self._before_image(facts)

    def _wait(self, decision: Decision, facts: Facts) -> Facts:
        """Sleep until the next try. Raises what was refused where this call has no time for one."""
        seconds = decision.at - self.tools.clock.now()
        if seconds >= self.tools.deadline.remaining():
            raise as_error(facts)
        self.tools.clock.sleep(seconds)
        return facts.but(now=self.tools.clock.now())

    def open(self, facts: Facts, _: Deadline) -> Facts:
        """Begin the episode, or join it, and leave word of this call."""
        described = {
            **self.event,
            "notice_end": facts.notice_end,
            "notice_estimated": facts.notice_estimated,
            "maker": facts.maker,
            "SpotInterruptionBehavior": (facts.source or {}).get("SpotInterruptionBehavior"),
            "launched_by": tags_of(facts.source).get(EPISODE_TAG),
            "server_ids": sorted(server_ids(facts.source, self.tools.instance_id)),
        }
        hints.begin(self.tools.episode, described, facts.now)
        self.tools.attempt = self.tools.episode.claim("attempt", self.attempt)
        self.tools.life.begin(self.tools.episode, self.tools.attempt)
        return facts.but(opened=True)

    def load(self, facts: Facts, _: Deadline) -> Facts:
        """What earlier calls of this rescue have left in the journal."""
        event_time = self.event["time"]
        self.tools.episode = episode.load(self.tools.episode, facts.entered if event_time is None else event_time)
        return source.judge_notice(self.tools, resume(self.tools, facts.but(loaded=True)))

    def remember(self, facts: Facts, until: Deadline) -> Facts:
        """Record the launch spec, if it was read while the source stood; with the disks' flags as they were."""
        facts = remember.remember_disks(self.tools, facts, until)
        plan = remember.observe_launch_spec(self.tools, facts, until)
        facts = source.look_if_stale(self.tools, facts)
        if not facts.gone:
            facts = checked_records.settle_launch_spec(self.tools, facts, plan)
        return facts

    def find(self, facts: Facts, until: Deadline) -> Facts:
        """Search where the last search stopped."""
        if self._search is None:
            self._search = search.begin(self.tools, facts)
        return search.find(self.tools, facts, self._search, until)

    def fail(self, facts: Facts, _: Deadline) -> Facts:
        """The end of a call in which something was refused for good, once everything else is done."""
        raise as_error(facts)

    def unlocked(self, _: Facts, __: Deadline) -> Facts:
        """The end of a call that finds half a rescue of an instance that is not to be reclaimed any more."""
        raise RescueFailed(
            f"{self.tools.instance_id} is not under the Recycling lock any more, and its rescue "
            f"{self.tools.episode.name} is not finished: it may be in no group, at weight 0 or stopped. Its "
            f"memberships are in the journal ({self.tools.episode.key('memberships')}). "
            "SPOTKEEPER_REQUIRE_RECYCLING_LOCK=false finishes the rescue without the lock"
        )

    def no_journal(self, facts: Facts, _: Deadline) -> Facts:
        """The end of a call that has no journal."""
        image = f" Image {facts.image_id} was asked for." if facts.image_id else ""
        more = f"{image}{kept_disks.kept_without_record(self.tools, facts)}"
        assert self._journal_error is not None  # noqa: S101 - only an error of the journal leads here
        raise self._journal_error.adding(more) from self._journal_error

    def lose(self, facts: Facts, _: Deadline) -> Facts:
        """Write down that this rescue cannot succeed any more, and say what is left; every later call says it again.

        What a call side by side has written since this one read the journal may be the very thing that was missing.
        """
        if lost := facts.records.get("lost"):
            raise RescueLost(str(lost["reason"]))
        known = self.tools.episode.records.keys()
        self.tools.episode = episode.load(self.tools.episode, facts.entered)
        if self.tools.episode.records.keys() - known:
            return resume(self.tools, facts)
        for name, error in self.tools.episode.broken.items():
            if name not in self.tools.episode.records:
                raise error  # it may be the very thing that is missing, and a human may bring it back
        image_left = f"The image {facts.image_id} is usable. " if facts.image is Image.USABLE else ""
        left = image_left + kept_disks.way_back(self.tools)
        reason = f"{self.tools.instance_id} was released before its rescue was complete. {left}"
        self.tools.episode.record("lost", {"reason": reason, "at": self.tools.clock.now()})
        raise RescueLost(reason)

    def finish(self, facts: Facts, _: Deadline) -> Facts:
        """Close the episode with the answer that every later call gives."""
        facts = facts.warn(*facts.unretained)
        closing, leaves = report.closing(self.tools, facts, self.timeline), bool(facts.image_id)
        leaves = leaves or facts.disks is not None
        if stays := hints.finish(self.tools.episode, closing, self.tools.clock.now(), leaves=leaves):
            self.tools.life.miss(stays)
        return facts.but(strays_checked=True)


def resume(tools: Tools, facts: Facts) -> Facts:
    """The facts that the episode's records hold."""
    records = tools.episode.records
    facts = facts.warn(*(str(error) for error in tools.episode.broken.values()))
    if begun := records.get("event"):
        end = min(float(begun["notice_end"]), facts.entered + NOTICE_SECONDS)  # no notice is longer
        facts = facts.but(notice_end=end, notice_estimated=bool(begun["notice_estimated"]))
    if facts.gone or checked_records.may_have_left(records):  # else the search tells whether they are true
        facts = search.recall(tools, facts)
    if launched := succession.named(records):
        facts = facts.but(replacement=Replacement.STARTING, replacement_id=str(launched["instance_id"]))
    # A call that had no journal may have made an image that no record tells of; only a first call that finds the source
    # standing need not look (its CreateImage has the same token, so it would be given that very image).
    first = facts.source is not None and "event" not in records
    return facts.but(records=dict(records), drained="drained" in records, image=Image.NONE if first else Image.UNKNOWN)


Act = Callable[[Rescue, Facts, Deadline], Facts]

ACTS: dict[Step, Act] = {
    Step.LOOK: lambda r, facts, _: source.look(r.tools, facts),
    Step.WAIT_FOR_LOCK: lambda r, facts, _: source.wait_for_lock(r.tools, facts),
    Step.LOAD: Rescue.load,
    Step.OPEN: Rescue.open,
    Step.LOOK_FOR_IMAGE: lambda r, facts, _: image.look_for_image(r.tools, facts),
    Step.RETAIN_DISKS: lambda r, facts, until: disks.retain(r.tools, facts, until),
    Step.REMEMBER: Rescue.remember,
    Step.FIND_MEMBERSHIPS: Rescue.find,
    Step.DRAIN: lambda r, facts, _: memberships.drain(r.tools, facts),
    Step.WAIT_DRAIN: lambda r, facts, until: memberships.wait_drain(r.tools, facts, until),
    Step.REMOVE: lambda r, facts, _: memberships.remove(r.tools, facts),
    Step.STOP_SOURCE: lambda r, facts, until: source.stop(r.tools, facts, until),
    Step.MAKE_IMAGE: lambda r, facts, until: image.make_image(r.tools, facts, until),
    Step.WAIT_IMAGE: lambda r, facts, until: image.wait_for_image(r.tools, facts, until),
    Step.WAIT_SNAPSHOTS: lambda r, facts, until: disks.wait_for_snapshots(r.tools, facts, until),
    Step.LAUNCH: lambda r, facts, _: replacement.launch(r.tools, facts),
    Step.WAIT_RUNNING: lambda r, facts, until: replacement.wait_until_running(r.tools, facts, until),
    Step.RETURN: lambda r, facts, _: memberships.return_replacement(r.tools, facts),
    Step.ASK_HEALTH: lambda r, facts, _: memberships.ask_health(r.tools, facts),
    Step.CHECK_STRAYS: lambda r, facts, _: surplus.check_strays(r.tools, facts),
    Step.RESTORE_DISKS: lambda r, facts, until: disks.restore(r.tools, facts, until),
    Step.FAIL: Rescue.fail,
    Step.UNLOCKED: Rescue.unlocked,
    Step.NO_JOURNAL: Rescue.no_journal,
    Step.LOSE: Rescue.lose,
    Step.FINISH: Rescue.finish,
}
