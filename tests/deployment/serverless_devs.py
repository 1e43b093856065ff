"""The real Serverless Devs CLI, where Node is: to ask it what it makes of s.yaml."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.deployment.stage import FILE
from tools.check_deployment.check import ROOT

PACKAGE = "@serverless-devs/s"
VERSION: str = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"][PACKAGE]


@functools.cache
def cli() -> Path:
    """The CLI's executable, of exactly package.json's version: that of `make serverless-devs`, or that in ``.cache``.

    Where there is none the calling test is skipped; with CI=true it is installed, and without Node the test fails.
    """
    kept = ROOT / ".cache" / f"serverless-devs-{VERSION}"
    for folder in (ROOT, kept):
        if _version(folder) == VERSION:
            return _executable(folder)
    advice = f"there is no {PACKAGE} {VERSION}: make serverless-devs (Node 20)"
    if os.environ.get("CI") != "true":
        pytest.skip(advice)
    if shutil.which("npm") is None:
        pytest.fail(f"{advice}, and there is no npm either")
    _install(kept)
    return _executable(kept)


def preview(home: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """What `s preview` makes of s.yaml in ``environ``; what the CLI writes goes to ``home``."""
    command = [str(cli()), "preview", "-t", str(FILE), "-o", "json", "--silent"]
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "CI": "true", **environ}
    done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _executable(folder: Path) -> Path:
    return folder / "node_modules/.bin/s"


def _version(folder: Path) -> str:
    """The version that is installed in a folder, and can be run."""
    package = folder / "node_modules" / PACKAGE / "package.json"
    if shutil.which("node") is None or not _executable(folder).exists() or not package.exists():
        return ""
    return str(json.loads(package.read_text(encoding="utf-8"))["version"])


def _install(folder: Path) -> None:
    """Once, whoever of several test processes comes first."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _version(folder) != VERSION:
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(ROOT / name, folder)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
