"""The packages: the same bytes from any checkout, nothing from half a ``dist/``, nothing too large."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.house.dist import Dist
from tools import build, package
from tools.errors import BuildFailed

METADATA = "Metadata-Version: 2.1\nName: one\nVersion: 1.0\n"
SHIPPED = {
    "runtime": "python3.10\n",
    "layer/python/one-1.0.dist-info/METADATA": METADATA,
    "layer/python/one/__init__.py": "ONE = 1\n",
    "layer/python/one/__pycache__/__init__.cpython-310.pyc": "bytecode",
    "layer/python/spotkeeper/__init__.py": "",
    "layer/python/spotkeeper/__pycache__/__init__.cpython-310.pyc": "bytecode",
    "functions/sweep/index.py": "def handler(event, context): ...\n",
    "functions/sweep/__pycache__/index.cpython-310.pyc": "bytecode",
}


def checkout(root: Path, names: list[str]) -> Path:
    """A checkout with one pin and one function, and its ``dist/``, written in the order of ``names``."""
    own = {
        "requirements.txt": "one==1.0\n",
        "shared/spotkeeper/__init__.py": "",
        "functions/sweep/index.py": SHIPPED["functions/sweep/index.py"],
    }
    for name, text in {**own, **{f"dist/{name}": SHIPPED[name] for name in names}}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def packaged(root: Path) -> dict[str, bytes]:
    """The bytes of the zips that packaging a checkout makes, by name."""
    return {one.path.name: one.path.read_bytes() for one in package.package(root, root / "dist")}


def test_two_trees_give_the_same_bytes(tmp_path: Path) -> None:
    """Neither the directory, nor umask, nor times, nor the order in which files were written is in a zip."""
    here = packaged(checkout(tmp_path / "here", sorted(SHIPPED)))
    mask = os.umask(0o077)
    try:
        there = checkout(tmp_path / "elsewhere/deep/down", sorted(SHIPPED, reverse=True))
    finally:
        os.umask(mask)
    for number, path in enumerate(sorted(there.rglob("*"), reverse=True)):
        os.utime(path, (number * 10**6, number * 10**6))

    assert packaged(there) == here
    assert sorted(here) == ["functions-sweep.zip", "layer.zip"]


def test_another_byte_is_another_zip(tmp_path: Path) -> None:
    """What is in the files decides."""
    root = checkout(tmp_path, sorted(SHIPPED))
    before = packaged(root)
    (root / "dist/layer/python/one/__init__.py").write_text("ONE = 2\n")
    after = packaged(root)

    assert [name for name in before if before[name] != after[name]] == ["layer.zip"]


def test_a_zip_is_what_function_compute_mounts(tmp_path: Path) -> None:
    """The layer under python/, the function's index.py at the top; sizes, count and hash are those of the zip."""
    root = checkout(tmp_path, sorted(SHIPPED))
    layer, sweep = package.package(root, root / "dist")

    with zipfile.ZipFile(layer.path) as archive:
        assert archive.namelist() == sorted(name.removeprefix("layer/") for name in SHIPPED if name.startswith("layer"))
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
        assert archive.read("python/one-1.0.dist-info/METADATA") == METADATA.encode()
    with zipfile.ZipFile(sweep.path) as archive:
        assert archive.namelist() == ["__pycache__/index.cpython-310.pyc", "index.py"]
    assert (sweep.files, sweep.unzipped, sweep.zipped) == (2, 41, sweep.path.stat().st_size)
    assert subprocess.check_output(["sha256sum", sweep.path], text=True).split()[0] == sweep.sha256


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("layer/python/one-1.0.dist-info", "no one of requirements.txt"),
        ("layer/python/one/__pycache__", r"no bytecode of layer/python/one/__init__\.py"),
        ("layer/python/spotkeeper/__init__.py", r"no layer/python/spotkeeper/__init__\.py"),
        ("layer/python", r"no one of requirements\.txt, no layer/python/spotkeeper"),
        ("functions/sweep/index.py", r"no functions/sweep/index\.py"),
        ("functions/sweep/__pycache__/index.cpython-310.pyc", r"no bytecode of functions/sweep/index\.py"),
        ("functions", r"no functions/sweep/index\.py"),
        ("runtime", "does not say for which runtime"),
        ("", "does not say for which runtime"),
    ],
)
def test_an_incomplete_dist_is_refused(tmp_path: Path, name: str, missing: str) -> None:
    """Whatever is missing is named, and no zip is left, not even an older zip."""
    root = checkout(tmp_path, sorted(SHIPPED))
    packaged(root)
    gone = root / "dist" / name
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()

    with pytest.raises(BuildFailed, match=missing):
        package.package(root, root / "dist")
    assert list(root.glob("dist/*.zip")) == []


def test_a_dist_of_older_sources_is_refused(tmp_path: Path) -> None:
    """Packaging does not ship what the checkout no longer says."""
    root = checkout(tmp_path, sorted(SHIPPED))
    (root / "functions/sweep/index.py").write_text("def handler(event, context): return {}\n")

    with pytest.raises(package.Incomplete, match=r"functions/sweep/index\.py as it is now"):
        package.package(root, root / "dist")


def test_what_function_compute_would_refuse_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip above the limit is named, and none is left."""
    root = checkout(tmp_path, sorted(SHIPPED))
    monkeypatch.setattr(package, "LARGEST_ZIP", 400)

    with pytest.raises(package.TooLarge, match=r"layer\.zip"):
        package.package(root, root / "dist")
    assert list((root / "dist").glob("*.zip")) == []


def test_what_was_built_can_be_packaged(dist: Dist) -> None:
    """Nothing is missing in the build of these sources."""
    package.check_complete(build.ROOT, dist.path)


@pytest.mark.full
def test_two_builds_in_two_directories(tmp_path: Path, dist: Dist) -> None:
    """Two copies of the checkout, built and packaged under other umasks, time zones and hash seeds: the same zips."""
    made = []
    for folder, mask, zone, seed in (("one", 0o022, "UTC", "1"), ("two/further/down", 0o077, "Asia/Shanghai", "2")):
        root = tmp_path / folder
        for source in ("shared", "functions", "tools"):
            shutil.copytree(build.ROOT / source, root / source, ignore=shutil.ignore_patterns("__pycache__"))
        for pins in ("requirements.txt", "requirements-build.txt"):
            shutil.copy(build.ROOT / pins, root)
        environment = {**os.environ, "PYTHON310": str(dist.python), "TZ": zone, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-m", "tools", "package"], cwd=root, env=environment, umask=mask, check=True)
        made.append({path.name: path.read_bytes() for path in (root / "dist").glob("*.zip")})

    assert made[0] == made[1]
    assert len(made[0]) == len(dist.functions) + 1
