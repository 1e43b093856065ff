"""``spotkeeper bugs``: deliberate bugs, each put into a copy of this tree; ``spotkeeper chaos`` has to find each.

A bug is an exact text that stands once in one file, and what stands there instead. It counts as caught where a search
with the default budget finds a schedule that violates an invariant with the bug, and violates none without it.
Exit code 0: all were caught; 1: one was not; 2: a text is not found exactly once, so its file has changed, or no
bug has a name that was given.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tools.bugs import hooks, rescue, restart
from tools.bugs.bug import Bug, BugDoesNotFitError, put_into

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("chaos", "events", "functions", "ram", "shared", "simulator", "tools")
SEED = "1"
"""Of the random combinations, so that a run can be repeated."""

VIOLATED = re.compile(r"^VIOLATED (\w+) by .*\n  make chaos REPLAY='(.*)'$", re.MULTILINE)
"""A violated invariant, and the shortest schedule that shows it."""


BUGS: tuple[Bug, ...] = (*rescue.BUGS, *restart.BUGS, *hooks.BUGS)


def main(names: Sequence[str] = ()) -> int:
    """Try the bugs of these names, else all; print what caught which."""
    bugs = [bug for bug in BUGS if not names or bug.name in names]
    try:
        changed = {bug: put_into(bug, (ROOT / bug.path).read_text()) for bug in bugs}
    except BugDoesNotFitError as error:
        print(error, file=sys.stderr)
        return 2
    if len(bugs) < len(names):
        print(f"there are the bugs {', '.join(bug.name for bug in BUGS)}", file=sys.stderr)
        return 2
    caught = 0
    print(f"{len(bugs)} bugs; for each a search until it is found, a minute or two at most", flush=True)
    print(f"{'':>2}  {'bug':<75}{'seconds':>8}  invariants", flush=True)
    for number, (bug, source) in enumerate(changed.items(), 1):
        print(f"{number:>2}  {bug.name:<75}", end="", flush=True)
        began = time.monotonic()
        found = search(bug, source)
        caught += bool(found)
        print(f"{time.monotonic() - began:>8.0f}  {', '.join(found) or 'NOT CAUGHT'}", flush=True)
    print(f"{caught} of {len(bugs)} caught")
    return int(caught < len(bugs))


def search(bug: Bug, source: str) -> list[str]:
    """Which invariants a search of the bug's kind finds violated in a copy of the tree with its file.

    Raises CalledProcessError where the search itself fails.
    """
    with tempfile.TemporaryDirectory(prefix="spotkeeper-bug-") as folder:
        for name in COPIED:
            shutil.copytree(ROOT / name, Path(folder, name), ignore=shutil.ignore_patterns("__pycache__"))
        Path(folder, bug.path).write_text(source)
        command = [sys.executable, "-B", "-m", "chaos", "--first", "--seed", SEED, "--kind", bug.kind]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found = VIOLATED.findall(done.stdout)
    if done.returncode != int(bool(found)):
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return [name for name, schedule in found if holds(schedule)]


def holds(schedule: str) -> bool:
    """Whether nothing is violated by a schedule in this tree as it is."""
    command = [sys.executable, "-m", "chaos", "--replay", schedule]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
