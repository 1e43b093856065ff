"""Options and types that several commands share."""

from __future__ import annotations

import re
from typing import Any

import click

REGION_PATTERN = r"[a-z]{2,3}(-[a-z0-9]+)+"

dry_run = click.option("--dry-run", is_flag=True, envvar="DRY_RUN", help="Show what would be done, and change nothing.")
yes = click.option("--yes", is_flag=True, envvar="YES", help="Do it without asking; needed where there is no terminal.")


class Text(click.ParamType[str]):
    """Text that matches ``pattern`` (ASCII); ``meaning`` says in an error what is accepted."""

    name = "text"

    def __init__(self, pattern: str, meaning: str) -> None:
        self.pattern, self.meaning = re.compile(pattern, re.ASCII), meaning

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text. Raises ``click.BadParameter``."""
        if not self.pattern.fullmatch(value):
            self.fail(f"{value!r} is not {self.meaning}", param, ctx)
        return str(value)


def variable(option: click.Parameter) -> str:
    """The make variable of an option: ``--dry-run`` is ``DRY_RUN``."""
    return option.opts[0].lstrip("-").replace("-", "_").upper()
