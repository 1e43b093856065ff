"""Measure this checkout's ``dist/`` and print the table."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from tools import build, layer
from tools.bench import report
from tools.bench.measure import Run, Subject, Unmeasured
from tools.bench.readonly import readonly
from tools.bench.sizes import sizes
from tools.bench.stage import staged
from tools.runtime import PYTHON310, find


def compare(repeat: int) -> int:
    """Measure each subject ``repeat`` times; 1 where a target is missed, else 0. Raises BuildFailed."""
    runs, guarded = measured(build.ROOT, find(PYTHON310, os.environ), repeat)
    made = report.lines(runs, sizes(build.ROOT / "s.yaml"))
    print(f"{platform.machine()}, CPython 3.10, {guarded}, medians of {repeat} interleaved runs; {_load()}\n")
    print(*report.table(made), sep="\n")
    print(f"\n{_layer(build.ROOT / 'dist/layer/python')}\n")
    missed = report.missed(made, build.functions(build.ROOT / "dist"))
    print(*(f"MISSED: {target}" for target in missed), sep="\n") if missed else print("All targets hold.")
    return int(bool(missed))


def measured(root: Path, python: Path, repeat: int) -> tuple[dict[str, list[Run]], str]:
    """The runs of each subject by its name, and what kept them from writing. Raises BuildFailed."""
    with staged(root, python) as (place, subjects):
        before = build.contents(place)
        with readonly(place) as guard:
            plan = _plan(subjects, [str(python), "-I", "-S", *guard.flags], repeat)
            command = [*guard.prefix, sys.executable, "-m", "tools.bench.measure", "/dev/stdin"]
            done = subprocess.run(command, input=plan, stdout=subprocess.PIPE, cwd=build.ROOT, check=False, text=True)
        if done.returncode:
            raise Unmeasured("nothing was measured; the reason is above")
        if written := build.contents(place) ^ before:
            raise Unmeasured(f"a run wrote where nothing can be written: {sorted(path for path, _, _ in written)[:3]}")
    runs = json.loads(done.stdout)
    return {name: [Run(**run) for run in made] for name, made in runs.items()}, guard.description


def _plan(subjects: list[Subject], interpreter: list[str], repeat: int) -> str:
    return json.dumps(
        {"subjects": [vars(subject) for subject in subjects], "interpreter": interpreter, "repeat": repeat}
    )


def _load() -> str:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    others = "the machine is busy, so trust the ratios alone" if load > 1 + cores / 4 else "the machine is quiet"
    return f"load {load:.1f} on {cores} cores: {others}"


def _layer(folder: Path) -> str:
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    left_out = ", ".join([*layer.NOT_NEEDED, *(f"*.dist-info/{note}" for note in layer.INSTALLER_NOTES)])
    return (
        f"The layer: {len(files)} files, {sum(files) / 1e6:.1f} MB unzipped, bytecode included. Left out: {left_out}."
    )
