"""A folder that cannot be written to, as Function Compute mounts code and layers.

A read-only bind mount in a namespace of its own, which needs no root where the kernel lets users have namespaces. Where
it does not: directories without write permission; and root, who may write all the same, is kept from it by ``-B``.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_NAMESPACES = (("unshare", "--user", "--map-root-user", "--mount"), ("unshare", "--mount"))
_MOUNT = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
_TRY = 'test -r "$0" && ! touch "$0/tried" 2>/dev/null'


@dataclass(frozen=True)
class Guard:
    """Put ``prefix`` before the command and ``flags`` after its interpreter; ``description`` says what they achieve."""

    description: str
    prefix: list[str]
    flags: list[str]


@contextmanager
def readonly(folder: Path) -> Iterator[Guard]:
    """Nothing below ``folder`` can be written by what runs with this guard inside the block."""
    for namespace in _NAMESPACES:
        prefix = [*namespace, "sh", "-c", _MOUNT, str(folder)]
        if _holds(prefix, folder):
            yield Guard("a read-only mount", prefix, [])
            return
    root = os.geteuid() == 0
    also = "; for root, python -B: bytecode is not even tried to be written" if root else ""
    with _unwritable(folder):
        yield Guard(f"unwritable directories (no mount is permitted here{also})", [], ["-B"] if root else [])


def _holds(prefix: list[str], folder: Path) -> bool:
    try:
        tried = subprocess.run([*prefix, "sh", "-c", _TRY, str(folder)], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return tried.returncode == 0


@contextmanager
def _unwritable(folder: Path) -> Iterator[None]:
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        yield
    finally:
        for path in folders:
            path.chmod(0o755)
