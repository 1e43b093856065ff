"""Another ``hooks.json``: what hooks want is deployed with the function, and no setting names the file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from simulator.function_compute import ROOT

FOLDER = ROOT / "functions" / "lifecycle_hook"


@contextmanager
def instead_of_hooks_json(defaults: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
    """Let the function read these rules instead of its own file's, by transition; none: its own."""
    with ExitStack() as stack:
        if defaults:
            path = Path(stack.enter_context(TemporaryDirectory(prefix="spotkeeper-hooks-")), "hooks.json")
            usual = json.loads((FOLDER / "hooks.json").read_text())
            path.write_text(json.dumps({**usual, "defaults": {**usual["defaults"], **defaults}}))
            for module in _reading():
                stack.enter_context(mock.patch.object(module, "HOOKS", path))
        yield


def _reading() -> list[Any]:
    """The function's modules that name the file."""
    loaded = [one for one in sys.modules.values() if str(getattr(one, "__file__", "")).startswith(f"{FOLDER}/")]
    return [one for one in loaded if isinstance(getattr(one, "HOOKS", None), Path)]
