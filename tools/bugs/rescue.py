"""Bugs of a rescue."""

from __future__ import annotations

from tools.bugs.bug import Bug

RESCUE = "functions/interruption/rescue"

BUGS = (
    Bug(
        "weight not recorded",
        f"{RESCUE}/actions/membership_search.py",
        '"memberships": [asdict(member) for member in search.found],',
        '"memberships": [{**asdict(member), "weight": 100} for member in search.found],',
    ),
    Bug(
        "one ClientToken for all launch options",
        f"{RESCUE}/actions/launch_requests.py",
        'run.token("RunInstances", str(round_number), repr(sorted(parameters.items())))',
        'run.token("RunInstances", str(round_number))',
    ),
    Bug(
        "relaunch without looking",
        f"{RESCUE}/actions/replacement.py",
        "found = _recorded(run, known) or _repeated(run, known)",
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
        f"{RESCUE}/actions/image_ownership.py",
        '{"Status": ALL_STATUSES, "ImageOwnerAlias": "self", **filters}',
        '{"ImageOwnerAlias": "self", **filters}',
    ),
    Bug(
        "disk flags put back when usable but incomplete",
        f"{RESCUE}/actions/disk_flags.py",
        """    if not state.snapshots_complete:
        state = wait_for_snapshots(run, state, decision)
        if not state.snapshots_complete:
            return state.replace(disks_settled=True)
""",
        "",
    ),
    Bug(
        "launch spec recorded after weight 0",
        f"{RESCUE}/steps.py",
        "Step.LOOK_FOR_IMAGE, Step.RECORD_LAUNCH_SPEC, *DRAIN_STEPS)",
        "Step.LOOK_FOR_IMAGE, *DRAIN_STEPS, Step.RECORD_LAUNCH_SPEC)",
    ),
    Bug(
        "first-writer rule ignored",
        "shared/spotkeeper/journal/oss.py",
        'forbid_overwrite="true"',
        'forbid_overwrite="false"',
    ),
    Bug(
        "retry after a lost response without looking",
        f"{RESCUE}/actions/run_instances.py",
        '{**parameters, "ClientToken": request.token},',
        "parameters,",
    ),
    Bug(
        "finished episode reopened by an old event",
        "shared/spotkeeper/episode.py",
        'return (now if event_time is None else event_time) > float(end["at"]) if end else False',
        "return bool(end)",
    ),
)
