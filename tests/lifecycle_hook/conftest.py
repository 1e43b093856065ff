"""What a hook wants is written in hooks.json: tests write their own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

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
    return functools.partial(stage.write_hooks, tmp_path, monkeypatch)


@pytest.fixture
def removing(hooks: Write) -> Make:
    """``removing(...)``: a stage of which the first instance fails, under a rule that has failed ones removed."""
    hooks(SCALE_OUT=stage.REMOVE)
    return stage.failing
