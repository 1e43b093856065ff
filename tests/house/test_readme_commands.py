"""Every command in the README and in ``docs/`` that is this repository's own can be typed as it stands there."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec

from tests.house.pages import Text, each_manual
from tools import build
from tools.cli.main import app
from tools.cli.make import ALWAYS, is_read, options_of
from tools.deploy.plan import REQUIRED

MAKEFILE = (build.ROOT / "Makefile").read_text(encoding="utf-8")
S_YAML = (build.ROOT / "s.yaml").read_text(encoding="utf-8")
WORKFLOW = (build.ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
DEPLOYMENT = set(re.findall(r"env\('(DEPLOY_\w+)'", S_YAML))
NEEDED = {"launch": ["--vswitch=vsw-x", "--security-group=sg-x"], "simulate-interruption": ["--instance=i-x"]}
"""The required options."""


def called(manual: Text, program: str) -> list[list[str]]:
    """The arguments of each call of a program; a placeholder stands as a value that it could have."""
    commands = {one for one in manual.commands() if one.startswith(f"{program} ")}
    filled = [re.sub(r"[\[\]]", "", one).replace("…", "x").replace(" N", " 1") for one in sorted(commands)]
    return [shlex.split(one)[1:] for one in filled]


@each_manual
def test_all_targets(manual: Text) -> None:
    """Every make target is named, and every target that is named exists."""
    assert {arguments[0] for arguments in called(manual, "make")} == TARGETS - {"help"}


@each_manual
def test_make_variables(manual: Text) -> None:
    """A target knows the variables it is given, and accepts their values."""
    for target, *variables in called(manual, "make"):
        pairs = [one.partition("=") for one in variables]
        options = options_of(target) if target in app.commands else {}
        unknown = [name for name, _, _ in pairs if name not in options and not is_read(target, name)]
        assert unknown == [], target
        words = [f"{options[name].opts[0]}={value}" for name, _, value in pairs if name in options and value != "true"]
        if target in app.commands:
            app.commands[target].make_context(target, [*NEEDED.get(target, []), *words])


@each_manual
def test_variables_alone(manual: Text) -> None:
    """A variable that the text names with a value is an option of some target, or read by some."""
    named = {one.partition("=")[0] for one in manual.spans if re.match(r"[A-Z]+(_[A-Z]+)*=", one)}
    named = {name for name in named if not name.startswith("SPOTKEEPER_")}
    assert {"YES", "DRY_RUN", "HOURS"} <= named
    known = ALWAYS.union(*map(options_of, app.commands))
    assert [name for name in sorted(named - known) if not any(is_read(target, name) for target in app.commands)] == []


@each_manual
def test_events_exist(manual: Text) -> None:
    """Every event that is delivered by name is there."""
    events = set(re.findall(r"EVENT=(events/[\w.-]+)", manual.text))
    assert events
    assert [event for event in sorted(events) if not (build.ROOT / event).is_file()] == []


@each_manual
def test_spotkeeper(manual: Text) -> None:
    """Every command of spotkeeper exists and knows its options; ``python -m simulator`` is one of them."""
    served = [arguments[1:] for arguments in called(manual, ".venv/bin/python")]
    calls = [*called(manual, ".venv/bin/spotkeeper"), *served]
    assert len(calls) > len(served) > 0
    for command, *options in calls:
        app.commands[command].make_context(command, options)


@each_manual
def test_modules_in_passing(manual: Text) -> None:
    """No module is named that python could not run."""
    assert [name for name in re.findall(r"python -m ([\w.]+)", manual.text) if not find_spec(name)] == []


@each_manual
def test_deploy_variables(manual: Text) -> None:
    """s.yaml or the workflow reads every DEPLOY_ variable, and those without a default are all named."""
    named = set(re.findall(r"DEPLOY_[A-Z][A-Z_]*", manual.text))
    assert named - DEPLOYMENT - set(re.findall(r"vars\.(DEPLOY_\w+)", WORKFLOW)) == set()
    assert set(REQUIRED) - named == set()


@each_manual
def test_exports(manual: Text) -> None:
    """What the shell is to export is what s.yaml reads, all required variables among it."""
    exported = dict(one.split("=", 1) for arguments in called(manual, "export") for one in arguments)
    assert set(REQUIRED) <= set(exported) <= DEPLOYMENT
