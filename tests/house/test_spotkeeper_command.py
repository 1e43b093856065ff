"""The typed command, and make's targets as doors to it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from chaos.scenario import Kind
from tools.build import ROOT
from tools.cli import make
from tools.cli.develop import KINDS
from tools.cli.main import app, run

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOORS = re.findall(r"^([a-z-]+):.*\n\t\$\(DOOR\)$", MAKEFILE, re.MULTILINE)
WITHOUT_TARGET = {"simulator", "costs", "readme-tables", "deployer-policy"}
CHANGES_AN_ACCOUNT = ("permissions", "deploy", "undeploy", "launch", "simulate-interruption")
HEAVY = ("alibabacloud_", "jsonschema", "ruamel", "pytest", "rich", "chaos", "simulator", "spotkeeper.", "uv")


def typed(*words: str) -> subprocess.CompletedProcess[str]:
    """`make` with an unchanged .venv, outside any make that runs these tests."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "-o", ".venv/.made-with", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environ)


def passed(target: str, *given: str, **environ: str) -> list[str]:
    """The arguments that a door gives to the typed command."""
    with mock.patch("tools.cli.make.run") as command:
        make.main(target, given or list(environ), environ)
    return list(command.call_args[0][0])


def test_doors() -> None:
    """Each command is a target of the same name, but for those that need no variables and no .venv."""
    assert set(DOORS) == set(app.commands) - WITHOUT_TARGET


@pytest.mark.parametrize("name", app.commands)
def test_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command says in a line what it does, and describes each option."""
    assert run([name, "--help"]) == 0
    assert app.commands[name].short_help or app.commands[name].help
    assert all(option.help for option in make.options_of(name).values())
    assert "Usage: spotkeeper" in capsys.readouterr().out


@pytest.mark.parametrize("name", app.commands)
def test_one_word_for_dry_run(name: str) -> None:
    """What changes an account has the flags DRY_RUN and YES; other commands have neither."""
    flags = {variable for variable, option in make.options_of(name).items() if option.is_flag}
    assert flags & {"DRY_RUN", "YES"} == ({"DRY_RUN", "YES"} if name in CHANGES_AN_ACCOUNT else set())


def test_light() -> None:
    """The command itself loads nothing that only some of its commands need."""
    loaded = "import sys, tools.cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert [name for name in done.stdout.split() if name.startswith(HEAVY)] == []


def test_from_any_folder(tmp_path: Path) -> None:
    """It works wherever it is called, and paths are relative to that place."""
    command = [sys.executable, str(ROOT / "tools"), "drill", "--event", "no-such.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot read no-such.json" in done.stderr


def test_script() -> None:
    """What make writes to .venv/bin/spotkeeper runs this checkout's tools with .venv's Python."""
    template = re.search(r"printf '(.*)' (.*) >\.venv/bin/spotkeeper", MAKEFILE)
    assert template
    assert template[1] == r"#!/bin/sh\nexec \"%s\" \"%s\" \"$$@\"\n".replace('\\"', '"')
    assert template[2] == '"$(CURDIR)/.venv/bin/python" "$(CURDIR)/tools"'


REFUSED = {
    "drill EVNT=x": ["make drill: EVNT is unknown; did you mean EVENT?", "\n  EVENT "],
    "launch": ["make launch: VSWITCH is needed", "\n  SECURITY_GROUP ", "\n  DRY_RUN ", "\n  DEPLOY_… "],
    "deploy DRY_RUN=yes": ["make deploy: DRY_RUN accepts true or false, not 'yes'"],
    "deploy DEPLOY_REGON=x": ["make deploy: DEPLOY_REGON is unknown; did you mean DEPLOY_REGION?"],
    "bench REPEAT=0": ["make bench: REPEAT: 0 is not in the range"],
    "-n clean DRY_RUN=true": ["DRY_RUN is unknown: make clean takes no variables but PYTHON"],
    "-n test K=x": ["K is unknown: make test takes no variables but PYTHON"],
    """drill "EVENT=no such 'file\\".json\"""": ["cannot read no such 'file\".json"],
}
"""A command line, and what make says of it."""


@pytest.mark.parametrize(("line", "said"), REFUSED.items(), ids=REFUSED.keys())
def test_refused(line: str, said: list[str]) -> None:
    """A variable that the target does not know, or a value that it does not accept, ends with 2 and says so."""
    done = typed(*shlex.split(line))
    assert (done.returncode, done.stdout) == (2, "")
    assert [text for text in said if text not in done.stderr] == []


def test_no_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """A target without variables says so."""
    assert make.main("mutants", ["N"], {"N": "1"}) == 2
    assert capsys.readouterr().err == "make mutants: N is unknown\nIt takes no variables.\n"


def test_arguments_of_variables(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """BUGS holds the arguments of `spotkeeper bugs`, separated by commas; an unknown variable is told so."""
    with mock.patch("tools.bugs.main", return_value=0) as tried:
        monkeypatch.setenv("BUGS", "no heartbeat, weight not recorded")
        assert make.main("bugs", ["BUGS"], os.environ) == 0
        monkeypatch.delenv("BUGS")
        assert run(["bugs", "no heartbeat"]) == 0
    assert [one.args for one in tried.call_args_list] == [
        (("no heartbeat", "weight not recorded"),),
        (("no heartbeat",),),
    ]
    assert make.main("bugs", ["N"], {"N": "1"}) == 2
    assert "\n  BUGS " in capsys.readouterr().err


def test_kinds_of_chaos() -> None:
    """The command knows those of the scenarios."""
    assert {one.value for one in Kind} == set(KINDS)


def test_options_of_variables() -> None:
    """A variable is the option of its name; an empty value and false are the default; others are read as they are."""
    assert passed("drill", EVENT="a b.json") == ["drill", "--event=a b.json"]
    assert passed("drill", EVENT="") == ["drill"]
    assert passed("deploy", DRY_RUN="true", YES="false") == ["deploy", "--dry-run"]
    assert passed("deploy", DEPLOY_REGION="cn-beijing", PYTHON="python3.12", CI="true") == ["deploy"]
    assert passed("launch", KEY_PAIR="mine") == ["launch", "--key-pair=mine"]


def test_environment_is_no_command_line() -> None:
    """A name that the shell happens to have, as WSL has NAME, is no option of a launch."""
    assert passed("launch", "ZONE", ZONE="cn-hangzhou-h", NAME="DESKTOP-4F2") == ["launch", "--zone=cn-hangzhou-h"]
    assert {variable for variable, option in make.options_of("launch").items() if option.envvar} == {
        "REGION",
        "DRY_RUN",
        "YES",
    }
