"""``.venv/bin/spotkeeper``, from any folder; ``python -m tools`` in this checkout."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    # The checkout instead of this folder, whose modules would hide others of the same names.
    sys.path[:] = [str(HERE.parent), *(path for path in sys.path if Path(path).resolve() != HERE)]
    from tools.cli.main import run

    sys.exit(run(sys.argv[1:]))
