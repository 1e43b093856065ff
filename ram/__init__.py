"""The permissions: a RAM policy for each function and for whoever deploys, and the trust policy of the roles.

``README.md`` says what each statement is for. Names that an account chooses stand as ``${placeholders}`` in the files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

FOLDER = Path(__file__).parent
FUNCTIONS = ("interruption", "state_change", "lifecycle_hook", "sweep")
DEPLOYER = "deployer"

Document = dict[str, Any]


def policy(name: str, values: Mapping[str, str]) -> Document:
    """The policy of a function, or of the ``deployer``, for one deployment.

    ``values`` by placeholder: ``region``, ``journal_bucket``, ``journal_prefix`` (empty, or with a slash at its end),
    ``log_project``, ``logstore``, ``alarm_topic``, and ``<function>_function`` for the name of each function; for the
    deployer ``<function>_role`` and ``layer`` too. Raises ``KeyError`` for a placeholder without a value.
    """
    document: Document = _filled(_read(f"{name}.policy.json"), values)
    return document


def trust() -> Document:
    """The trust policy of every function's role: Function Compute may assume it."""
    return _read("trust.json")


def _read(name: str) -> Document:
    document: Document = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return document


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, values) for inner in value]
    return Template(value).substitute(values)
