"""The jobs of a sweep, in order of urgency: what each finds, decides and does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spotkeeper.errors import CloudError, DeadlineReached, InaccessibleRecord, JournalUnavailable
from spotkeeper.instances import ALL_STATUSES, Described, describe_images
from spotkeeper.rescue_index import leftovers_due
from sweeping import leftovers, lifecycle_actions, missed_changes, observe
from sweeping.actions import clean_up, invoke
from sweeping.answer import answer
from sweeping.context import Context
from sweeping.decide import CleanUp, Item, RescueAction, decide, decide_clean_up, quota_warnings, urgency
from sweeping.missed_changes import MissedChange
from sweeping.observe import Candidates
from sweeping.report import Job, Report
from sweeping.state import RescueState

RETRY_SECONDS = 3_600.0
"""The pause before a failed deletion is tried again: other leftovers come first."""
MOST_TIDIED = 200
"""So many stale hints are removed in a sweep: they are harmless."""


@dataclass
class Sweep:
    """The jobs of a sweep, with the rescues that they share.

    ``answered`` are the leftovers whose deletion no call has to try again before tomorrow.
    """

    run: Context
    report: Report
    rescues: list[RescueState] = field(default_factory=list)
    seen: Candidates | None = None
    answered: set[str] = field(default_factory=set)

    def answer(self) -> dict[str, Any]:
        """The answer. Raises ``BatchFailed``, and the error of the search for rescues, after everything else.

        Every job has its turn also where that search fails.
        """
        first, *rest = self._jobs(self.run.settings.limit)
        failure = self.report.take(first)
        for job in rest:
            if error := self.report.take(job):
                self.report.failed(job.name, error)
        if failure:
            raise failure
        return answer(self.report)

    def _jobs(self, limit: int) -> tuple[Job, ...]:
        hook, restart = "invoke lifecycle_hook for", "invoke state_change for"
        return (
            Job("rescues", self._rescues, "rescues", "handed_over", "invoke interruption for", limit),
            Job("lifecycle hooks", self._hooks, "lifecycle_hooks", "hooks_handed_over", hook, limit),
            Job("returns", self._returns, "restarts", "handed_back", restart, limit),
            Job("restarts", self._restarts, "restarts", "handed_back", restart, limit),
            Job("clean-up", self._clean_up, "clean_up", "deleted", "clean up", leftovers.MOST),
            Job("index", self._tidy, "clean_up", "deleted", "clean up", 0),
        )

    def _rescues(self) -> Iterator[list[Item]]:
        """Rescues that no call works on. Without the journal, all instances under the lock: their data cannot wait.

        Where the search for those fails, the open rescues of the index; its error is raised after them.
        """
        under_lock, refused = self._under_lock()
        left = under_lock
        try:
            for rescues in self._recorded(under_lock):
                left = {name: left[name] for name in left.keys() - {rescue.instance_id for rescue in rescues}}
                yield self._decided(rescues)
        except JournalUnavailable as error:
            text = str(error)
            unknown = [RescueState(name, 1, left[name], locked=True, unreadable=text) for name in sorted(left)]
            yield self._decided(unknown)
            raise
        if refused:
            raise refused

    def _under_lock(self) -> tuple[dict[str, Described], CloudError | DeadlineReached | None]:
        """The instances under the lock, or the error of the search for them."""
        try:
            with self.run.keeping():
                return observe.locked_instances(self.run), None
        except (CloudError, DeadlineReached) as error:
            return {}, error

    def _recorded(self, locked: Mapping[str, Described]) -> Iterator[list[RescueState]]:
        """Rescues with their records: those under the lock without an image wait for no further read."""
        run = self.run
        self.seen = seen = observe.candidates(run, locked)
        under_lock = self._observed([name for name in seen.ordered(run) if name in seen.under_lock], seen)
        yield [rescue for rescue in under_lock if not _may_have_image(rescue)]
        with run.keeping():
            self.seen = seen = observe.described(run, seen)
        for instance_id, error in seen.errors.items():
            self.report.failed(instance_id, error)
        rest = self._observed([name for name in seen.ordered(run) if name not in seen.under_lock], seen)
        yield self._with_holds([*filter(_may_have_image, under_lock), *rest])
        if seen.error:
            self.report.failed("open rescues", seen.error)

    def _observed(self, instance_ids: list[str], seen: Candidates) -> list[RescueState]:
        """Their states, as far as time allows."""
        reserve = max(0.0, self.run.step_limit.remaining()) / 2  # for invocations
        names = self.run.each(instance_ids, reserve)
        rescues = [observe.rescue(self.run, instance_id, seen) for instance_id in names]
        self.report.cut("rescues", len(instance_ids) - len(rescues))
        for rescue in rescues:
            if rescue.error:
                self.report.failed(rescue.name, rescue.error)
        self.rescues += rescues
        return rescues

    def _decided(self, rescues: list[RescueState]) -> list[Item]:
        items: list[Item] = []
        for decision in (decide(rescue, self.run.now) for rescue in rescues if rescue.managed):
            rescue, name, reason = decision.rescue, decision.rescue.name, decision.reason
            reported = decision.action is RescueAction.REPORT
            if not reported:  # the report of its warning is the record
                self.run.audit.record(decision.action.value, "seen", reason, **rescue.about)
            items.append(
                Item(
                    name,
                    f"{name}: {decision.action.value} ({reason})",
                    due=decision.action is RescueAction.INVOKE,
                    act=functools.partial(invoke.interruption, self.run, rescue),
                    warning=f"{name}: {reason}" if reported else "",
                    about=rescue.about,
                    urgency=urgency(decision, self.run.now),
                    limited=not rescue.locked,
                )
            )
        return items

    def _with_holds(self, rescues: list[RescueState]) -> list[RescueState]:
        """The rescues with the hold tags of their images. Without those, only the urgent rescues under the lock."""
        if not any(_may_have_image(rescue) for rescue in rescues):
            return rescues
        try:
            with self.run.keeping():
                held = observe.held_episodes(self._images, self.run.now)
        except (CloudError, DeadlineReached) as error:
            self.report.failed("images", error)
            return [rescue for rescue in rescues if rescue.locked or not _may_have_image(rescue)]
        return [replace(rescue, image_held=rescue.name in held) for rescue in rescues]

    @functools.cached_property
    def _images(self) -> list[Described]:
        """All custom images of the account in the region, in any state."""
        return describe_images(self.run.ecs, "custom images", {"Status": ALL_STATUSES, "ImageOwnerAlias": "self"})

    def _hooks(self) -> Iterator[list[Item]]:
        """Pending lifecycle actions that no call seems to work on."""
        run = self.run
        with run.keeping():
            found = lifecycle_actions.look(run)
        for name, error in found.errors.items():
            self.report.failed(name, error)
        self.report.cut("scaling groups and failed checks", found.left)
        due = [(action, action.due(run.now)) for action in found.actions]
        yield [
            Item(
                action.name,
                f"{action}: {'invoke lifecycle_hook' if is_due else 'leave'}",
                due=is_due,
                act=functools.partial(invoke.lifecycle_hook, run, action),
            )
            for action, is_due in due
        ]

    def _returns(self) -> Iterator[list[Item]]:
        """Instances in stop mode that run again, or are released."""
        found = (missed_changes.of_rescue(rescue, self.run.now) for rescue in self.rescues)
        changes = [missed_changes.paced(self.run, change) for change in found if change]
        yield [_item(change, functools.partial(self._invoke_and_record, change)) for change in changes]

    def _invoke_and_record(self, change: MissedChange) -> None:
        invoke.state_change(self.run, change)
        missed_changes.record(self.run, change)

    def _restarts(self) -> Iterator[list[Item]]:
        """Stopped instances whose start is due."""
        run, stopped = self.run, missed_changes.stopped(self.run)
        found = [self._of_stopped(instance) for instance in run.each(stopped, run.step_limit.remaining() / 2)]
        self.report.cut("stopped instances", len(stopped) - len(found))
        yield [_item(change, functools.partial(invoke.state_change, run, change)) for change in found if change]

    def _of_stopped(self, instance: Described) -> MissedChange | None:
        """The change of a stopped instance; an inaccessible record of it keeps no other instance from its start."""
        try:
            return missed_changes.of_stopped(self.run, instance)
        except InaccessibleRecord as error:
            self.report.failed(str(instance["InstanceId"]), error)
            return None

    def _clean_up(self) -> Iterator[list[Item]]:
        """Leftovers of finished rescues: reported, and deleted where SPOTKEEPER_SWEEP_DELETE says so; once a day."""
        run, settings = self.run, self.run.settings
        for warning in quota_warnings(self._images, settings):
            self.report.warn(warning)
        due = leftovers_due(run.journal, run.home, run.now, leftovers.MOST)
        looked = 0
        for entry, left in zip(run.each(due), leftovers.look(run, due, self._images), strict=False):
            looked += 1
            decision = decide_clean_up(left, settings, run.now)
            if left.error:
                self.report.failed(left.name, left.error)
            wanted = settings.delete and decision.due
            yield [
                Item(
                    left.name,
                    "" if left.cleaned else leftovers.line(decision),
                    due=wanted,
                    act=functools.partial(self._delete, decision),
                    warning=f"{left.name}: {decision.reason}" if left.unreadable and not left.error else "",
                    about=left.about,
                )
            ]
            again = wanted and left.name not in self.answered
            if settings.dry_run or (again and run.step_limit.remaining() <= 0):
                continue
            until = int(run.now + RETRY_SECONDS) if again else leftovers.next_look(decision, run)
            self.report.attempt(left.name, functools.partial(clean_up.reschedule, run, entry, decision, until))
        self.report.cut("finished rescues", len(due) - looked)

    def _delete(self, decision: CleanUp) -> bool:
        """Whether anything of these leftovers was deleted; what stays is a warning."""
        left = decision.leftover
        deleted, stay = clean_up.delete(self.run, decision)
        self.answered.add(left.name)
        if stay:
            reason = f"in use, tried again in a day: {', '.join(stay)}"
            self.report.warn(f"{left.name}: {reason}", **left.about)
        return deleted

    def _tidy(self) -> Iterator[list[Item]]:
        """Stale entries of the index, and stale signs of life: removed without a line in the answer."""
        run, seen = self.run, self.seen
        if seen and not run.settings.dry_run:
            stale = [*observe.stale_index(run, seen, self.rescues), *observe.stale_signs(run, seen, self.rescues)]
            for key in run.each(stale[:MOST_TIDIED]):
                run.journal.delete(key)
        yield []


def _item(change: MissedChange, act: Callable[[], None]) -> Item:
    warning = f"{change.name}: {change.reason}" if change.needs_human else ""
    about = {"instance_id": change.instance_id, **({"episode": change.episode} if change.episode else {})}
    return Item(change.name, str(change), due=change.due, act=act, warning=warning, about=about)


def _may_have_image(rescue: RescueState) -> bool:
    return any(name.startswith(("image-", "usable")) for name in rescue.records)
