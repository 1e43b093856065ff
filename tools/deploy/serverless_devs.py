"""The Serverless Devs CLI: found, called, and followed while it deploys.

It masks credentials and the account id in everything that it prints, so ARNs are never read from its output.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.deploy.access import Access
from tools.errors import CommandFailed, NothingDone

PACKAGE = "@serverless-devs/s"
_VERSION = re.compile(rf"{PACKAGE}: (\d[^\s,]*)")
_FINISHED = re.compile(r"✔ \[(\w+)\] completed")
_ERROR = re.compile(r"Error Message:\s*(.*?)\s*(?:A complete log of this run|Env:|\Z)", re.DOTALL)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ERROR_LENGTH = 500  # characters


def pinned(root: Path) -> str:
    """The version in the checkout's package.json."""
    return str(json.loads((root / "package.json").read_text(encoding="utf-8"))["devDependencies"][PACKAGE])


def find_cli(root: Path, environ: Mapping[str, str]) -> Path:
    """The CLI of the checkout's `npm install`, else `s` on the path; of the pinned version. Raises NothingDone."""
    wanted, seen = pinned(root), []
    for found in (root / "node_modules/.bin/s", shutil.which("s", path=environ.get("PATH", ""))):
        if found is not None and Path(found).exists():
            version = _version(Path(found), environ)
            if version == wanted:
                return Path(found)
            seen.append(f"{found} is {version or 'no Serverless Devs CLI that runs'}")
    raise NothingDone(
        f"there is no Serverless Devs CLI {wanted} here{''.join(f' ({other})' for other in seen)}. "
        "Install Node 20 or later (https://nodejs.org), then run: make serverless-devs"
    )


def _version(executable: Path, environ: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            [executable, "-v"], env={**environ, "CI": "true"}, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    found = _VERSION.search(done.stdout)
    return found[1] if found else ""


def has_alias(executable: Path, alias: str, environ: Mapping[str, str]) -> bool:
    """Whether `s config` has the alias; the CLI ends with 0 either way."""
    plain = Access(alias, "").environment(environ)
    done = subprocess.run(
        [executable, "config", "get", "-a", alias],
        env={**plain, "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    return re.search(rf"^Alias:\s+{re.escape(alias)}\s*$", _COLOUR.sub("", done.stdout), re.MULTILINE) is not None


@dataclass(frozen=True)
class ServerlessDevs:
    """The CLI in the checkout ``root``, with the credentials of ``access``."""

    executable: Path
    root: Path
    access: Access
    environ: Mapping[str, str] = field(repr=False)

    def ask(self, *arguments: str, **variables: str) -> Any:
        """The JSON answer of a command. Raises CommandFailed with the CLI's error."""
        done = subprocess.run(
            self._command([*arguments, "-o", "json", "--silent"]),
            cwd=self.root,
            env=self._environment(variables),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandFailed(f"s {' '.join(arguments[:4])}: {error_in(done.stdout + done.stderr)}")
        return _json(done.stdout, arguments)

    def watch(self, *arguments: str, **variables: str) -> tuple[int, list[str], str]:
        """Run a command and pass its output on: the exit status, the resources that it finished, and the output."""
        with subprocess.Popen(
            self._command(arguments),
            cwd=self.root,
            env=self._environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            lines = []
            for line in process.stdout or ():
                print(f"  | {line}", end="", flush=True)
                lines.append(_COLOUR.sub("", line))
        text = "".join(lines)
        return process.returncode, _FINISHED.findall(text), text

    def _command(self, arguments: list[str] | tuple[str, ...]) -> list[str]:
        return [str(self.executable), *arguments, "-a", self.access.alias]

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        return {**self.access.environment(self.environ), "CI": "true", **variables}


def error_in(output: str) -> str:
    """The error in the CLI's output, at most 500 characters, without its log path and advertisement."""
    plain = _COLOUR.sub("", output)
    found = _ERROR.search(plain)
    return " ".join((found[1] if found else plain).split())[:_ERROR_LENGTH] or "it failed without an error message"


def _json(output: str, arguments: tuple[str, ...]) -> Any:
    start = min((place for place in (output.find("{"), output.find("[\n"), output.find("[]")) if place >= 0), default=0)
    try:
        return json.JSONDecoder().raw_decode(output[start:])[0]
    except ValueError:
        raise CommandFailed(f"s {' '.join(arguments[:4])} did not answer with JSON: {error_in(output)}") from None
