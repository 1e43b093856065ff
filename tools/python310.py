"""Find the CPython 3.10 that makes the bytecode and tries the imports: Function Compute's python3.10 reads no other.

A name on PATH proves nothing: pyenv's shims are there for versions that are switched off, and then fail. So every
candidate is run, and the first that answers as CPython 3.10 on x86-64 Linux is taken.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import uv

from tools.errors import PythonMissing

_PROBE = """
import sys, sysconfig
print(sys.implementation.name, "%d.%d" % sys.version_info[:2], sysconfig.get_platform(), sys.executable)
"""
_WANTED = "cpython 3.10 linux-x86_64"
_NEED = "the bytecode in dist/ is made by CPython 3.10 on x86-64 Linux"
_ADVICE = (
    "Get it with `.venv/bin/uv python install 3.10`, `pyenv install 3.10` or your distribution's packages; "
    "one that stands elsewhere is named with PYTHON310=/path/to/python3.10."
)


def find(environ: Mapping[str, str], running: str = sys.executable) -> Path:
    """Return the executable of a CPython 3.10: ``PYTHON310`` if that is set, else the first that runs.

    Looked for in this order: the ``running`` interpreter, every ``python3.10`` on PATH, uv's own, pyenv's.
    Raises PythonMissing where none runs, or where ``PYTHON310`` names something else.
    """
    named = environ.get("PYTHON310")
    for candidate in [named] if named else _candidates(environ, running):
        if executable := _probe(candidate):
            return executable
    if named:
        raise PythonMissing(f"{_NEED}, and PYTHON310={named} is not one that runs. {_ADVICE}")
    raise PythonMissing(f"{_NEED}, and there is none here. {_ADVICE}")


def _candidates(environ: Mapping[str, str], running: str) -> Iterator[str]:
    yield running
    for folder in environ.get("PATH", "").split(os.pathsep):
        yield str(Path(folder) / "python3.10")
    yield from _managed_by_uv(environ)
    pyenv = Path(environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob("versions/3.10.*/bin/python3.10")))


def _managed_by_uv(environ: Mapping[str, str]) -> Iterator[str]:
    """uv's own installations only: on PATH it stops at the first broken shim."""  # noqa: D403 - its name is lower case
    command = [uv.find_uv_bin(), "python", "find", "--managed-python", "--no-python-downloads", "--no-project", "3.10"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(environ))
    if found.returncode == 0:
        yield found.stdout.strip()


def _probe(candidate: str) -> Path | None:
    """Return the real executable behind ``candidate`` (not a shim), or nothing if it is not what is wanted."""
    try:
        answer = subprocess.run([candidate, "-I", "-c", _PROBE], capture_output=True, text=True, check=False)
    except OSError:
        return None
    said = answer.stdout.strip()
    return Path(said.removeprefix(_WANTED).strip()) if said.startswith(_WANTED) else None
