"""One sweep: observe, decide, act, report."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from spotkeeper.audit import Audit
from spotkeeper.credentials import find_credentials
from spotkeeper.errors import BatchFailed, CloudError, DeadlineReached, RefusedRecord, SpotkeeperError
from spotkeeper.function import Context, Invocation
from spotkeeper.hints import open_key
from spotkeeper.instances import Described
from spotkeeper.invoke import Functions
from spotkeeper.journal import open_journal
from spotkeeper.settings import HandBackSettings, HookSweepSettings, SweepSettings
from sweeping.act import Hands
from sweeping.decide import Action, CleanUp, Decision, chosen, decide, decide_clean_up, quota_warnings
from sweeping.facts import Rescue
from sweeping.hand_back import HandBack, Returning, decide_return
from sweeping.hooks import Hooks
from sweeping.leftovers import Leftovers, next_look
from sweeping.observe import Candidates, Observer, held_episodes, stale_signs
from sweeping.turns import TimedApi, Turns

T = TypeVar("T")


def sweep(
    invocation: Invocation, settings: SweepSettings, context: Context, environ: Mapping[str, str]
) -> dict[str, Any]:
    """Look once, hand over what nobody works on, report the rest.

    Raises ``BadSetting``, and ``BatchFailed`` where something could not be handed over or deleted, after the rest.
    """
    back, of_hooks = HandBackSettings.from_env(environ), HookSweepSettings.from_env(environ)
    credentials, endpoints = find_credentials(context, environ), settings.endpoints
    clock, region, turns = invocation.deadline.clock, invocation.region, Turns(invocation.deadline)
    home = f"{invocation.account_id or 'account'}/{region}"
    ecs = TimedApi("ecs", region, credentials, endpoints.ecs, clock, turns)
    ess = TimedApi("ess", region, credentials, of_hooks.endpoint, clock, turns)
    ecs.turns = ess.turns = turns
    journal = open_journal(settings.journal, region, credentials, endpoints.oss, invocation.deadline)
    functions = Functions(region, credentials, endpoints.fc, turns)
    hands = Hands(ecs, functions, journal, home, settings.interruption_function)
    observer = Observer(ecs, journal, home, settings)
    jobs = (observer, hands, HandBack(observer, hands, back), Hooks(ecs, ess, functions, home, of_hooks))
    return Sweep(*jobs, invocation.audit, turns, clock.now()).run()


TO_DO = {
    "handed_over": "hand over",
    "hooks_handed_over": "hand over",
    "handed_back": "hand back",
    "deleted": "clean up",
}
RETRY_SECONDS = 3_600.0
"""When a deletion that failed is tried again: others have their turn first."""
MOST_TIDIED = 200
"""So many stale hints are removed in one sweep: they are harmless."""
LINES = ("rescues", "lifecycle_hooks", "restarts", "clean_up")


@dataclass
class Sweep:
    """One run: jobs in order of urgency, each with a limit and a time of its own.

    A job that fails, or has more to do than its time allows, does not keep the next from its turn.
    """

    observer: Observer
    hands: Hands
    back: HandBack
    hooks: Hooks
    audit: Audit
    turns: Turns
    now: float
    seen: Candidates | None = None
    rescues: list[Rescue] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lines: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in LINES})
    done: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in TO_DO})
    _images: list[Described] | None = None

    def run(self) -> dict[str, Any]:
        """The answer. Raises ``BatchFailed`` after everything else is done, and what keeps it from looking for rescues.

        Lifecycle hooks need neither the journal nor images: they have their turn whatever became of those.
        """
        failure = self._turn(self._rescues)
        self._job("lifecycle hooks", self._lifecycle_hooks)
        if failure:
            raise failure
        self._job("returns", self._returns)
        self._job("restarts", self._restarts)
        self._job("clean-up", self._clean_up)
        self._job("index", self._tidy)
        for result in self.results:
            self.audit.record("act", result["outcome"], result["reason"])
        if failed := [one["reason"] for one in self.results if one["outcome"] == "failed"]:
            raise BatchFailed(f"{len(failed)} of {len(self.results)} failed: {'; '.join(failed)}", self.results)
        return self._answer()

    def _turn(self, job: Callable[[], None]) -> SpotkeeperError | None:
        self.turns.begin()
        try:
            job()
        except DeadlineReached as error:
            self.warnings.append(f"the time of this sweep was up: {error}")
        except SpotkeeperError as error:
            return error
        return None

    def _job(self, name: str, job: Callable[[], None]) -> None:
        if error := self._turn(job):
            self._failed(name, error)

    def _rescues(self) -> None:
        """Hand over what nobody works on: what is under the lock and has no image waits for no further look."""
        self.seen = seen = self.observer.candidates()
        under_lock = self._looked_at([one for one in seen.ordered(self.now) if one in seen.under_lock], seen)
        self._hand_over([one for one in under_lock if not _may_have_image(one)])
        with self.turns.keeping():
            self.seen = seen = self.observer.described(seen)
        for instance_id, error in seen.refused.items():
            self._failed(instance_id, error)
        rest = self._looked_at([one for one in seen.ordered(self.now) if one not in seen.under_lock], seen)
        self._hand_over(self._unheld([*filter(_may_have_image, under_lock), *rest]))
        if seen.error:
            self._failed("open rescues", seen.error)

    def _looked_at(self, instance_ids: list[str], seen: Candidates) -> list[Rescue]:
        """What is known of them, as far as time allows."""
        reserve = max(0.0, self.turns.remaining()) / 2  # for handing over
        looked = [self.observer.rescue(one, seen, self.now) for one in self.turns.each(instance_ids, reserve)]
        self._cut("rescues", len(instance_ids) - len(looked))
        for one in looked:
            if one.refusal:
                self._failed(one.name, one.refusal)
        self.rescues += looked
        return looked

    def _hand_over(self, rescues: list[Rescue]) -> None:
        """Hand over those of them on which nobody works."""
        decisions = [decide(one, self.now) for one in rescues if one.managed]
        for one in decisions:
            self.lines["rescues"].append(f"{one.rescue.name}: {one.action.value} ({one.reason})")
            about = self.audit.of(instance_id=one.rescue.instance_id, episode=one.rescue.name)
            about.record(one.action.value, "seen", one.reason)
        limit = max(0, self.observer.settings.limit - len(self.done["handed_over"]))
        due, later = chosen(decisions, limit, self.now)
        self.warnings += [f"{one.rescue.name}: {one.reason}" for one in decisions if one.action is Action.REPORT]
        self.warnings += [f"{one.rescue.name} waits for the next sweep (SPOTKEEPER_SWEEP_LIMIT)" for one in later]
        self._each("handed_over", due, _rescue_name, lambda one: self.hands.hand_over(one, self.now))

    def _unheld(self, rescues: list[Rescue]) -> list[Rescue]:
        """The rescues with what their images say. Where no image can be seen, only those under the lock: it hurries."""
        if not any(_may_have_image(one) for one in rescues):
            return rescues
        try:
            with self.turns.keeping():
                held = held_episodes(self.images(), self.now)
        except (CloudError, DeadlineReached) as error:
            self._failed("images", error)
            return [one for one in rescues if one.locked or not _may_have_image(one)]
        return [replace(one, image_held=one.name in held) for one in rescues]

    def images(self) -> list[Described]:
        """All custom images, asked for once."""
        if self._images is None:
            self._images = self.observer.images()
        return self._images

    def _lifecycle_hooks(self) -> None:
        """Hand over the actions that nobody seems to work on."""
        with self.turns.keeping():
            looked = self.hooks.look(self.now)
        for name, error in looked.errors.items():
            self._failed(name, error)
        self._cut("scaling groups and failed checks", looked.left)
        held = looked.actions
        due = [one for one in held if one.due(self.now)]
        self.lines["lifecycle_hooks"] += [f"{one}: {'hand over' if one in due else 'leave'}" for one in held]
        now, later = self._limited(due)
        self.warnings += [f"{one.name} waits for the next sweep (SPOTKEEPER_SWEEP_LIMIT)" for one in later]
        self._each("hooks_handed_over", now, lambda one: one.name, lambda one: self.hooks.hand_over(one, self.now))

    def _returns(self) -> None:
        """Hand back instances in stop mode that run again, or are released."""
        found = (decide_return(one, self.now) for one in self.rescues)
        self._hand_back([self.back.paced(one, self.now) for one in found if one], self.back.give_back)

    def _restarts(self) -> None:
        """Hand back stopped instances whose start is due."""
        stopped = self.back.stopped(self.now)
        looked = [self._judged(one) for one in self.turns.each(stopped, self.turns.remaining() / 2)]
        self._cut("stopped instances", len(stopped) - len(looked))
        self._hand_back([one for one in looked if one], self.back.hand_over)

    def _judged(self, instance: Described) -> Returning | None:
        """What to do about a stopped instance; a record of its own that is refused keeps no other from its start."""
        try:
            return self.back.judged(instance, self.now)
        except RefusedRecord as error:
            self._failed(str(instance["InstanceId"]), error)
            return None

    def _hand_back(self, returning: list[Returning], act: Callable[[Returning, float], None]) -> None:
        self.lines["restarts"] += [str(one) for one in returning]
        self.warnings += [f"{one.name}: {one.reason}" for one in returning if one.needs_human]
        now, later = self._limited([one for one in returning if one.due])
        self.warnings += [f"{one.name} waits for the next sweep (SPOTKEEPER_SWEEP_LIMIT)" for one in later]
        self._each("handed_back", now, lambda one: one.name, lambda one: act(one, self.now))

    def _clean_up(self) -> None:
        """Report what finished rescues left, and delete it where that is wanted; of each once a day."""
        settings, leftovers = self.observer.settings, Leftovers(self.observer)
        self.warnings += quota_warnings(self.images(), settings)
        due = leftovers.due(self.now)
        looked = 0
        for one, left in zip(self.turns.each(due), leftovers.look(due, self.images(), self.now), strict=False):
            looked += 1
            plan = decide_clean_up(left, settings, self.now)
            self.lines["clean_up"] += [] if left.cleaned else [_leftover_line(plan)]
            if left.refusal:
                self._failed(left.name, left.refusal)
            elif left.unreadable:
                self.warnings.append(plan.reason)
            until = next_look(plan, settings.image_ttl_days, self.now)
            if settings.delete and plan.due and not self._do("deleted", left.name, self._cleaner(plan)):
                until = int(self.now + RETRY_SECONDS)
            if not settings.dry_run:
                self._try(left.name, functools.partial(self.hands.put_away, one, plan, until))
        self._cut("finished rescues", len(due) - looked)

    def _cleaner(self, plan: CleanUp) -> Callable[[], None]:
        return functools.partial(self.hands.clean_up, plan)

    def _tidy(self) -> None:
        """Remove what is stale from the index, and signs of life that nobody needs any more."""
        if self.observer.settings.dry_run:
            return
        index = self.seen.index if self.seen else set()
        stale = [open_key(self.observer.home, key) for key in self.observer.stale_index(index, self.rescues, self.now)]
        signs = stale_signs(self.observer.home, self.seen, self.rescues, self.now) if self.seen else []
        for key in self.turns.each([*stale, *signs][:MOST_TIDIED]):
            self.hands.forget(key)

    def _limited(self, due: list[T]) -> tuple[list[T], list[T]]:
        limit = self.observer.settings.limit
        return due[:limit], due[limit:]

    def _each(self, what: str, due: Sequence[T], name: Callable[[T], str], act: Callable[[T], bool | None]) -> None:
        """Do it to each of them, for as long as the job's turn lasts."""
        reached = 0
        for one in self.turns.each(due):
            self._do(what, name(one), functools.partial(act, one))
            reached += 1
        self._cut(f"to {TO_DO[what]}", len(due) - reached)

    def _cut(self, what: str, missing: int) -> None:
        if missing:
            self.warnings.append(f"the time of this sweep was up: {missing} {what} are left for the next one")

    def _failed(self, name: str, error: SpotkeeperError) -> None:
        self.results.append({"outcome": "failed", "reason": f"{name}: {error}", "error": type(error).__name__})

    def _do(self, what: str, name: str, act: Callable[[], bool | None]) -> bool:
        """Whether it was done; ``act`` answers False where there was nothing left to do."""
        if self.observer.settings.dry_run:
            self.done[what].append(name)
            return True
        if self._try(name, act):
            self.done[what].append(name)
            self.results.append({"outcome": "done", "reason": f"{what.replace('_', ' ')}: {name}"})
            return True
        return False

    def _try(self, name: str, act: Callable[[], bool | None]) -> bool:
        """One bad item must not keep the others from their rescue; whether it did something."""
        try:
            return act() is not False
        except SpotkeeperError as error:
            self._failed(name, error)
            return False

    def _answer(self) -> dict[str, Any]:
        counts = ", ".join(f"{len(names)} {what.replace('_', ' ')}" for what, names in self.done.items())
        answer: dict[str, Any] = {**self.lines, "warnings": self.warnings}
        if self.observer.settings.dry_run:
            plan = [f"{TO_DO[what]} {name}" for what, names in self.done.items() for name in names]
            reason = "dry run: nothing was handed over or deleted"
            return {"outcome": "skipped", "reason": reason, "plan": plan, **answer}
        answer |= self.done
        if not any(self.done.values()):
            reason = "nothing was handed over or deleted: see the warnings" if self.warnings else "nothing was missed"
            return {"outcome": "skipped", "reason": reason, **answer}
        return {"outcome": "done", "reason": counts, **answer}


def _rescue_name(one: Decision) -> str:
    return one.rescue.name


def _may_have_image(rescue: Rescue) -> bool:
    return any(name.startswith(("image-", "usable")) for name in rescue.records)


def _leftover_line(clean_up: CleanUp) -> str:
    left = clean_up.leftover
    image = f"image {left.image_id}" if left.image else "no image"
    disks = ", ".join(str(disk["DiskId"]) for disk in left.disks) or "none"
    return f"{left.name}: {image}, {len(left.snapshot_ids)} snapshots, retained disks {disks} ({clean_up.reason})"
