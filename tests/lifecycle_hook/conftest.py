"""What a hook wants is written in hooks.json: tests write their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lifecycle_hook import stage  # before shell: it puts the function on the path
from tests.lifecycle_hook.shell import SHELLS, MachineUnderTest

Write = Callable[..., None]
Make = Callable[..., stage.HookStage]


@pytest.fixture(params=SHELLS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> MachineUnderTest:
    """Return a machine whose shell is each of those there are."""
    return MachineUnderTest(tmp_path, request.param)


@pytest.fixture
def hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """``hooks(SCALE_OUT={...})``: the defaults of hooks.json, with these changes, and no rules."""

    def write(**defaults: dict[str, Any]) -> None:
        usual: dict[str, Any] = {
            "SCALE_OUT": {"checks": ["system-up"]},
            "SCALE_IN": {"checks": ["connections-drained"]},
        }
        merged = {name: {**usual[name], **defaults.get(name, {})} for name in usual}
        path = tmp_path / "hooks.json"
        path.write_text(json.dumps({"rules": [], "defaults": merged}), encoding="utf-8")
        monkeypatch.setattr("checking.entry.HOOKS", path)

    return write


@pytest.fixture
def removing(hooks: Write) -> Make:
    """``removing(...)``: a stage of which the first instance fails, under a rule that has failed ones removed."""
    hooks(SCALE_OUT=stage.REMOVE)
    return stage.failing
