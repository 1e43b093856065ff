"""Bugs of a rescue."""

from __future__ import annotations

from tools.bugs.bug import Bug

RESCUE = "functions/interruption/rescue"

BUGS = (
    Bug(
        "weight not recorded",
        f"{RESCUE}/search.py",
        '"memberships": [asdict(one) for one in search.found],',
        '"memberships": [{**asdict(one), "weight": 100} for one in search.found],',
    ),
    Bug(
        "one ClientToken for all rungs",
        f"{RESCUE}/asks.py",
        'run.token("RunInstances", str(round_number), repr(sorted(parameters.items())))',
        'run.token("RunInstances", str(round_number))',
    ),
    Bug(
        "relaunch without looking",
        f"{RESCUE}/replacement.py",
        "found = _named(run, known) or _repeated(run, known)",
        "found = None",
    ),
    Bug(
        "lock not checked",
        f"{RESCUE}/decide.py",
        "if settings.require_recycling_lock and not settings.dry_run and not locked(state.source):",
        "if False:",
    ),
    Bug(
        "default image filter",
        f"{RESCUE}/own_images.py",
        '        "Status": ALL_STATUSES,\n        "ImageOwnerAlias": "self",\n',
        '        "ImageOwnerAlias": "self",\n',
    ),
    Bug(
        "disk flags put back when usable but incomplete",
        f"{RESCUE}/disks.py",
        """    if not state.snapshots_complete:
        state = wait_for_snapshots(run, state, until)
        if not state.snapshots_complete:
            return state.replace(disks_settled=True)
""",
        "",
    ),
    Bug(
        "plan written after weight 0",
        f"{RESCUE}/steps.py",
        "SAVE = (Step.OPEN, Step.RETAIN_DISKS, Step.LOOK_FOR_IMAGE, Step.REMEMBER, *DRAIN)",
        "SAVE = (Step.OPEN, Step.RETAIN_DISKS, Step.LOOK_FOR_IMAGE, *DRAIN, Step.REMEMBER)",
    ),
    Bug(
        "first-writer rule ignored",
        "shared/spotkeeper/journal/oss.py",
        'forbid_overwrite="true"',
        'forbid_overwrite="false"',
    ),
    Bug(
        "retry after a lost response without looking",
        f"{RESCUE}/launches.py",
        '{**parameters, "ClientToken": ask.token},',
        "parameters,",
    ),
    Bug(
        "finished episode reopened by an old event",
        "shared/spotkeeper/episode.py",
        'if end and in_stop_mode(episode.records.get("event")) and event_time > float(end["at"]):',
        'if end and in_stop_mode(episode.records.get("event")):',
    ),
)
