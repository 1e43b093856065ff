"""The third-party half of the layer: installed for a runtime of Function Compute, then compared with the pins.

pip evaluates markers for the interpreter that runs it and passes over sdists when it installs for another
platform: from Python 3.11 it leaves out async-timeout and takes an older alibabacloud-tea. uv resolves for the target.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import distributions
from pathlib import Path

import uv
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, parse_tag
from packaging.utils import canonicalize_name

from tools.errors import BuildFailed
from tools.runtime import Runtime

# What the runtimes of Function Compute have in common.
_TARGET = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
}
_ELF_X86_64 = (b"\x7fELF\x02\x01", b"\x3e\x00")  # 64 bit, little endian; e_machine, at offset 18, is EM_X86_64

# Nothing that runs imports these: commands for a shell, and the packages' own test suites.
NOT_NEEDED = ("bin", "Crypto/SelfTest", "certifi/tests", "websocket/tests")
# Who installed what, from where and when: of no use in a mount that is never changed, and different at each build.
INSTALLER_NOTES = ("INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json")


def make(root: Path, layer: Path, runtime: Runtime, python: Path) -> None:
    """Fill ``layer`` with what ``requirements.txt`` pins for the runtime. Raises BuildFailed."""
    install(root, layer, runtime, python)
    check_pins(pins((root / "requirements.txt").read_text("utf-8"), runtime), installed(layer))
    check_platform(layer, runtime)
    _prune(layer)


def install(root: Path, layer: Path, runtime: Runtime, python: Path) -> None:
    """Install into ``layer``, dependencies included: ``check_pins`` then finds a dependency without a pin."""
    command: list[str | Path] = [uv.find_uv_bin(), "pip", "install", "--quiet", "--target", layer]
    command += ["--python", python, "--python-version", runtime.version, "--python-platform", "x86_64-manylinux2014"]
    command += ["--link-mode", "copy"]  # pruning and stamping must not change uv's cache
    command += ["--require-hashes", "--build-constraints", root / "requirements-build.txt"]
    command += ["--requirement", root / "requirements.txt"]
    if subprocess.run(command, check=False, env=package_index(os.environ)).returncode:
        raise BuildFailed("the layer's packages cannot be installed; what uv says above names the reason")


def package_index(environ: Mapping[str, str]) -> dict[str, str]:
    """Return ``environ`` with the package index that pip is configured for: uv does not read pip's configuration."""
    if "UV_DEFAULT_INDEX" in environ or "UV_INDEX_URL" in environ:
        return dict(environ)
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    configured = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    index = environ.get("PIP_INDEX_URL") or configured
    return {**environ, "UV_DEFAULT_INDEX": index} if index else dict(environ)


def pins(requirements: str, runtime: Runtime) -> dict[str, str]:
    """Return name → version of the lines of ``requirements`` that hold on the runtime.

    Raises BuildFailed for a line that is not ``name==version``.
    """
    full = f"{runtime.version}.0"
    versions = {"python_version": runtime.version, "python_full_version": full, "implementation_version": full}
    wanted = [Requirement(line) for line in requirement_lines(requirements)]
    return {
        canonicalize_name(requirement.name): _pinned_version(requirement)
        for requirement in wanted
        if requirement.marker is None or requirement.marker.evaluate({**_TARGET, **versions})
    }


def requirement_lines(requirements: str) -> Iterator[str]:
    """The lines of a requirements file that name a package, without their hashes and comments."""
    for line in requirements.replace("\\\n", "").splitlines():
        if requirement := line.partition("#")[0].partition("--hash")[0].strip():
            yield requirement


def _pinned_version(requirement: Requirement) -> str:
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator != "==" or specifiers[0].version.endswith(".*"):
        raise BuildFailed(f"requirements.txt does not pin {requirement.name} to one version: {requirement}")
    return specifiers[0].version


def installed(layer: Path) -> dict[str, str]:
    """Return name → version of the distributions that stand in ``layer``."""
    return {canonicalize_name(found.metadata["Name"]): found.version for found in distributions(path=[str(layer)])}


def check_pins(pinned: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Raise BuildFailed unless ``found`` equals ``pinned``, naming every difference."""
    differences = [
        f"{name}: pinned {pinned.get(name, 'nowhere')}, in the layer {found.get(name, 'missing')}"
        for name in sorted(pinned.keys() | found.keys())
        if pinned.get(name) != found.get(name)
    ]
    if differences:
        raise BuildFailed("the layer differs from requirements.txt:\n  " + "\n  ".join(differences))


def check_platform(layer: Path, runtime: Runtime) -> None:
    """Raise BuildFailed if a wheel or an extension module in ``layer`` is not for the runtime."""
    wrong = [*_wrong_wheels(layer, runtime), *_wrong_extensions(layer, runtime)]
    if wrong:
        raise BuildFailed(f"not for Function Compute's {runtime.name}:\n  " + "\n  ".join(wrong))


def _wrong_wheels(layer: Path, runtime: Runtime) -> Iterator[str]:
    version, platforms = (3, runtime.minor), [f"manylinux{year}_x86_64" for year in (1, 2010, 2014)]
    platforms += [f"manylinux_2_{minor}_x86_64" for minor in range(5, runtime.glibc_minor + 1)]
    interpreter = f"cp3{runtime.minor}"
    accepted = {*cpython_tags(version, platforms=platforms), *compatible_tags(version, interpreter, platforms)}
    for wheel in sorted(layer.glob("*.dist-info/WHEEL")):
        if not _tags(wheel.read_text("utf-8")) & accepted:
            yield f"{wheel.parent.name} ({wheel.name} names no tag that fits)"


def _tags(wheel: str) -> set[Tag]:
    lines = (line for line in wheel.splitlines() if line.startswith("Tag:"))
    return {tag for line in lines for tag in parse_tag(line.removeprefix("Tag:").strip())}


def _wrong_extensions(layer: Path, runtime: Runtime) -> Iterator[str]:
    suffixes = (f".{runtime.cache_tag}-x86_64-linux-gnu.so", ".abi3.so")
    for library in sorted(layer.rglob("*.so*")):
        bundled = library.parent.name.endswith(".libs")  # C libraries that auditwheel put beside the extensions
        header = library.read_bytes()[:20]
        if not (header.startswith(_ELF_X86_64[0]) and header.endswith(_ELF_X86_64[1])):
            yield f"{library.relative_to(layer)} (not x86-64)"
        elif not (bundled or library.name.endswith(suffixes)):
            yield f"{library.relative_to(layer)} (neither CPython {runtime.version}'s ABI nor the stable ABI)"


def _prune(layer: Path) -> None:
    for folder in NOT_NEEDED:
        shutil.rmtree(layer / folder, ignore_errors=True)
    for note in INSTALLER_NOTES:
        for found in layer.glob(f"*.dist-info/{note}"):
            found.unlink()
    (layer / ".lock").unlink(missing_ok=True)  # uv's
