"""``python -m tools.launch launch|simulate NAME=value ...``: exit code 0: done; 1: went wrong; 2: nothing was done."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from spotkeeper.clock import Clock
from spotkeeper.errors import SpotkeeperError
from tools import build
from tools.deploy.errors import CannotDeploy
from tools.launch.errors import CannotLaunch, LaunchFailed
from tools.launch.interrupting import simulate
from tools.launch.launching import launch
from tools.launch.wish import parse

TARGETS = {"launch": "make launch", "simulate": "make simulate-interruption"}


def main(arguments: list[str], environ: Mapping[str, str], root: Path = build.ROOT) -> int:
    """Run a command; returns the exit code."""
    command = arguments[0] if arguments else ""
    if command not in TARGETS:
        print("usage: python -m tools.launch launch|simulate NAME=value ...", file=sys.stderr)
        return CannotLaunch.status
    try:
        if command == "launch":
            launch(parse(arguments[1:], environ), environ, Clock())
        else:
            simulate(arguments[1:], environ, Clock(), root)
    except LaunchFailed as failure:
        print(f"{TARGETS[command]}: {failure}", file=sys.stderr)
        return failure.status
    except (CannotDeploy, SpotkeeperError) as error:
        print(f"{TARGETS[command]}: nothing was done: {error}", file=sys.stderr)
        return CannotLaunch.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
