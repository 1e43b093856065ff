"""The commands in their order, and how an invocation ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from spotkeeper import __version__
from tools.cli import account, develop
from tools.errors import CommandFailed

ROOT = Path(__file__).resolve().parents[2]


class InOrder(click.Group):
    """Lists its commands as they were added; click would sort them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the base class hands it over
        """Their names."""
        return list(self.commands)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__)
def app() -> None:
    """Try, test, build and deploy Spotkeeper.

    Exit code 0: done; 1: it failed, and the message says what exists now; 2: nothing was done.
    """


for command in (*develop.COMMANDS, *account.COMMANDS):
    app.add_command(command)


def run(
    arguments: Sequence[str],
    root: Path = ROOT,
    explain: Callable[[click.UsageError], None] = click.UsageError.show,
) -> int:
    """Run a command on the checkout ``root`` and return the exit code; ``explain`` prints a misuse."""
    try:
        return app.main([*arguments], "spotkeeper", standalone_mode=False, obj=root) or 0
    except click.UsageError as error:
        explain(error)
        return error.exit_code
    except click.Abort:
        print("\nStopped.", file=sys.stderr)
    except CommandFailed as failure:
        print(f"spotkeeper {arguments[0]}: {failure}", file=sys.stderr)
        return failure.status
    return 1
