"""``spotkeeper lock``: pin what each ``requirements*.in`` names, with the hashes of all its files in the index.

Pins that still fit are kept. No address of an index is written: the same locks serve whatever mirror pip is set to.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import uv

from tools import build
from tools.layer import package_index

# One file for all supported Pythons: a package with another version for some of them gets a line for each.
_COMPILE = ("pip", "compile", "--quiet", "--universal", "--python-version", "3.10", "--generate-hashes")


def lock() -> int:
    """Lock this checkout's requirements; the exit status is uv's."""
    for source in sorted(build.ROOT.glob("requirements*.in"), key=lambda path: path.stem != "requirements"):
        pins = Path(source.name).with_suffix(".txt")
        command = [uv.find_uv_bin(), *_COMPILE, source.name, "--output-file", str(pins)]
        if failed := subprocess.run(command, check=False, cwd=build.ROOT, env=package_index(os.environ)).returncode:
            return failed
        print(f"{pins}: locked")
    return 0
