"""The commands of ``.venv/bin/spotkeeper`` (``cli``) and what they run. Never shipped to Function Compute."""

import sys
from pathlib import Path

sys.path[:0] = [
    str(Path(__file__).resolve().parent.parent / "shared")
]  # credentials, settings and errors are the functions' own
