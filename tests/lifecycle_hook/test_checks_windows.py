"""The Windows scripts, as far as a machine without PowerShell and cmd can tell: their form, and the .bat's pattern."""

from __future__ import annotations

import re
import subprocess

import pytest

from checking.catalogue import Check, Script
from tests.lifecycle_hook.shell import CHECKS, filled_in

SCRIPTS = [(name, check.scripts["windows"]) for name, check in CHECKS.items() if "windows" in check.scripts]
POWERSHELL = [(name, script) for name, script in SCRIPTS if script.type == "RunPowerShellScript"]
BATCH = CHECKS["port-answers"].scripts["windows"]

EXECUTES = re.compile(
    r"(?i)invoke-expression|\biex\b|start-process|scriptblock|add-type|\bcall\b|cmd(\.exe)? /c|^\s*& ", re.MULTILINE
)

NETSTAT = """
Active Connections

  Proto  Local Address          Foreign Address        State
  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING
  TCP    10.0.0.1:8080          10.0.0.2:50123         ESTABLISHED
  TCP    10.0.0.1:50124         10.0.0.2:443           ESTABLISHED
  TCP    127.0.0.1:3306         0.0.0.0:0              ABHÖREN
  TCP    [::]:8443              [::]:0                 LISTENING
  UDP    0.0.0.0:123            *:*
"""

of_each = pytest.mark.parametrize(("name", "script"), SCRIPTS, ids=[name for name, _ in SCRIPTS])
of_powershell = pytest.mark.parametrize(("name", "script"), POWERSHELL, ids=[name for name, _ in POWERSHELL])


def without_text(script: str) -> str:
    """PowerShell without its comments and the text between quotes."""
    return re.sub(r"'[^'\n]*'|\"[^\"\n]*\"", "''", re.sub(r"(?m)^\s*#.*$", "", script))


@of_each
def test_a_windows_script_executes_no_text(name: str, script: Script) -> None:
    """No script hands text to an interpreter, so a value that is quoted stays one."""
    assert EXECUTES.search(script.text) is None


@of_each
def test_a_windows_script_comes_to_a_verdict(name: str, script: Script) -> None:
    """It can pass with 0 and fail with 1, each right after its verdict, and ends with an exit."""
    lines = [line.strip() for line in script.text.splitlines() if line.strip()]
    exits = [(lines[at - 1], line) for at, line in enumerate(lines) if re.fullmatch(r"exit (/b )?\d+", line)]
    said = {(re.sub(r'^(Write-Output "|echo )', "", before)[:6], line[-1]) for before, line in exits}
    assert said == {("PASSED", "0"), ("FAILED", "1")}
    assert lines[-1].startswith("exit ")


@of_powershell
def test_powershell_is_balanced(name: str, script: Script) -> None:
    """Quotes close on their line; brackets close in order; an error that nobody expects ends the script."""
    bare, opened = without_text(script.text), []
    assert not re.search(r"['\"]", bare.replace("''", ""))
    for char in bare:
        if char in "([{":
            opened.append(char)
        elif char in ")]}":
            assert opened.pop() + char in ("()", "[]", "{}")
    assert opened == []
    assert "$ErrorActionPreference = 'Stop'" in script.text


@of_powershell
def test_powershell_knows_its_variables(name: str, script: Script) -> None:
    """Every variable that is read is assigned, is a parameter of a function, or is PowerShell's own."""
    used = {name.lower() for name in re.findall(r"\$([A-Za-z_]+)", script.text)}
    assigned = {name.lower() for name in re.findall(r"(?m)^\s*\$([A-Za-z]+) \+?= ", script.text)}
    arguments = {name.lower() for name in re.findall(r"\[string\]\$([A-Za-z]+)", script.text)}
    assert used - assigned - arguments - {"_", "null", "true", "false", "erroractionpreference"} == set()


def test_batch_lines_end_as_cmd_wants_them() -> None:
    """Carriage return and line feed everywhere: without, cmd can miss a label."""
    assert BATCH.text.count("\n") == BATCH.text.count("\r\n")


def test_every_label_that_batch_goes_to_exists() -> None:
    """Each ``goto`` has its label, and each variable that is read is set."""
    text = BATCH.text.replace("\r", "")
    assert set(re.findall(r"goto (\w+)", text)) == set(re.findall(r"(?m)^:(\w+)$", text))
    assert set(re.findall(r"%(\w+)%", text)) <= set(re.findall(r'set (?:/a |")(\w+)\+?=', text))


@pytest.mark.parametrize(
    ("port", "listens"),
    [(80, True), (8443, True), (3306, True), (8080, False), (50124, False), (443, False), (123, False), (8, False)],
)
def test_batch_finds_who_listens(port: int, listens: bool) -> None:  # noqa: FBT001 - a case's
    """Its findstr pattern, which grep reads alike, finds the listeners of a netstat in any language, and no others."""
    check: Check = CHECKS["port-answers"]
    command = filled_in(BATCH.text, check.values({"port": port}))
    pattern = re.findall(r'findstr /r /c:"(.+?)"', command)[0].replace("%port%", str(port))
    found = subprocess.run(["grep", "-q", pattern], input=NETSTAT.encode(), check=False)
    assert (found.returncode == 0) is listens
