"""A built ``dist/`` for tests, and a way to run code in it as Function Compute would.

``built_dist()`` builds once per runtime and state of the sources, into ``.cache/``; further calls, other xdist workers
and later runs find it there. Fixture ``dist`` is for python3.10; with ``each_runtime`` a test runs on every runtime:

    @each_runtime
    def test_something(dist: Dist) -> None:
        answer = dist.run("interruption", "import index; print(index.handler(b'[]', None))", env={"ECS_ENDPOINT": url})
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools import build
from tools.errors import PythonMissing
from tools.runtime import RUNTIMES, Runtime, find

_CACHE = build.ROOT / ".cache"
_KEPT = 2 * len(RUNTIMES)  # builds: of this state of the sources, and of the state before for whoever still runs on it
_SOURCES = ("shared", "functions", "tools", "requirements.txt", "requirements-dev.txt")

# -I and -S leave the standard library alone on the path; what a function runs with is put before it.
_MOUNTED = "import sys; sys.path[:0] = [sys.argv.pop(1), sys.argv.pop(1)]\n"


@dataclass(frozen=True)
class Dist:
    """A built ``dist/`` at ``path``, and the executable ``python`` of the CPython that its runtime has."""

    path: Path
    runtime: Runtime
    python: Path

    @property
    def layer(self) -> Path:
        """What Function Compute mounts at /opt/python."""
        return self.path / "layer/python"

    @property
    def functions(self) -> list[str]:
        """The names of the functions that were built."""
        return build.functions(self.path)

    def function(self, name: str) -> Path:
        """What Function Compute mounts at /code for the function ``name``."""
        return self.path / "functions" / name

    def command(self, name: str, source: str, *arguments: str) -> list[str]:
        """Return the command that runs ``source`` with ``sys.path = [function name, layer/python, stdlib]``.

        ``source`` finds ``arguments`` in ``sys.argv[1:]``. Variables that begin with PYTHON have no effect on it.
        """
        mounts = [str(self.function(name)), str(self.layer)]
        return [str(self.python), "-I", "-S", "-c", _MOUNTED + source, *mounts, *arguments]

    def run(
        self, name: str, source: str, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run ``command(...)`` to its end, with no environment variables but ``env``; both outputs are captured."""
        command = self.command(name, source, *arguments)
        return subprocess.run(command, input=stdin, capture_output=True, check=False, env=dict(env or {}))


each_runtime = pytest.mark.parametrize("dist", sorted(RUNTIMES), indirect=True)


@functools.cache
def built_dist(name: str) -> Dist:
    """Return a ``dist/`` of the sources as they are for a runtime, built if need be.

    Without the runtime's CPython the calling test is skipped; with CI=true it fails.
    """
    runtime = RUNTIMES[name]
    try:
        python = find(runtime, os.environ)
    except PythonMissing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    place = _CACHE / f"dist-{_state_of_sources(python)}"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            build.build(build.ROOT, place, runtime, python)
            os.utime(place)  # when it was built: what _forget_old goes by
            _forget_old()
    return Dist(place, runtime, python)


def _state_of_sources(python: Path) -> str:
    """Hash everything that a build is made of."""
    state = hashlib.sha256(str(python).encode())
    for path in _source_files():
        state.update(f"{path.relative_to(build.ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return state.hexdigest()[:16]


def _source_files() -> Iterator[Path]:
    for source in _SOURCES:
        top = build.ROOT / source
        below = (path for path in (top, *top.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
        yield from sorted(below)


def _forget_old() -> None:
    newest_first = sorted(_CACHE.glob("dist-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in newest_first[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
