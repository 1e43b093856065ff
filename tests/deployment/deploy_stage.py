"""A stage for deployments: a small checkout with a complete ``dist/``, and the CLI played on the path."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from tests.command import typed
from tests.deployment.serverless_devs import VERSION
from tools.check_deployment.check import ROOT

PLAYED = Path(__file__).with_name("played_cli.py")
NEEDED = {"DEPLOY_JOURNAL_BUCKET": "journal-of-ours", "DEPLOY_LOG_PROJECT": "logs-of-ours"}
SECRET = "a-secret-that-nobody-may-see"
KEYS = {
    "AccountID": "1690701234567830",
    "AccessKeyID": "LTAI5tExample",
    "AccessKeySecret": SECRET,
    "SecurityToken": f"{SECRET}-token",
}
CHANGING = ("publish", "deploy", "remove")
"""Commands that change something."""


@dataclass(frozen=True)
class Deployment:
    """``root`` is the checkout, ``home`` the played CLI's folder, ``environ`` what the deployer has set."""

    root: Path
    home: Path
    environ: dict[str, str]
    build: mock.Mock = field(default_factory=mock.Mock)

    def run(self, command: str = "deploy", **variables: str) -> tuple[int, str, str]:
        """``spotkeeper command`` with the ``dist/`` that stands there: exit code, output and errors."""
        with mock.patch("tools.build.build_dist", self.build):
            return typed([command], {**self.environ, **variables}, self.root)

    def without(self, *names: str) -> Deployment:
        """The same with less set."""
        kept = {name: value for name, value in self.environ.items() if name not in names}
        return Deployment(self.root, self.home, kept)

    @property
    def state(self) -> dict[str, Any]:
        """What the played CLI has made."""
        state: dict[str, Any] = json.loads((self.home / "state.json").read_text(encoding="utf-8"))
        return state

    def play(self, **changes: Any) -> None:
        """Change the state: ``fail={"layer publish": message}``, ``version=…``."""
        (self.home / "state.json").write_text(json.dumps({**self.state, **changes}), encoding="utf-8")

    @property
    def calls(self) -> list[dict[str, Any]]:
        """How the CLI was called: arguments and environment."""
        log = self.home / "calls.jsonl"
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []

    @property
    def changes(self) -> list[str]:
        """The commands among the calls that change something, in order."""
        return [word for call in self.calls for word in call["arguments"][:4] if word in CHANGING]


def stage(folder: Path) -> Deployment:
    """A checkout of s.yaml and the functions as they stand, with a layer of one file; the CLI and a key are there."""
    root, home = folder / "checkout", folder / "played"
    root.mkdir()
    for name in ("functions", "shared", "events", "s.yaml", "package.json"):
        (root / name).symlink_to(ROOT / name)
    (root / "requirements.txt").write_text("one==1.0\n", encoding="utf-8")
    _fill(root / "dist")
    (home / "bin").mkdir(parents=True)
    (home / "bin/s").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{PLAYED}" "$@"\n', encoding="utf-8")
    (home / "bin/s").chmod(0o755)
    state = {"version": VERSION, "aliases": [], "layer": [], "functions": {}, "fail": {}}
    (home / "state.json").write_text(json.dumps(state), encoding="utf-8")
    path = f"{home / 'bin'}:{os.environ['PATH']}"
    environ = {"PATH": path, "PLAYED_CLI": str(home), "YES": "true", **NEEDED, **KEYS}
    return Deployment(root, home, environ)


def _fill(dist: Path) -> None:
    """What `make build` would leave, with empty bytecode."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(ROOT / "functions", dist / "functions", ignore=ignored)
    shutil.copytree(ROOT / "shared", dist / "layer/python", ignore=ignored)
    metadata = dist / "layer/python/one-1.0.dist-info/METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: one\nVersion: 1.0\n", encoding="utf-8")
    (dist / "runtime").write_text("python3.10\n", encoding="utf-8")
    for source in dist.rglob("*.py"):
        cache = source.parent / "__pycache__"
        cache.mkdir(exist_ok=True)
        (cache / f"{source.stem}.cpython-310.pyc").touch()
