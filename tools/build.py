"""Build ``dist/``: the layer and the functions, as Function Compute mounts them at ``/opt/python`` and ``/code``.

Everything is made and tried beside ``dist/`` and moved there at the end, so a ``dist/`` that exists is complete.
The same sources and pins give the same bytes: no path of this machine, no time of this build is in them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tools import layer
from tools.errors import BuildFailed
from tools.runtime import PYTHON310, RUNTIMES, Runtime, find

ROOT = Path(__file__).resolve().parent.parent

_NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", "tests", ".*")
_EPOCH = 315619200  # 1980-01-02: zip can store it in every time zone
_COMPILE = ("-s", "-S", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")

# Run by the runtime's CPython with nothing but a function's folder, the layer and the standard library on its path.
_IMPORTS = """
import importlib, importlib.util, pkgutil, sys
sys.path[:0] = sys.argv[1:]
import index, spotkeeper
assert callable(index.handler), "index.handler is not callable"
for client in (
    "alibabacloud_credentials.client",
    "alibabacloud_ecs20140526.client",
    "alibabacloud_ess20220222.client",
    "alibabacloud_oss_v2",
    "alibabacloud_slb20140515.client",
    "alibabacloud_tea_openapi.client",
    *(module.name for module in pkgutil.walk_packages(spotkeeper.__path__, "spotkeeper.")),
):
    importlib.import_module(client)
if importlib.util.find_spec("checking"):  # which checks there are, and who wants them, is data that must be right
    importlib.import_module("checking.entry").rules()
"""


def build_dist(runtime: Runtime = PYTHON310) -> None:
    """Build this checkout's ``dist/``. Raises BuildFailed, which leaves no ``dist/``."""
    dist = ROOT / "dist"
    try:
        build(ROOT, dist, runtime, find(runtime, os.environ))
    except BuildFailed:
        shutil.rmtree(dist, ignore_errors=True)
        raise
    made = ", ".join(f"dist/functions/{name}" for name in functions(dist))
    print(f"dist/layer and {made}: built for {runtime.name}, and they import.")


def build(root: Path, dist: Path, runtime: Runtime, python: Path) -> None:
    """Build what the checkout ``root`` describes into ``dist`` with the runtime's CPython. Raises BuildFailed."""
    if not functions(root):
        raise BuildFailed("there is no functions/<name>/index.py to build")
    with tempfile.TemporaryDirectory(prefix=".dist-", dir=dist.parent) as beside:
        stage = Path(beside) / "new"
        layer.make(root, stage / "layer/python", runtime, python)
        shutil.copytree(root / "shared/spotkeeper", stage / "layer/python/spotkeeper", ignore=_NOT_SHIPPED)
        for name in functions(root):
            shutil.copytree(root / "functions" / name, stage / "functions" / name, ignore=_NOT_SHIPPED)
        (stage / "runtime").write_text(f"{runtime.name}\n", encoding="utf-8")
        compile_ahead(stage, python)
        _settle(stage)
        check_imports(stage, python)
        if dist.exists():
            dist.rename(Path(beside) / "old")
        stage.rename(dist)


def functions(folder: Path) -> list[str]:
    """Return the names of the functions in a checkout or a ``dist``: the folders of ``functions/`` with an index.py."""
    return sorted(index.parent.name for index in folder.glob("functions/*/index.py"))


def runtime_of(dist: Path) -> Runtime:
    """Return the runtime that ``dist`` was built for. Raises BuildFailed where there is no ``dist``."""
    note = dist / "runtime"
    name = note.read_text(encoding="utf-8").strip() if note.is_file() else ""
    if name not in RUNTIMES:
        raise BuildFailed("dist/ is not complete: it does not say for which runtime it was built. Run: make build")
    return RUNTIMES[name]


def compile_ahead(stage: Path, python: Path) -> None:
    """Compile everything to bytecode that is never compared with its source, under the paths of the mounts.

    Raises BuildFailed if something does not compile.
    """
    mounts = {"layer/python": "/opt/python", **{f"functions/{name}": "/code" for name in functions(stage)}}
    for folder, mount in mounts.items():
        # One process, in order, with a fixed seed: marshal's references and the order of sets differ otherwise.
        where = ["-s", folder, "-p", mount, folder]
        seed = {"PYTHONHASHSEED": "0"}
        if subprocess.run([python, *_COMPILE, *where], check=False, cwd=stage, env=seed).returncode:
            raise BuildFailed(f"{folder} has files that {python} cannot compile; they are named above")


def _settle(stage: Path) -> None:
    """Give every file the time and mode that any other build would."""
    for path in (stage, *stage.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (_EPOCH, _EPOCH))


def check_imports(stage: Path, python: Path) -> None:
    """Import each function, Spotkeeper and the SDKs as Function Compute does. Raises BuildFailed.

    Bytecode may be written here, and must not be: what an import writes is what the build did not compile.
    """
    before = contents(stage)
    for name in functions(stage):
        command: list[str | Path] = [
            python,
            "-I",
            "-S",
            "-c",
            _IMPORTS,
            stage / "functions" / name,
            stage / "layer/python",
        ]
        if subprocess.run(command, check=False, env={}).returncode:
            raise BuildFailed(f"{name} does not import or start under {python}; the traceback is above")
    if written := contents(stage) ^ before:
        raise BuildFailed(f"importing changed what was built: {sorted(path for path, _, _ in written)}")


def contents(folder: Path) -> set[tuple[str, int, int]]:
    """Return path, size and modification time (ns) of every file below ``folder``."""
    files = ((path, path.stat()) for path in folder.rglob("*") if path.is_file())
    return {(str(path.relative_to(folder)), stat.st_size, stat.st_mtime_ns) for path, stat in files}
