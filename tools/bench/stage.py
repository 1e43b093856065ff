"""What is measured: the built functions, the same packages in the official samples' style, and the floor."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools import build
from tools.bench.measure import Subject
from tools.errors import BuildFailed

PLAIN = "official-sample style, no bytecode"
COMPILED = "official-sample style, pip's bytecode"
FLOOR = "floor: tea_openapi.client alone"

_SAMPLE = Path(__file__).with_name("sample.py")
_SAMPLE_EVENT = "events/interruption.cloudmonitor.json"
_EVENT = re.compile(r"events/[\w.-]+\.json")


@contextmanager
def staged(root: Path, python: Path) -> Iterator[tuple[Path, list[Subject]]]:
    """Copies of the checkout's ``dist/`` and of the sample, in one folder, and what to run there."""
    (root / ".cache").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=root / ".cache") as temporary:
        place = Path(temporary)
        for part in ("layer", "functions"):
            shutil.copytree(root / "dist" / part, place / part)
        plain, compiled = place / "plain", place / "compiled"
        _put_sample(place, plain)
        _put_sample(place, compiled)
        _compile_as_pip_does(compiled, python)
        yield place, [*functions(root, place), *_others(root, place, plain, compiled)]


def _put_sample(place: Path, folder: Path) -> None:
    """The packages and the function in one folder, as the samples have it; no bytecode."""
    shutil.copytree(place / "layer/python", folder, ignore=shutil.ignore_patterns("__pycache__", "spotkeeper"))
    shutil.copy(_SAMPLE, folder / "index.py")


def _compile_as_pip_does(folder: Path, python: Path) -> None:
    """Bytecode that is valid while its source has the time stamp it was compiled from.

    All sources here keep theirs, which is the best that can become of this: zip keeps even seconds of local time only,
    and what is unpacked with another time than it was compiled with is compiled again at each start.
    """
    command: list[str | Path] = [
        python,
        "-m",
        "compileall",
        "-q",
        "-j",
        "0",
        "--invalidation-mode",
        "timestamp",
        folder,
    ]
    subprocess.run(command, check=True)


def functions(root: Path, place: Path) -> Iterator[Subject]:
    """Each function built at ``place``, with the event of the checkout that its index.py names. Raises BuildFailed."""
    for name in build.functions(place):
        function = place / "functions" / name
        found = _EVENT.search((function / "index.py").read_text("utf-8"))
        if found is None:
            raise BuildFailed(f"functions/{name}/index.py names no event of events/ to call it with")
        yield Subject(name, [str(function), str(place / "layer/python")], str(root / found[0]))


def _others(root: Path, place: Path, plain: Path, compiled: Path) -> list[Subject]:
    event = str(root / _SAMPLE_EVENT)
    return [
        Subject(PLAIN, [str(plain)], event),
        Subject(COMPILED, [str(compiled)], event),
        Subject(FLOOR, [str(place / "layer/python")]),
    ]
