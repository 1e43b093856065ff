"""``python -m tools.deploy ready|deploy|undeploy``: exit code 0: done; 1: it went wrong; 2: something is missing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from spotkeeper.errors import BadSetting, CloudError
from tools import build
from tools.deploy.deploying import deploy, ready
from tools.deploy.errors import CannotDeploy, DeployFailed
from tools.deploy.removing import undeploy
from tools.deployment.complaint import UnreadableFileError

COMMANDS = {"ready": ready, "deploy": deploy, "undeploy": undeploy}


def main(arguments: list[str], environ: Mapping[str, str], root: Path = build.ROOT) -> int:
    """Run a command; returns the exit code."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python -m tools.deploy {'|'.join(COMMANDS)}", file=sys.stderr)
        return CannotDeploy.status
    try:
        COMMANDS[arguments[0]](root, environ)
    except DeployFailed as failure:
        print(f"make {arguments[0].replace('ready', 'deploy')}: {failure}", file=sys.stderr)
        return failure.status
    except (BadSetting, CloudError, UnreadableFileError) as error:
        print(f"make deploy: {error}", file=sys.stderr)
        return CannotDeploy.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
