"""Shown first, done then: what stands between a plan and its execution."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tools.deploy.errors import CannotDeploy


def flag(environ: Mapping[str, str], name: str) -> bool:
    """Whether a variable is ``true``; unset or empty is ``false``. Raises CannotDeploy for anything else."""
    value = environ.get(name) or "false"
    if value not in ("true", "false"):
        raise CannotDeploy(f"{name} accepts true or false, not {value!r}")
    return value == "true"


def agreed(question: str, environ: Mapping[str, str]) -> bool:
    """Whether to go on: asked at a terminal; nobody is asked with CI=true or YES=true.

    Raises CannotDeploy where there is nobody to ask.
    """
    if flag(environ, "YES") or environ.get("CI") == "true":
        return True
    if not sys.stdin.isatty():
        raise CannotDeploy(f"{question} There is no terminal to ask on: say YES=true")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
