"""``make bugs``: ten deliberate bugs, each put into a copy of this tree; ``make chaos`` has to find every one of them.

A bug is an exact text that stands once in one file, and what stands there instead. It counts as caught where a search
with the default budget finds a schedule that violates an invariant with the bug, and violates none without it.
Exit code 0: all were caught; 1: one was not; 2: a text is not found exactly once, so its file has changed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("chaos", "events", "functions", "ram", "shared", "simulator")
SEED = "1"
"""Of the random combinations, so that a run can be repeated."""

VIOLATED = re.compile(r"^VIOLATED (\w+) by .*\n  make chaos REPLAY='(.*)'$", re.MULTILINE)
"""A violated invariant, and the shortest schedule that shows it."""


@dataclass(frozen=True)
class Bug:
    """``before`` stands exactly once in ``path``."""

    name: str
    path: str
    before: str
    after: str


class BugDoesNotFitError(Exception):
    """The file has changed since the bug was written: say the bug anew."""


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
        'tools.token("RunInstances", str(round_number), repr(sorted(parameters.items())))',
        'tools.token("RunInstances", str(round_number))',
    ),
    Bug(
        "relaunch without looking",
        f"{RESCUE}/replacement.py",
        "found = _named(tools, known) or _repeated(tools, known)",
        "found = None",
    ),
    Bug(
        "lock not checked",
        f"{RESCUE}/decide.py",
        "if settings.require_recycling_lock and not settings.dry_run and not locked(facts.source):",
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
        """    if not facts.snapshots_complete:
        facts = wait_for_snapshots(tools, facts, until)
        if not facts.snapshots_complete:
            return facts.but(disks_settled=True)
""",
        "",
    ),
    Bug(
        "plan written after weight 0",
        f"{RESCUE}/tracks.py",
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


def main() -> int:
    """Try every bug, and none; print what caught which."""
    try:
        changed = {bug: put_into(bug, (ROOT / bug.path).read_text()) for bug in BUGS}
    except BugDoesNotFitError as error:
        print(error, file=sys.stderr)
        return 2
    caught = 0
    print(f"{'':>2}  {'bug':<48}{'seconds':>8}  invariants", flush=True)
    for number, (bug, source) in enumerate(changed.items(), 1):
        began = time.monotonic()
        names = search(bug.path, source)
        caught += bool(names)
        print(
            f"{number:>2}  {bug.name:<48}{time.monotonic() - began:>8.0f}  {', '.join(names) or 'NOT CAUGHT'}",
            flush=True,
        )
    print(f"{caught} of {len(BUGS)} caught")
    return int(caught < len(BUGS))


def put_into(bug: Bug, source: str) -> str:
    """The file with the bug.

    Raises BugDoesNotFitError.
    """
    if (found := source.count(bug.before)) != 1:
        raise BugDoesNotFitError(f"{bug.name}: its text stands {found} times in {bug.path}, not once")
    return source.replace(bug.before, bug.after)


def search(path: str, source: str) -> list[str]:
    """Which invariants a search with its default budget finds violated in a copy of the tree with this one file.

    Raises CalledProcessError where the search itself fails.
    """
    with tempfile.TemporaryDirectory(prefix="spotkeeper-bug-") as folder:
        for name in COPIED:
            shutil.copytree(ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__"))
        Path(folder, path).write_text(source)
        command = [sys.executable, "-B", "-m", "chaos", "--first", "--seed", SEED]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = VIOLATED.findall(done.stdout)
    if done.returncode != int(bool(found)):
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return [name for name, schedule in found if holds(schedule)]


def holds(schedule: str) -> bool:
    """Whether nothing is violated by a schedule in this tree as it is."""
    command = [sys.executable, "-m", "chaos", "--replay", schedule]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
