"""One sweep: its jobs, in order of urgency."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from spotkeeper.errors import CloudError, DeadlineReached, RefusedRecord
from spotkeeper.function import Invocation
from spotkeeper.hints import open_key
from spotkeeper.instances import Described
from spotkeeper.run_context import journal_opener
from spotkeeper.settings import HandBackSettings, HookSweepSettings, SweepSettings
from sweeping.actions import clean_up, hand_over
from sweeping.context import Context, TimedApi
from sweeping.decide import Action, Item, decide, decide_clean_up, quota_warnings, urgency
from sweeping.jobs import Job, Report
from sweeping.leftovers import MOST, Leftovers, leftover_line, next_look
from sweeping.pending_actions import PendingActions
from sweeping.reader import Candidates, Reader, held_episodes, stale_signs
from sweeping.returns import Returning, Returns, decide_return
from sweeping.state import Rescue

RETRY_SECONDS = 3_600.0
"""When a deletion that failed is tried again: others have their turn first."""
MOST_TIDIED = 200
"""So many stale hints are removed in one sweep: they are harmless."""


def sweep(invocation: Invocation, settings: SweepSettings) -> dict[str, Any]:
    """Look once, hand over what nobody works on, report the rest.

    Raises ``BadSetting``, and ``BatchFailed`` where something could not be handed over or deleted, after the rest.
    """
    run = Context.enter(
        invocation,
        invocation.region,
        settings,
        api=TimedApi,
        audit=invocation.audit,
        subject="",
        credentials=invocation.credentials(),
        journal=journal_opener(invocation, invocation.region, settings)(),
        home=invocation.home(invocation.region),
        now=invocation.deadline.clock.now(),
        restarts=HandBackSettings.from_env(invocation.environ),
        hooks=HookSweepSettings.from_env(invocation.environ),
    )
    return Sweep(run, Report(run)).answer()


@dataclass
class Sweep:
    """What the jobs of one sweep share."""

    run: Context
    report: Report
    rescues: list[Rescue] = field(default_factory=list)
    seen: Candidates | None = None

    def answer(self) -> dict[str, Any]:
        """The answer. Raises ``BatchFailed`` after everything else is done, and what keeps it from looking for rescues.

        Lifecycle hooks need neither the journal nor images: they have their turn whatever became of those.
        """
        first, hooks, *rest = self._jobs(self.run.settings.limit)
        failure = self.report.take(first)
        for job in (hooks,) if failure else (hooks, *rest):
            if error := self.report.take(job):
                self.report.failed(job.name, error)
        if failure:
            raise failure
        return self.report.answer()

    def _jobs(self, limit: int) -> tuple[Job, ...]:
        return (
            Job("rescues", self._rescues, "rescues", "handed_over", "hand over", limit),
            Job("lifecycle hooks", self._hooks, "lifecycle_hooks", "hooks_handed_over", "hand over", limit),
            Job("returns", self._returns, "restarts", "handed_back", "hand back", limit),
            Job("restarts", self._restarts, "restarts", "handed_back", "hand back", limit),
            Job("clean-up", self._clean_up, "clean_up", "deleted", "clean up", MOST),
            Job("index", self._tidy, "clean_up", "deleted", "clean up", 0),
        )

    @functools.cached_property
    def _reader(self) -> Reader:
        return Reader(self.run)

    def _rescues(self) -> Iterator[list[Item]]:
        """Those on which nobody works: what is under the lock and has no image waits for no further look."""
        run, reader = self.run, self._reader
        self.seen = seen = reader.candidates()
        under_lock = self._looked_at([one for one in seen.ordered(run.now) if one in seen.under_lock], seen)
        yield self._decided([one for one in under_lock if not _may_have_image(one)])
        with run.keeping():
            self.seen = seen = reader.described(seen)
        for instance_id, error in seen.refused.items():
            self.report.failed(instance_id, error)
        rest = self._looked_at([one for one in seen.ordered(run.now) if one not in seen.under_lock], seen)
        yield self._decided(self._unheld([*filter(_may_have_image, under_lock), *rest]))
        if seen.error:
            self.report.failed("open rescues", seen.error)

    def _looked_at(self, instance_ids: list[str], seen: Candidates) -> list[Rescue]:
        """What is known of them, as far as time allows."""
        reserve = max(0.0, self.run.step.remaining()) / 2  # for handing over
        looked = [self._reader.rescue(one, seen, self.run.now) for one in self.run.each(instance_ids, reserve)]
        self.report.cut("rescues", len(instance_ids) - len(looked))
        for one in looked:
            if one.refusal:
                self.report.failed(one.name, one.refusal)
        self.rescues += looked
        return looked

    def _decided(self, rescues: list[Rescue]) -> list[Item]:
        items: list[Item] = []
        for one in (decide(rescue, self.run.now) for rescue in rescues if rescue.managed):
            name = one.rescue.name
            about = self.run.audit.of(instance_id=one.rescue.instance_id, episode=name)
            about.record(one.action.value, "seen", one.reason)
            items.append(
                Item(
                    name,
                    f"{name}: {one.action.value} ({one.reason})",
                    due=one.action is Action.HAND_OVER,
                    act=functools.partial(hand_over.rescue, self.run, one.rescue),
                    warning=f"{name}: {one.reason}" if one.action is Action.REPORT else "",
                    urgency=urgency(one, self.run.now),
                )
            )
        return items

    def _unheld(self, rescues: list[Rescue]) -> list[Rescue]:
        """The rescues with what their images say. Where no image can be seen, only those under the lock: it hurries."""
        if not any(_may_have_image(one) for one in rescues):
            return rescues
        try:
            with self.run.keeping():
                held = held_episodes(self._images, self.run.now)
        except (CloudError, DeadlineReached) as error:
            self.report.failed("images", error)
            return [one for one in rescues if one.locked or not _may_have_image(one)]
        return [replace(one, image_held=one.name in held) for one in rescues]

    @functools.cached_property
    def _images(self) -> list[Described]:
        """All custom images, asked for once."""
        return self._reader.images()

    def _hooks(self) -> Iterator[list[Item]]:
        """Pending lifecycle actions that nobody seems to work on."""
        run = self.run
        with run.keeping():
            looked = PendingActions(run).look(run.now)
        for name, error in looked.errors.items():
            self.report.failed(name, error)
        self.report.cut("scaling groups and failed checks", looked.left)
        due = [(one, one.due(run.now)) for one in looked.actions]
        yield [
            Item(
                one.name,
                f"{one}: {'hand over' if is_due else 'leave'}",
                due=is_due,
                act=functools.partial(hand_over.pending_action, run, one),
            )
            for one, is_due in due
        ]

    def _returns(self) -> Iterator[list[Item]]:
        """Instances in stop mode that run again, or are released."""
        returns = Returns(self.run)
        found = [one for rescue in self.rescues if (one := decide_return(rescue, self.run.now))]
        paced = (returns.paced(one) for one in found)
        yield [_returning(one, functools.partial(self._hand_back, returns, one)) for one in paced]

    def _hand_back(self, returns: Returns, one: Returning) -> None:
        hand_over.instance(self.run, one)
        returns.record(one)

    def _restarts(self) -> Iterator[list[Item]]:
        """Stopped instances whose start is due."""
        run, returns = self.run, Returns(self.run)
        stopped = returns.stopped()
        looked = [self._judged(returns, one) for one in run.each(stopped, run.step.remaining() / 2)]
        self.report.cut("stopped instances", len(stopped) - len(looked))
        yield [_returning(one, functools.partial(hand_over.instance, run, one)) for one in looked if one]

    def _judged(self, returns: Returns, instance: Described) -> Returning | None:
        """What to do about a stopped instance; a record of its own that is refused keeps no other from its start."""
        try:
            return returns.judged(instance)
        except RefusedRecord as error:
            self.report.failed(str(instance["InstanceId"]), error)
            return None

    def _clean_up(self) -> Iterator[list[Item]]:
        """What finished rescues left: reported, and deleted where that is wanted; each once a day."""
        run, settings, leftovers = self.run, self.run.settings, Leftovers(self.run, self._reader)
        self.report.warnings += quota_warnings(self._images, settings)
        due = leftovers.due(run.now)
        looked = 0
        for one, left in zip(run.each(due), leftovers.look(due, self._images, run.now), strict=False):
            looked += 1
            plan = decide_clean_up(left, settings, run.now)
            if left.refusal:
                self.report.failed(left.name, left.refusal)
            wanted = settings.delete and plan.due
            yield [
                Item(
                    left.name,
                    "" if left.cleaned else leftover_line(plan),
                    due=wanted,
                    act=functools.partial(clean_up.clean_up, run, plan),
                    warning=plan.reason if left.unreadable and not left.refusal else "",
                )
            ]
            again = wanted and left.name not in self.report.done["deleted"]
            if settings.dry_run or (again and run.step.remaining() <= 0):
                continue
            until = int(run.now + RETRY_SECONDS) if again else next_look(plan, settings.image_ttl_days, run.now)
            self.report.attempt(left.name, functools.partial(clean_up.put_away, run, one, plan, until))
        self.report.cut("finished rescues", len(due) - looked)

    def _tidy(self) -> Iterator[list[Item]]:
        """What is stale in the index, and signs of life that nobody needs any more: removed without a word."""
        run, seen = self.run, self.seen
        if seen and not run.settings.dry_run:
            stale = [open_key(run.home, key) for key in self._reader.stale_index(seen.index, self.rescues, run.now)]
            signs = stale_signs(run.home, seen, self.rescues, run.now)
            for key in run.each([*stale, *signs][:MOST_TIDIED]):
                run.journal.delete(key)
        yield []


def _returning(one: Returning, act: functools.partial[None]) -> Item:
    warning = f"{one.name}: {one.reason}" if one.needs_human else ""
    return Item(one.name, str(one), due=one.due, act=act, warning=warning)


def _may_have_image(rescue: Rescue) -> bool:
    return any(name.startswith(("image-", "usable")) for name in rescue.records)
