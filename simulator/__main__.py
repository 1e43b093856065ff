"""``python -m simulator [--port N]``: the same as ``spotkeeper simulator``."""

import sys

from tools.cli.main import run

if __name__ == "__main__":
    sys.exit(run(["simulator", *sys.argv[1:]]))
