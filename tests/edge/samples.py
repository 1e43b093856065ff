"""The sample events, by file name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "events"
SAMPLES = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir()) if path.suffix in (".json", ".txt")}
INTERRUPTIONS = [name for name in SAMPLES if name.startswith("interruption.")]
DOCUMENTED = json.loads(SAMPLES["interruption.cloudmonitor.json"])


def interruption_of(instance_id: str, **fields: Any) -> dict[str, Any]:
    """The documented interruption, of another instance."""
    arn = f"acs:ecs:cn-hangzhou:1690701234567830:instance/{instance_id}"
    return {**DOCUMENTED, "resourceId": arn, "content": {"instanceId": instance_id, "action": "delete"}, **fields}
