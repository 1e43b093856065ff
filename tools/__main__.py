"""``.venv/bin/spotkeeper``, from any folder; ``python -m tools`` in this one."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parent.parent)  # not this folder, whose names hide others
    from tools.cli.main import run

    sys.exit(run(sys.argv[1:]))
