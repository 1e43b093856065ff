"""make's targets as doors: ``python -m tools.cli.make TARGET [VARIABLE ...]``.

A variable on make's command line is the option of the same name: `make drill EVENT=x` is `spotkeeper drill --event x`.
make exports the values; the names come as arguments, since the environment has other variables too. A name that is
neither an option of the target nor a setting that it reads from the environment is refused.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence

import click

from tools.cli.main import ROOT, app, run
from tools.cli.options import variable

ALWAYS = frozenset({"PYTHON", "CI"})
"""For the Makefile itself and for every tool."""
BUILD = r"PYTHON31[02]"
ACCOUNT = r"ALIBABA_CLOUD_\w+|[A-Z]+_ENDPOINT"
READ = {
    "build": BUILD,
    "package": BUILD,
    "bench": BUILD,
    "deploy": f"{BUILD}|{ACCOUNT}",
    "undeploy": ACCOUNT,
    "permissions": ACCOUNT,
    "launch": ACCOUNT,
    "simulate-interruption": ACCOUNT,
}
"""What a target's command reads from the environment, as a pattern of names."""
DEPLOYMENT = frozenset({"check-deployment", "permissions", "deploy", "undeploy", "launch", "simulate-interruption"})
"""Targets that read the ``DEPLOY_`` variables of s.yaml."""


def main(target: str, given: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the target's command with the variables that were ``given`` to make; returns the exit code."""

    def explain(error: click.UsageError) -> None:
        print(f"make {target}: {message(error)}{usage(target, error)}", file=sys.stderr)

    try:
        words = [word for name in given for word in _words(target, name, environ)]
    except click.UsageError as error:
        explain(error)
        return error.exit_code
    return run([target, *words], explain=explain)


def _words(target: str, name: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The option that a variable stands for; an empty value is the default. Raises ``click.UsageError``."""
    options = options_of(target)
    option, value = options.get(name), environ.get(name, "")
    if option is None and not is_read(target, name):
        near = difflib.get_close_matches(name, {*options, *_deployment(target)}, n=1)
        raise click.UsageError(f"{name} is unknown{f'; did you mean {near[0]}?' if near else ''}")
    if option is None or not value:
        return
    if not option.is_flag:
        yield f"{option.opts[0]}={value}"
    elif value == "true":
        yield option.opts[0]
    elif value != "false":
        raise click.UsageError(f"{name} accepts true or false, not {value!r}")


def options_of(target: str) -> dict[str, click.Option]:
    """The options of a target's command, by variable."""
    return {variable(option): option for option in app.commands[target].params if isinstance(option, click.Option)}


def is_read(target: str, name: str) -> bool:
    """Whether the target's command, or make itself, reads the variable from the environment."""
    known = re.fullmatch(READ.get(target, ""), name)
    return bool(known) or name in ALWAYS or name in _deployment(target) or name in _arguments(target)


def _arguments(target: str) -> list[str]:
    """The variables that hold a command's arguments, separated by commas."""
    arguments = [one for one in app.commands[target].params if isinstance(one, click.Argument)]
    return [str(one.envvar) for one in arguments if one.envvar]


def _deployment(target: str) -> set[str]:
    if target not in DEPLOYMENT:
        return set()
    from tools.deploy.plan import deploy_variables

    return deploy_variables((ROOT / "s.yaml").read_text(encoding="utf-8"))


def message(error: click.UsageError) -> str:
    """The error in make's words: the variable in place of the option."""
    if not isinstance(error, click.BadParameter) or error.param is None:
        return error.format_message()
    missing = isinstance(error, click.MissingParameter)
    return f"{variable(error.param)}{' is needed' if missing else f': {error.message}'}"


def usage(target: str, error: click.UsageError) -> str:
    """The target's variables, a line each; nothing after a value that is not accepted, whose error is enough."""
    if isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter):
        return ""
    lines = [f"\n  {name:<16}{option.help}{_default(option)}" for name, option in options_of(target).items()]
    lines += [f"\n  {name:<16}The command's arguments, separated by commas." for name in _arguments(target)]
    if target in DEPLOYMENT:
        lines.append(f"\n  {'DEPLOY_…':<16}The variables that s.yaml lists at its top.")
    return f"\nIt takes:{''.join(lines)}" if lines else "\nIt takes no variables."


def _default(option: click.Option) -> str:
    return " (required)" if option.required else f" (default {option.default})" if option.show_default else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:], os.environ))
