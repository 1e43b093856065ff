"""Running a check's script in a real shell, on a machine that has only the tools that a test gives it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from checking.catalogue import Check, load

FOLDER = Path(__file__).parents[2] / "functions/lifecycle_hook/checks"
CHECKS = load(FOLDER)
SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]
BUILT_IN = {"ACS::InstanceId": "i-bp1ecr012345675go2go", "ACS::RegionId": "cn-hangzhou"}
USUAL = (
    *("awk", "bash", "cat", "cut", "df", "gzip", "head", "hostname", "mktemp", "nproc", "rm", "sed", "sleep", "sort"),
    *("sync", "tar", "timeout", "tr", "wc"),
)
"""Tools that every machine has: the real ones."""


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """The command that Cloud Assistant makes of a script: each ``{{name}}`` is replaced, whatever stands around it."""
    values = {**values, **BUILT_IN}
    return re.sub(r"\{\{\s*([A-Za-z0-9_:-]+)\s*\}\}", lambda match: values[match[1]], text)


@dataclass(frozen=True)
class Ended:
    """How a script ended; ``verdict`` is its last line."""

    code: int
    output: str

    @property
    def verdict(self) -> str:
        """The last line of the output."""
        return self.output.rstrip("\n").rpartition("\n")[2]


class MachineUnderTest:
    """A folder with a ``bin`` for all tools there are, a ``tmp``, and a ``cwd`` where nothing may appear."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.bin, self.tmp, self.cwd = folder / "bin", folder / "tmp", folder / "cwd"
        for item in (self.bin, self.tmp, self.cwd):
            item.mkdir()
        self._shell = shutil.which(shell) or shell
        self.has(*USUAL)

    def has(self, *tools: str) -> None:
        """It has the real ``tools``, as far as this machine has them."""
        for tool in tools:
            real = shutil.which(tool)
            if real and not (self.bin / tool).exists():
                (self.bin / tool).symlink_to(real)

    def lacks(self, *tools: str) -> None:
        """It does not have ``tools``."""
        for tool in tools:
            (self.bin / tool).unlink(missing_ok=True)

    def fakes(self, tool: str, script: str) -> None:
        """It has a ``tool`` that runs ``script`` (of /bin/sh)."""
        self.lacks(tool)
        (self.bin / tool).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / tool).chmod(0o755)

    def runs(self, check: Check, **given: object) -> Ended:
        """It runs the check's Linux script; ``given`` names parameters with ``_`` for ``-``."""
        values = check.values({name.replace("_", "-"): value for name, value in given.items()})
        return self.executes(filled_in(check.scripts["linux"].text, values))

    def executes(self, text: str) -> Ended:
        """It runs command text, as the Cloud Assistant agent does: from a file."""
        script = self.tmp.parent / "command.sh"
        script.write_text(text)
        ended = subprocess.run(
            [self._shell, script],
            check=False,
            cwd=self.cwd,
            env={"PATH": str(self.bin), "TMPDIR": str(self.tmp)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        return Ended(ended.returncode, ended.stdout.decode())
