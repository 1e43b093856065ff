"""One sweep: observe, decide, act, report."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from spotkeeper.audit import Audit
from spotkeeper.clients import Api
from spotkeeper.credentials import find_credentials
from spotkeeper.errors import BatchFailed, SpotkeeperError
from spotkeeper.function import Context, Invocation
from spotkeeper.invoke import Functions
from spotkeeper.journal import open_journal
from spotkeeper.settings import SweepSettings
from sweeping.act import Hands
from sweeping.decide import Action, CleanUp, Decision, chosen, decide, decide_clean_up, quota_warnings
from sweeping.observe import Observer, held_episodes


def sweep(
    invocation: Invocation, settings: SweepSettings, context: Context, environ: Mapping[str, str]
) -> dict[str, Any]:
    """Look once, hand over what nobody works on, report the rest.

    Raises ``BatchFailed`` where something could not be handed over or deleted, after the rest is done.
    """
    credentials, deadline, endpoints = find_credentials(context, environ), invocation.deadline, settings.endpoints
    home = f"{invocation.account_id or 'account'}/{invocation.region}"
    ecs = Api("ecs", invocation.region, credentials, endpoints.ecs, deadline.clock, deadline)
    journal = open_journal(settings.journal, invocation.region, credentials, endpoints.oss, deadline)
    hands = Hands(
        ecs,
        Functions(invocation.region, credentials, endpoints.fc, deadline),
        journal,
        home,
        settings.interruption_function,
    )
    return _sweep(Observer(ecs, journal, home, settings), hands, invocation.audit, deadline.clock.now())


def _sweep(observer: Observer, hands: Hands, audit: Audit, now: float) -> dict[str, Any]:
    settings = observer.settings
    index, images = observer.index(), observer.images()
    held = held_episodes(images)
    decisions = [decide(one, now) for one in observer.rescues(observer.locked_instances(), index, held)]
    for one in decisions:
        about = audit.of(instance_id=one.rescue.instance_id, episode=one.rescue.name)
        about.record(one.action.value, "seen", one.reason)
    due, later = chosen(decisions, settings, now)
    clean_ups = [decide_clean_up(one, settings, now) for one in observer.leftovers(index, images, held)]
    deletable = [one for one in clean_ups if settings.delete and one.deletes]
    answer = {
        "rescues": [f"{one.rescue.name}: {one.action.value} ({one.reason})" for one in decisions],
        "clean_up": [_leftover_line(one) for one in clean_ups],
        "warnings": [*quota_warnings(images, settings), *_warnings(decisions, later)],
    }
    if settings.dry_run:
        plan = [f"hand over {one.rescue.name}" for one in due] + [f"clean up {one.leftover.name}" for one in deletable]
        return {"outcome": "skipped", "reason": "dry run: nothing was handed over or deleted", "plan": plan, **answer}
    results = [_tried(one.rescue.name, functools.partial(hands.hand_over, one, now)) for one in due]
    results += [_tried(one.leftover.name, functools.partial(hands.clean_up, one)) for one in deletable]
    for result in results:
        audit.record("act", result["outcome"], result["reason"])
    failed = [one["reason"] for one in results if one["outcome"] == "failed"]
    if failed:
        raise BatchFailed(f"{len(failed)} of {len(results)} failed: {'; '.join(failed)}", results)
    return {**_summary(due, deletable), **answer}


def _tried(name: str, act: Callable[[], None]) -> dict[str, Any]:
    """One bad item must not keep the others from their rescue."""
    try:
        act()
    except SpotkeeperError as error:
        return {"outcome": "failed", "reason": f"{name}: {error}", "error": type(error).__name__}
    return {"outcome": "done", "reason": name}


def _summary(due: list[Decision], deleted: list[CleanUp]) -> dict[str, Any]:
    if not due and not deleted:
        return {"outcome": "skipped", "reason": "nothing was missed", "handed_over": [], "deleted": []}
    return {
        "outcome": "done",
        "reason": f"{len(due)} rescues handed over, {len(deleted)} finished ones cleaned up",
        "handed_over": [one.rescue.name for one in due],
        "deleted": [one.leftover.name for one in deleted],
    }


def _warnings(decisions: list[Decision], later: list[Decision]) -> list[str]:
    old = [f"{one.rescue.name}: {one.reason}" for one in decisions if one.action is Action.REPORT]
    waiting = [f"{one.rescue.name} waits for the next sweep (SPOTKEEPER_SWEEP_LIMIT)" for one in later]
    return old + waiting


def _leftover_line(clean_up: CleanUp) -> str:
    left = clean_up.leftover
    image = f"image {left.image_id}" if left.image else "no image"
    disks = ", ".join(str(disk["DiskId"]) for disk in left.disks) or "none"
    return f"{left.name}: {image}, {len(left.snapshot_ids)} snapshots, retained disks {disks} ({clean_up.reason})"
