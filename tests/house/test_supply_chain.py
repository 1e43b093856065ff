"""What is installed, anywhere, is pinned by its hash; and no lock names where it comes from."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import layer
from tools.build import ROOT

SOURCES = sorted(ROOT.glob("requirements*.in"))
NPM = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)


def locked(source: Path) -> list[Requirement]:
    """What the lock of a requirements*.in pins, with a line for each Python that gets another version."""
    return [Requirement(line) for line in layer.requirement_lines(source.with_suffix(".txt").read_text("utf-8"))]


@each_source
def test_every_pin_has_its_hashes(source: Path) -> None:
    """Without them `pip install --require-hashes` installs nothing at all."""
    lock = source.with_suffix(".txt").read_text(encoding="utf-8")
    pins = [one for one in re.split(r"\n(?=\S)", lock) if not one.startswith("#")]
    assert [
        pin.split()[0] for pin in pins if not re.search(r"==\S+.* --hash=sha256:[0-9a-f]{64}", pin, re.DOTALL)
    ] == []
    assert len(pins) == len(locked(source))


@each_source
def test_the_lock_is_of_its_source(source: Path) -> None:
    """Each package that the source names is pinned, to a version that the source accepts (else: make lock)."""
    pins = locked(source)
    for line in layer.requirement_lines(source.read_text(encoding="utf-8")):
        if not line.startswith("-c "):
            named = Requirement(line)
            versions = [
                str(one.specifier).removeprefix("==")
                for one in pins
                if canonicalize_name(one.name) == canonicalize_name(named.name)
            ]
            assert versions, f"{named} is not in {source.with_suffix('.txt').name}"
            assert all(named.specifier.contains(version) for version in versions), f"{named}: {versions}"


def test_packages_in_two_locks_are_the_same() -> None:
    """The tests run with what the functions run with."""
    ours, theirs = (
        {(pin.name, str(pin.specifier)) for pin in locked(ROOT / name)}
        for name in ("requirements.in", "requirements-dev.in")
    )
    names = {name for name, _ in ours} & {name for name, _ in theirs}
    assert {pin for pin in theirs if pin[0] in names} <= ours


def test_npm_has_its_hashes() -> None:
    """So has the Serverless Devs CLI; it brings nothing that runs at installation."""
    packages = {name: package for name, package in NPM.items() if name}
    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not any(package.get("hasInstallScript") for package in packages.values())
    assert NPM[""]["devDependencies"] == json.loads((ROOT / "package.json").read_text("utf-8"))["devDependencies"]


@pytest.mark.parametrize("lock", [*(path.with_suffix(".txt").name for path in SOURCES), "package-lock.json"])
def test_no_lock_names_an_index(lock: str) -> None:
    """One that does would keep everybody from using a mirror."""
    assert re.findall(r"\S*(?:://|resolved|index-url)\S*", (ROOT / lock).read_text(encoding="utf-8")) == []


def test_nothing_is_installed_without_hashes() -> None:
    """Every command of the Makefile that installs demands them; the builders of packages without a wheel too."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installs = re.findall(r".*\b(?:pip|npm|uv|npx) (?:install|ci|i|add)\b.*|.*\(INSTALL\).*", makefile)
    assert len(installs) == 4
    for command in installs:
        assert re.search(r"--require-hashes|npm ci --ignore-scripts|\(INSTALL\) ", command), command
    assert "--no-build-isolation" in next(one for one in installs if "requirements-dev.txt" in one)


def test_pre_commit_is_make_test_without_the_tests() -> None:
    """Its one hook is the target that `make test` begins with: the same commands in the same versions."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    hooks = re.findall(r"^ +entry: (.*)", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    assert hooks == ["make lint"]
    assert re.search(r"^test: lint ", makefile, re.MULTILINE)
    assert "ruff" not in re.search(r"^test: .*\n((?:\t.*\n)*)", makefile, re.MULTILINE)[1]  # type: ignore[index]
