"""``checks.json`` and its scripts: what ships is sound, and every mistake is refused by name."""

from __future__ import annotations

import base64
import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from checking.catalogue import KINDS, Check, load
from spotkeeper.errors import BadCheck
from tests.lifecycle_hook.shell import CHECKS, FOLDER

SCRIPT = "#!/bin/sh\nport='{{port}}'\nname='{{name}}'\necho \"$port $name\"\n"
BATCH = '@echo off\nset "port={{port}}"\nset "name={{name}}"\nexit /b 0\n'
DECLARED: dict[str, Any] = {
    "probe": {
        "description": "asks",
        "timeout": 60,
        "exit_codes": [0, 3],
        "linux": "probe.sh",
        "windows": "probe.bat",
        "parameters": {
            "port": {"accepts": "integer", "from": 1, "to": 65535, "description": "the port", "default": "80"},
            "name": {"accepts": "oss-bucket", "description": "the bucket"},
        },
    }
}


def loaded(folder: Path, declared: object = DECLARED, **scripts: str) -> Check:
    """The check ``probe`` of a folder with ``declared`` and the two scripts, or others."""
    texts = {"sh": SCRIPT, "bat": BATCH, **scripts}
    for suffix, text in texts.items():
        (folder / f"probe.{suffix}").write_text(text)
    (folder / "checks.json").write_text(declared if isinstance(declared, str) else json.dumps(declared))
    return load(folder)["probe"]


def test_a_check_is_read_as_declared(tmp_path: Path) -> None:
    """Everything that is declared arrives, with the command types that the files' endings mean."""
    check = loaded(tmp_path)
    assert (check.name, check.description, check.timeout, check.exit_codes) == ("probe", "asks", 60, frozenset({0, 3}))
    assert {os: script.type for os, script in check.scripts.items()} == {
        "linux": "RunShellScript",
        "windows": "RunBatScript",
    }
    assert check.scripts["linux"].text == SCRIPT
    assert base64.b64decode(check.scripts["windows"].encoded).decode() == BATCH.replace("\n", "\r\n")


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    """Every parameter has a value; a number may be given as one or as text."""
    check = loaded(tmp_path)
    assert check.values({"name": "abc"}) == {"port": "80", "name": "abc"}
    assert check.values({"name": "abc", "port": 8080}) == check.values({"name": "abc", "port": "8080"})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "check probe: name is required; it accepts the name of an OSS bucket"),
        ({"name": "abc", "x": 1}, "check probe has no parameter 'x'; its parameters: port, name"),
        ({"name": "A"}, "check probe: name accepts the name of an OSS bucket, not 'A'"),
        ({"name": "abc", "port": 65536}, "check probe: port accepts a whole number from 1 to 65535, not 65536"),
        ({"name": "abc", "port": 0}, "check probe: port accepts a whole number from 1 to 65535, not 0"),
        ({"name": "abc", "port": "080"}, "check probe: port accepts a whole number from 1 to 65535, not '080'"),
        ({"name": "abc", "port": True}, "a whole number from 1 to 65535, not a value of type bool"),
        ({"name": None}, "the name of an OSS bucket, not a value of type NoneType"),
    ],
)
def test_values_that_are_not_accepted(tmp_path: Path, given: dict[str, object], told: str) -> None:
    """An error says whose parameter it is, what that accepts and what was given."""
    with pytest.raises(BadCheck, match=re.escape(told)):
        loaded(tmp_path).values(given)


@pytest.mark.parametrize(
    ("kind", "accepted", "refused"),
    [
        ("ports", ["all", "1", "65535", "80,443"], ["0", "65536", "80,", ",80", "80,,443", "80 443", "ALL", "080"]),
        ("url-path", ["/", "/health", "/a/b.c_d-e"], ["", "health", "/a?b", "/a b", "/%41"]),
        (
            "log-directory",
            ["/var/log", "/log", "/opt/app/logs/web"],
            ["/", "/etc", "/var/log/../x", "/log/.x", "/logs/"],
        ),
        ("oss-bucket", ["abc", "web-logs-1"], ["ab", "-abc", "abc-", "Abc", "a.b.c", "a" * 64]),
        ("oss-prefix", ["logs", "a/b", "A_1.x"], ["", "/a", "a/", "a//b", "a/../b", "-a"]),
    ],
)
def test_what_each_kind_accepts(tmp_path: Path, kind: str, accepted: list[str], refused: list[str]) -> None:
    """The kinds accept what is useful, and nothing beside it."""
    declared = copy.deepcopy(DECLARED)
    declared["probe"]["parameters"]["name"]["accepts"] = kind
    check = loaded(tmp_path, declared)
    assert [check.values({"name": item})["name"] for item in accepted] == accepted
    for item in refused:
        with pytest.raises(BadCheck):
            check.values({"name": item})


def changed(*path: str, to: object = None, removed: bool = False) -> dict[str, Any]:
    """``DECLARED`` with one place changed."""
    declared = place = copy.deepcopy(DECLARED)
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    if removed:
        del place[path[-1]]
    return declared


PORT = ("probe", "parameters", "port")


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("{", "checks.json is not JSON"),
        ("[]", "checks.json accepts an object"),
        ("{}", "checks.json needs at least one check"),
        ('{"probe": {}, "probe": {}}', "the same key twice"),
        (changed("Probe", to={}), "check 'Probe': a name accepts"),
        (changed("probe", to=[]), "check 'probe' accepts an object"),
        (changed("probe", "timeout", removed=True), "check 'probe' needs timeout"),
        (changed("probe", "shell", to="x"), "not 'shell'"),
        (changed("probe", "description", to=""), "description accepts 1 to 512 characters"),
        (changed("probe", "timeout", to=9), "timeout accepts a whole number from 10 to 86400, not 9"),
        (changed("probe", "timeout", to=86_401), "timeout accepts a whole number from 10 to 86400, not 86401"),
        (changed("probe", "timeout", to="60"), "timeout accepts a whole number from 10 to 86400, not '60'"),
        (changed("probe", "exit_codes", to=[]), "exit_codes accepts a list of 1 to 256 entries"),
        (changed("probe", "exit_codes", to=[True]), "exit_codes accepts a whole number from 0 to 255"),
        (changed("probe", "exit_codes", to=[0, 194]), "exit_codes accepts neither 193 nor 194"),
        (changed("probe", "linux", to="missing.sh"), "'missing.sh' cannot be read"),
        (changed("probe", "linux", to="../probe.sh"), "linux accepts a file beside checks.json that ends in .sh"),
        (changed("probe", "linux", to="probe.bat"), "linux accepts a file beside checks.json that ends in .sh"),
        (
            changed("probe", "windows", to="probe.sh"),
            "windows accepts a file beside checks.json that ends in .ps1 or .bat",
        ),
        ({"probe": {k: v for k, v in DECLARED["probe"].items() if "probe." not in str(v)}}, "needs a script"),
        (changed(*PORT, removed=True), "'probe.sh' uses port, which is not one of its parameters: name"),
        (
            changed("probe", "parameters", "x", to=DECLARED["probe"]["parameters"]["name"]),
            "does not use its parameter x",
        ),
        (changed("probe", "parameters", "a b", to={}), "'a b': a name accepts"),
        (
            changed("probe", "parameters", to={f"p{n}": DECLARED["probe"]["parameters"]["name"] for n in range(11)}),
            "10 at",
        ),
        (changed(*PORT, "accepts", to="text"), "accepts is one of integer, seconds, ports"),
        (changed(*PORT, "to", removed=True), "'port' needs to"),
        (changed(*PORT, "to", to=0), "to accepts a whole number from 1"),
        (changed(*PORT, "default", to=80), "default accepts 1 to 512 characters"),
        (changed(*PORT, "default", to="99999"), "port accepts a whole number from 1 to 65535, not 99999"),
        (changed("probe", "parameters", "name", "from", to=1), "accepts accepts, description, default, not 'from'"),
        (changed(*PORT, "accepts", to="seconds"), "timeout accepts 65545 at least, not 60: the script may wait"),
    ],
)
def test_declarations_that_are_not_accepted(tmp_path: Path, declared: object, told: str) -> None:
    """Every mistake in checks.json is refused when it is read, naming the place."""
    with pytest.raises(BadCheck) as caught:
        loaded(tmp_path, declared)
    assert told in str(caught.value)
    assert str(caught.value).startswith("checks.json")


@pytest.mark.parametrize(
    ("sh", "told"),
    [
        (
            SCRIPT + "echo {{port}}\n",
            "a parameter stands in an assignment like port='{{port}}', not in 'echo {{port}}'",
        ),
        (SCRIPT + "port={{port}}\n", "a parameter stands in an assignment like"),
        (SCRIPT + 'port="{{port}}"\n', "a parameter stands in an assignment like"),
        (SCRIPT + "port='{{ port }}'\n", "a parameter stands in an assignment like"),
        (SCRIPT + "port='{{port}}'; id\n", "a parameter stands in an assignment like"),
        (SCRIPT + "echo }}\n", "a parameter stands in an assignment like"),
        (SCRIPT + "other='{{other}}'\n", "uses other, which is not one of its parameters: port, name"),
        (SCRIPT + "id='{{ACS::InstanceName}}'\n", "uses ACS::InstanceName"),
        (SCRIPT.replace("name='{{name}}'\n", ""), "does not use its parameter name"),
        (SCRIPT + "# \N{BULLET}\n", "accepts ASCII only"),
        (SCRIPT + "# " + "x" * 18_000 + "\n", "accepts 24000 characters at most"),
    ],
)
def test_scripts_that_are_not_accepted(tmp_path: Path, sh: str, told: str) -> None:
    """A parameter stands quoted in an assignment of its own, and a script fits into one command."""
    with pytest.raises(BadCheck, match=f"'probe.sh'.*{re.escape(told)}"):
        loaded(tmp_path, sh=sh)


def test_built_in_parameters_need_others(tmp_path: Path) -> None:
    """Cloud Assistant fills in its own parameters only in commands that have some."""
    assert loaded(tmp_path, sh=SCRIPT + "id='{{ACS::InstanceId}}'\n").scripts
    declared = changed("probe", "parameters", to={})
    del declared["probe"]["windows"]
    with pytest.raises(BadCheck, match="needs a parameter"):
        loaded(tmp_path, declared, sh="id='{{ACS::InstanceId}}'\n")


def test_what_ships_is_complete() -> None:
    """Every file belongs to a check, all three command types are used, every kind has a user."""
    files = {path.name for path in FOLDER.iterdir()} - {"checks.json"}
    declared = json.loads((FOLDER / "checks.json").read_text())
    assert files == {fields[os] for fields in declared.values() for os in ("linux", "windows") if os in fields}
    types = {script.type for check in CHECKS.values() for script in check.scripts.values()}
    assert types == {"RunShellScript", "RunPowerShellScript", "RunBatScript"}
    assert {item.accepts for check in CHECKS.values() for item in check.parameters.values()} == set(KINDS)
    assert all(set(CHECKS[name].scripts) == {"linux", "windows"} for name in ("system-up", "connections-drained"))
