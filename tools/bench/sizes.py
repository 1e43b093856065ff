"""The sizes that ``s.yaml`` deploys the functions with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.deployment import document


@dataclass(frozen=True)
class Size:
    """vCPU, and memory in MB."""

    cpu: float = 0.35
    memory: int = 512


def sizes(file: Path) -> dict[str, Size]:
    """The size of each function, by the name of the folder it is made of; fc3's own (``Size()``) where none stands.

    Raises ``UnreadableFileError``.
    """
    properties = [one["props"] for one in document.read(file)["resources"].values()]
    return {
        Path(one["code"]).name: Size(float(one.get("cpu", Size.cpu)), int(one.get("memorySize", Size.memory)))
        for one in properties
    }
