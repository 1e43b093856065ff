"""Every command in the README and in ``docs/`` that is this repository's own can be typed as it stands there."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from tests.house.pages import Text, each_manual
from tools import build
from tools.deploy.plan import REQUIRED
from tools.launch import interrupting, wish

MAKEFILE = (build.ROOT / "Makefile").read_text(encoding="utf-8")
S_YAML = (build.ROOT / "s.yaml").read_text(encoding="utf-8")
WORKFLOW = (build.ROOT / ".github/workflows/deploy.yml").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
DEPLOYMENT = set(re.findall(r"env\('(DEPLOY_\w+)'", S_YAML))
LAUNCH_NEEDS = ["VSWITCH=vsw-x", "SECURITY_GROUP=sg-x"]


def called(manual: Text, program: str) -> list[list[str]]:
    """The arguments of each call of a program; a placeholder stands as a value that it could have."""
    commands = {one for one in manual.commands() if one.startswith(f"{program} ")}
    filled = [re.sub(r"[\[\]]", "", one).replace("…", "x").replace(" N", " 1") for one in sorted(commands)]
    return [shlex.split(one)[1:] for one in filled]


def accepted(target: str) -> set[str]:
    """The variables that a target reads: in its recipe, or in the modules that the recipe runs."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)*)", MAKEFILE, re.MULTILINE)
    assert found, f"make {target} does not exist"
    recipe = found[1]
    modules = [path for name in re.findall(r"\$\(RUN\) ([\w.]+)", recipe) for path in sources(name)]
    words = {word for path in modules for word in re.findall(r'"([A-Z_]+)"', path.read_text(encoding="utf-8"))}
    own = DEPLOYMENT if target in ("deploy", "undeploy", "permissions", "check-deployment") else set()
    return {*re.findall(r"\$\(([A-Z_]+)\)", recipe), *words, *own}


def sources(module: str) -> Iterator[Path]:
    """The files of a module of this repository."""
    path = build.ROOT / module.replace(".", "/")
    yield from path.rglob("*.py") if path.is_dir() else [one for one in [path.with_suffix(".py")] if one.exists()]


@each_manual
def test_all_targets(manual: Text) -> None:
    """Every make target is named, and every named one exists."""
    assert {arguments[0] for arguments in called(manual, "make")} == TARGETS - {"help"}


@each_manual
def test_make_variables(manual: Text) -> None:
    """A target knows the variables it is given, and takes their values where it says which ones it takes."""
    for target, *variables in called(manual, "make"):
        if target == "launch":
            wish.parse([*LAUNCH_NEEDS, *variables], {})
        elif target == "simulate-interruption":
            interrupting._parse(["INSTANCE=i-x", *variables], {})
        else:
            assert {one.partition("=")[0] for one in variables} <= accepted(target), target


@each_manual
def test_variables_alone(manual: Text) -> None:
    """A variable that the text names with a value is one that some target reads."""
    named = {one.partition("=")[0] for one in manual.spans if re.match(r"[A-Z]+(_[A-Z]+)*=", one)}
    named = {name for name in named if not name.startswith("SPOTKEEPER_")}
    assert {"APPLY", "DRY_RUN", "HOURS"} <= named
    assert named <= set().union(*(accepted(target) for target in TARGETS))


@each_manual
def test_events_exist(manual: Text) -> None:
    """Every event that is delivered by name is there."""
    events = set(re.findall(r"EVENT=(events/[\w.-]+)", manual.text))
    assert events
    assert [event for event in sorted(events) if not (build.ROOT / event).is_file()] == []


@each_manual
def test_modules(manual: Text) -> None:
    """Every module that python runs exists and knows its options."""
    calls = called(manual, ".venv/bin/python")
    assert calls
    for dash_m, name, *options in calls:
        package = find_spec(name)
        assert dash_m == "-m", name
        assert package, name
        module = importlib.import_module(f"{name}.__main__" if package.submodule_search_locations else name)
        if options:
            module._parser().parse_args(options)


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
    """What the shell is to export is what s.yaml reads, the required ones among it."""
    exported = dict(one.split("=", 1) for arguments in called(manual, "export") for one in arguments)
    assert set(REQUIRED) <= set(exported) <= DEPLOYMENT
