"""One sweep: observe, decide, act, report."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spotkeeper.audit import Audit
from spotkeeper.clients import Api
from spotkeeper.credentials import find_credentials
from spotkeeper.errors import BatchFailed, SpotkeeperError
from spotkeeper.function import Context, Invocation
from spotkeeper.instances import Described
from spotkeeper.invoke import Functions
from spotkeeper.journal import open_journal
from spotkeeper.settings import HandBackSettings, HookSweepSettings, SweepSettings
from sweeping.act import Hands
from sweeping.decide import Action, CleanUp, chosen, decide, decide_clean_up, quota_warnings
from sweeping.hand_back import HandBack
from sweeping.hooks import Hooks
from sweeping.observe import Key, Observer, held_episodes


def sweep(
    invocation: Invocation, settings: SweepSettings, context: Context, environ: Mapping[str, str]
) -> dict[str, Any]:
    """Look once, hand over what nobody works on, report the rest.

    Raises ``BadSetting``, and ``BatchFailed`` where something could not be handed over or deleted, after the rest.
    """
    back, of_hooks = HandBackSettings.from_env(environ), HookSweepSettings.from_env(environ)
    credentials, deadline, endpoints = find_credentials(context, environ), invocation.deadline, settings.endpoints
    home = f"{invocation.account_id or 'account'}/{invocation.region}"
    ecs = Api("ecs", invocation.region, credentials, endpoints.ecs, deadline.clock, deadline)
    ess = Api("ess", invocation.region, credentials, of_hooks.endpoint, deadline.clock, deadline)
    journal = open_journal(settings.journal, invocation.region, credentials, endpoints.oss, deadline)
    functions = Functions(invocation.region, credentials, endpoints.fc, deadline)
    hands = Hands(ecs, functions, journal, home, settings.interruption_function)
    observer = Observer(ecs, journal, home, settings)
    jobs = (observer, hands, HandBack(observer, hands, back), Hooks(ecs, ess, functions, home, of_hooks))
    return Sweep(*jobs, invocation.audit, deadline.clock.now()).run()


TO_DO = {
    "handed_over": "hand over",
    "hooks_handed_over": "hand over",
    "handed_back": "hand back",
    "deleted": "clean up",
}
LINES = ("rescues", "lifecycle_hooks", "restarts", "clean_up")


@dataclass
class Sweep:
    """One run: four jobs, the most urgent first; a job that fails does not keep the next from its turn."""

    observer: Observer
    hands: Hands
    back: HandBack
    hooks: Hooks
    audit: Audit
    now: float
    results: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lines: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in LINES})
    done: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in TO_DO})

    def run(self) -> dict[str, Any]:
        """The answer. Raises ``BatchFailed`` after everything else is done, and what keeps it from looking for rescues.

        Lifecycle hooks need neither the journal nor images: they have their turn whatever became of those.
        """
        try:
            left = self._of_journal()
        except SpotkeeperError:
            self._lifecycle_hooks(self.observer.settings.limit)
            raise
        self._lifecycle_hooks(left)
        for result in self.results:
            self.audit.record("act", result["outcome"], result["reason"])
        if failed := [one["reason"] for one in self.results if one["outcome"] == "failed"]:
            raise BatchFailed(f"{len(failed)} of {len(self.results)} failed: {'; '.join(failed)}", self.results)
        return self._answer()

    def _of_journal(self) -> int:
        """Rescues, restarts and clean-up; returns how many more may be handed to anybody in this run."""
        index, images = self.observer.index(), self.observer.images()
        left = self._rescues(index, held_episodes(images, self.now))
        self.warnings += quota_warnings(images, self.observer.settings)
        self._try("restarts", functools.partial(self._restarts, index, left))
        self._try("clean-up", functools.partial(self._clean_up, index, images))
        return left - len(self.done["handed_back"])

    def _rescues(self, index: Mapping[Key, set[str]], held: set[str]) -> int:
        """Hand over what nobody works on; returns how many more may be handed to anybody in this run."""
        settings = self.observer.settings
        decisions = [decide(one, self.now) for one in self.observer.rescues(index, held)]
        for one in decisions:
            self.lines["rescues"].append(f"{one.rescue.name}: {one.action.value} ({one.reason})")
            about = self.audit.of(instance_id=one.rescue.instance_id, episode=one.rescue.name)
            about.record(one.action.value, "seen", one.reason)
        due, later = chosen(decisions, settings, self.now)
        for one in due:
            self._do("handed_over", one.rescue.name, functools.partial(self.hands.hand_over, one, self.now))
        self.warnings += [f"{one.rescue.name}: {one.reason}" for one in decisions if one.action is Action.REPORT]
        self.warnings += [f"{one.rescue.name} waits for the next sweep (SPOTKEEPER_SWEEP_LIMIT)" for one in later]
        return settings.limit - len(due)

    def _lifecycle_hooks(self, left: int) -> None:
        """Hand over the actions that nobody seems to work on."""
        self._try("lifecycle hooks", functools.partial(self._hand_over_hooks, left))

    def _hand_over_hooks(self, left: int) -> None:
        held = self.hooks.held(self.now)
        due = [one for one in held if one.due(self.now)]
        self.lines["lifecycle_hooks"] += [f"{one}: {'hand over' if one in due else 'leave'}" for one in held]
        for one in due:
            if len(self.done["hooks_handed_over"]) < left:
                self._do("hooks_handed_over", one.name, functools.partial(self.hooks.hand_over, one, self.now))
            else:
                self.warnings.append(f"{one.name} waits for the next sweep (SPOTKEEPER_SWEEP_LIMIT)")

    def _restarts(self, index: Mapping[Key, set[str]], left: int) -> None:
        """Hand back what no event will come for."""
        returning = self.back.returning(index, self.now)
        self.lines["restarts"] += [str(one) for one in returning]
        self.warnings += [f"{one.name}: {one.reason}" for one in returning if one.unreadable]
        for one in [one for one in returning if one.due][:left]:
            self._do("handed_back", one.name, functools.partial(self.back.hand_over, one, self.now))

    def _clean_up(self, index: Mapping[Key, set[str]], images: list[Described]) -> None:
        """Report what finished rescues left, and delete it where that is wanted."""
        settings = self.observer.settings
        for leftover in self.observer.leftovers(index, images, self.now):
            one = decide_clean_up(leftover, settings, self.now)
            self.lines["clean_up"].append(_leftover_line(one))
            self.warnings += [one.reason] if leftover.unreadable else []
            if one.over and not settings.dry_run:
                self._try(leftover.name, functools.partial(self.hands.close, one))
            elif settings.delete and one.due:
                self._do("deleted", leftover.name, functools.partial(self.hands.clean_up, one))

    def _do(self, what: str, name: str, act: Callable[[], bool | None]) -> None:
        """``act`` answers False where there was nothing left to do."""
        if self.observer.settings.dry_run:
            self.done[what].append(name)
        elif self._try(name, act):
            self.done[what].append(name)
            self.results.append({"outcome": "done", "reason": f"{what.replace('_', ' ')}: {name}"})

    def _try(self, name: str, act: Callable[[], bool | None]) -> bool:
        """One bad item must not keep the others from their rescue; whether it did something."""
        try:
            return act() is not False
        except SpotkeeperError as error:
            self.results.append({"outcome": "failed", "reason": f"{name}: {error}", "error": type(error).__name__})
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
            return {"outcome": "skipped", "reason": "nothing was missed", **answer}
        return {"outcome": "done", "reason": counts, **answer}


def _leftover_line(clean_up: CleanUp) -> str:
    left = clean_up.leftover
    image = f"image {left.image_id}" if left.image else "no image"
    disks = ", ".join(str(disk["DiskId"]) for disk in left.disks) or "none"
    return f"{left.name}: {image}, {len(left.snapshot_ids)} snapshots, retained disks {disks} ({clean_up.reason})"
