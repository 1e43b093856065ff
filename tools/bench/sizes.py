"""The sizes that ``s.yaml`` deploys the functions with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tools.check_deployment import document

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Size:
    """vCPU, and memory in MB."""

    cpu: float = 0.35
    memory: int = 512


def sizes(file: Path) -> dict[str, Size]:
    """The size of each function, by the name of its resource; fc3's own (``Size()``) where none stands.

    Raises ``UnreadableFileError``.
    """
    resources = {name: resource["props"] for name, resource in document.read(file)["resources"].items()}
    return {
        name: Size(float(props.get("cpu", Size.cpu)), int(props.get("memorySize", Size.memory)))
        for name, props in resources.items()
    }
