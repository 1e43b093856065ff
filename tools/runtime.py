"""Function Compute's Python runtimes, and the CPython that makes a runtime's bytecode and tries its imports.

A runtime reads the bytecode of its own CPython alone. A name on PATH proves nothing: pyenv's shims are there for
versions that are switched off, and then fail. So every candidate is run, and the first that answers as the runtime's
CPython on x86-64 Linux is taken.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import uv

from tools.errors import PythonMissing

_PROBE = """
import sys, sysconfig
print(sys.implementation.name, "%d.%d" % sys.version_info[:2], sysconfig.get_platform(), sys.executable)
"""


@dataclass(frozen=True)
class Runtime:
    """CPython 3.``minor`` on x86-64 Linux with glibc 2.``glibc_minor``."""

    minor: int
    glibc_minor: int

    @property
    def name(self) -> str:
        """As s.yaml and the API have it: ``python3.10``."""
        return f"python{self.version}"

    @property
    def version(self) -> str:
        """``3.10``."""
        return f"3.{self.minor}"

    @property
    def cache_tag(self) -> str:
        """What the names of its bytecode files end with: ``cpython-310``."""
        return f"cpython-3{self.minor}"

    @property
    def variable(self) -> str:
        """The environment variable that names its CPython: ``PYTHON310``."""
        return f"PYTHON3{self.minor}"


PYTHON310 = Runtime(10, glibc_minor=28)  # Debian 10
PYTHON312 = Runtime(12, glibc_minor=31)  # Debian 11; a public preview, and its context has no credentials
RUNTIMES = {runtime.name: runtime for runtime in (PYTHON310, PYTHON312)}


def find(runtime: Runtime, environ: Mapping[str, str], running: str = sys.executable) -> Path:
    """Return the executable of the runtime's CPython: its variable if that is set, else the first that runs.

    Looked for in this order: the ``running`` interpreter, each such interpreter on PATH, uv's own, pyenv's.
    Raises PythonMissing where none runs, or where the variable names something else.
    """
    named = environ.get(runtime.variable)
    for candidate in [named] if named else _candidates(runtime, environ, running):
        if executable := _probe(runtime, candidate):
            return executable
    need = f"the bytecode in dist/ is made by CPython {runtime.version} on x86-64 Linux"
    missing = f"{runtime.variable}={named} is not that interpreter" if named else "there is none here"
    raise PythonMissing(
        f"{need}, and {missing}. Get it with `.venv/bin/uv python install {runtime.version}`, "
        f"`pyenv install {runtime.version}` or your distribution's packages; name another location with "
        f"{runtime.variable}=/path/to/{runtime.name}."
    )


def _candidates(runtime: Runtime, environ: Mapping[str, str], running: str) -> Iterator[str]:
    yield running
    for folder in environ.get("PATH", "").split(os.pathsep):
        yield str(Path(folder) / runtime.name)
    yield from _managed_by_uv(runtime, environ)
    pyenv = Path(environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob(f"versions/{runtime.version}.*/bin/{runtime.name}")))


def _managed_by_uv(runtime: Runtime, environ: Mapping[str, str]) -> Iterator[str]:
    """uv's own installations only: on PATH it stops at the first broken shim."""  # noqa: D403 - its name is lower case
    command = [uv.find_uv_bin(), "python", "find", "--managed-python", "--no-python-downloads", "--no-project"]
    command.append(runtime.version)
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(environ))
    if found.returncode == 0:
        yield found.stdout.strip()


def _probe(runtime: Runtime, candidate: str) -> Path | None:
    """Return the real executable behind ``candidate`` (not a shim), or nothing if it is not the runtime's CPython."""
    try:
        answer = subprocess.run([candidate, "-I", "-c", _PROBE], capture_output=True, text=True, check=False)
    except OSError:
        return None
    wanted, printed = f"cpython {runtime.version} linux-x86_64", answer.stdout.strip()
    return Path(printed.removeprefix(wanted).strip()) if printed.startswith(f"{wanted} ") else None
