"""The sample events, by file name."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "events"
SAMPLES = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in (".json", ".txt")}
INTERRUPTIONS = [name for name in SAMPLES if name.startswith("interruption.")]
