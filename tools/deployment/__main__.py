"""``python -m tools.deployment s.yaml``: exit code 0: it is right; 1: it is not, and why; 2: it cannot be read."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tools.deployment.check import check
from tools.deployment.complaint import UnreadableFileError
from tools.deployment.document import read


def main(arguments: list[str]) -> int:
    """Check the file that is named; returns the exit code."""
    if len(arguments) != 1:
        print("usage: python -m tools.deployment s.yaml", file=sys.stderr)
        return 2
    try:
        complaints, examples = check(read(Path(arguments[0])), os.environ)
    except UnreadableFileError as error:
        print(error, file=sys.stderr)
        return 2
    for name, value in examples.items():
        print(f"{name} is not set; checked with {value}")
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{arguments[0]}: {f'{len(complaints)} mistakes' if complaints else 'right'}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
