"""``python -m chaos`` is ``spotkeeper chaos``."""

from __future__ import annotations

import sys

from tools.cli.main import run

if __name__ == "__main__":
    sys.exit(run(["chaos", *sys.argv[1:]]))
