"""The question between what a command shows and what it does."""

from __future__ import annotations

import sys

from tools.errors import NothingDone


def confirmed(question: str, *, yes: bool) -> bool:
    """Whether to go on: asked on a terminal unless ``yes``. Raises NothingDone where there is neither."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise NothingDone(f"{question} There is no terminal to ask on: say YES=true (--yes)")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
