"""The built lifecycle_hook, its checks included, under the CPython of each runtime against the served cloud."""

from __future__ import annotations

import json
from pathlib import Path

from tests.house.dist import Dist, each_runtime
from tests.house.mounted import play
from tests.lifecycle_hook.stage import stage


@each_runtime
def test_a_hook_on_dist(dist: Dist, tmp_path: Path) -> None:
    """The scripts are where the function looks for them, and nothing is written beside them."""
    before = {path: path.stat().st_mtime_ns for path in dist.path.rglob("*")}
    here = stage()
    event = tmp_path / "event.json"
    event.write_bytes(here.sent)
    answer = play(dist, "lifecycle_hook", event, here.cloud)
    assert (answer["outcome"], answer["result"], here.serving()) == ("done", "CONTINUE", set(here.ids))
    assert {path: path.stat().st_mtime_ns for path in dist.path.rglob("*")} == before


@each_runtime
def test_a_check_on_dist(dist: Dist, tmp_path: Path) -> None:
    """On demand too."""
    here = stage()
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"check": "headroom", "instanceIds": here.ids}), encoding="utf-8")
    assert play(dist, "lifecycle_hook", event, here.cloud)["passed"] is True
