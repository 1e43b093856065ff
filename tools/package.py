"""``make package``: what ``make build`` made, as the zips that Function Compute takes: a layer, and code.

``dist/layer.zip`` has the folder ``python/`` at its top (mounted at ``/opt``), ``dist/functions-<name>.zip`` the code
(mounted at ``/code``). Names in order, a fixed time stamp, mode and compression: the same ``dist/`` gives the same
bytes in any place. (Deflate is zlib's business: another zlib may compress to other bytes of the same content.)
"""

from __future__ import annotations

import filecmp
import hashlib
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import build, layer
from tools.errors import BuildFailed

MEGABYTE = 1_000_000
# "Quotas and limits": 100 MB in every region, and 100 MB where the zip goes through the API as Base64.
LARGEST_ZIP = 100 * MEGABYTE * 3 // 4
_STAMP = (1980, 1, 2, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o644) << 16
_UNIX = 3  # whose modes these are


class Incomplete(BuildFailed):
    """``dist/`` is not what this checkout makes."""


class TooLarge(BuildFailed):
    """A zip is larger than Function Compute takes."""


@dataclass(frozen=True)
class Package:
    """One zip at ``path``; sizes in bytes."""

    path: Path
    files: int
    unzipped: int
    zipped: int
    sha256: str


def package_dist() -> None:
    """Package this checkout's ``dist/`` and print the zips. Raises BuildFailed, which leaves no zip."""
    made = package(build.ROOT, build.ROOT / "dist")
    print(f"{'':<32}{'files':>7}{'unzipped':>12}{'zipped':>12}  sha256")
    for archive in made:
        sizes = f"{archive.unzipped / MEGABYTE:>9.2f} MB{archive.zipped / MEGABYTE:>9.2f} MB"
        print(f"{archive.path.relative_to(build.ROOT)!s:<32}{archive.files:>7}{sizes}  {archive.sha256}")


def package(root: Path, dist: Path) -> list[Package]:
    """Zip the ``dist`` of the checkout ``root``, the layer first.

    Raises Incomplete if ``dist`` is not what the checkout makes, TooLarge for a zip that Function Compute does not
    take; either leaves no zip.
    """
    _forget(dist)
    check_complete(root, dist)
    sources = {dist / "layer.zip": dist / "layer"}
    sources |= {dist / f"functions-{name}.zip": dist / "functions" / name for name in build.functions(dist)}
    made = [write_zip(folder, path) for path, folder in sources.items()]
    if large := [archive.path.name for archive in made if archive.zipped > LARGEST_ZIP]:
        _forget(dist)
        raise TooLarge(f"{', '.join(large)}: more than the {LARGEST_ZIP // MEGABYTE} MB that every region takes")
    return made


def _forget(dist: Path) -> None:
    for old in dist.glob("*.zip"):
        old.unlink()


def check_complete(root: Path, dist: Path) -> None:
    """Raise Incomplete, naming what is missing, unless ``dist`` has all that the checkout ``root`` makes."""
    runtime = build.runtime_of(dist)
    pins = layer.pins((root / "requirements.txt").read_text("utf-8"), runtime)
    missing = [
        *(
            f"{name} of requirements.txt"
            for name in sorted(pins.keys() - layer.installed(dist / "layer/python").keys())
        ),
        *(f"{place.relative_to(dist)} as it is now" for source, place in _own(root, dist) if not _same(source, place)),
        *(
            f"bytecode of {path.relative_to(dist)}"
            for path in sorted(dist.rglob("*.py"))
            if not (path.parent / "__pycache__" / f"{path.stem}.{runtime.cache_tag}.pyc").is_file()
        ),
    ]
    if missing:
        raise Incomplete(f"dist/ is incomplete, build it again. It has no {', no '.join(missing[:5])}")


def _own(root: Path, dist: Path) -> Iterator[tuple[Path, Path]]:
    """The checkout's own files that are shipped, and where they stand in ``dist``."""
    functions = {root / "functions" / name: dist / "functions" / name for name in build.functions(root)}
    for source, place in {root / "shared": dist / "layer/python", **functions}.items():
        for path in sorted(file.relative_to(source) for file in source.rglob("*") if file.is_file()):
            if not any(part in ("__pycache__", "tests") or part.startswith(".") for part in path.parts):
                yield source / path, place / path


def _same(source: Path, place: Path) -> bool:
    return place.is_file() and filecmp.cmp(source, place, shallow=False)


def write_zip(folder: Path, path: Path) -> Package:
    """Write the files below ``folder`` to the zip ``path``: their names and bytes decide, and nothing else."""
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    unzipped = 0
    with zipfile.ZipFile(path, "w") as archive:
        for name, file in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _STAMP)
            entry.create_system, entry.external_attr = _UNIX, _MODE
            content = file.read_bytes()
            unzipped += len(content)
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=6)
    zipped = path.read_bytes()
    return Package(path, len(files), unzipped, len(zipped), hashlib.sha256(zipped).hexdigest())
