"""No value that is accepted becomes command text: hostile ones are tried on every parameter, in the real scripts."""

from __future__ import annotations

import re
import shutil
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checking.catalogue import KINDS, Check
from spotkeeper.errors import BadCheck
from tests.lifecycle_hook.shell import CHECKS, SHELLS, USUAL, MachineUnderTest, filled_in

HARMLESS = frozenset(string.ascii_letters + string.digits + "._,/-")
"""None of these means anything to sh, PowerShell or cmd inside quotes, nor to Cloud Assistant."""

HOSTILE = (
    *("\r\n", *"'\"`\\;|&<>\n\t \0\x1a$!^%#~"),
    *("*", "?", "[a]", "{a,b}", "(", ")", "=", "\N{LEFT SINGLE QUOTATION MARK}", "\N{FULLWIDTH SEMICOLON}", "\u0660"),
    *("'; touch canary; '", '"; touch canary; "', "$(touch canary)", "`touch canary`", "'\ntouch canary\n'", ">canary"),
    *("{{", "}}", "{{port}}", "{{ACS::InstanceId}}", "${PATH}", "%PATH%", "!PATH!", "$env:PATH", "%0a", '"&calc&"'),
    *("'; exit 0; '", "' | tee canary '", "'; Remove-Item x; '", "../..", "-rf", "--help", "x" * 300, "9" * 5000),
)
OTHERS = ("", None, True, 1.5, -1, 10**30, ["80"], {"port": 80})
GIVEN: dict[str, dict[str, object]] = {
    "logs-uploaded": {"bucket": "web-logs"},
    "headroom": {"memory-available-percent": 0},
}
PLACES = [(check, name) for check in CHECKS.values() for name in check.parameters]

everywhere = pytest.mark.parametrize(("check", "name"), PLACES, ids=[f"{check.name}-{name}" for check, name in PLACES])


def values(accepts: str) -> st.SearchStrategy[str]:
    """What a kind accepts, and the same with something hostile put into it."""
    accepted = st.from_regex(KINDS[accepts].pattern, fullmatch=True)
    hostile = st.sampled_from(HOSTILE) | st.text(max_size=5)
    return accepted | st.tuples(accepted, hostile, accepted | st.just("")).map("".join) | hostile | st.text()


def accepted_by(check: Check, name: str, value: object) -> dict[str, str] | None:
    """All values of a run with this value, which asks once instead of waiting; ``None`` if it is refused."""
    at_once = {"wait-seconds": 0} if "wait-seconds" in check.parameters else {}
    try:
        return check.values({**GIVEN.get(check.name, {}), **at_once, name: value})
    except BadCheck:
        return None


@everywhere
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_what_could_mean_something_is_refused(check: Check, name: str, data: st.DataObject) -> None:
    """A value with any character that is not known to be harmless is refused, at every parameter."""
    parameter = check.parameters[name]
    value = data.draw(values(parameter.accepts))
    accepted = accepted_by(check, name, value)
    if accepted is None:
        return
    assert accepted[name] == value
    assert set(value) <= HARMLESS
    assert 0 < len(value) <= 200
    assert value[0] not in "-."
    assert parameter.accepts == "url-path" or ".." not in re.split(r"[/,]", value)


@everywhere
def test_each_hostile_value_is_refused(check: Check, name: str) -> None:
    """None of the classics is accepted by any parameter, alone or beside what is accepted; nor is any other type."""
    default = check.parameters[name].default or "web-logs"
    for value in (item for item in HOSTILE if not set(item) <= HARMLESS):
        for spoilt in (value, default + value, value + default, default + value + default):
            assert accepted_by(check, name, spoilt) is None, spoilt
    for other in (*OTHERS, *(item for item in HOSTILE if set(item) <= HARMLESS)):
        assert accepted_by(check, name, other) is None, other


class Watched:
    """A machine on which every check passes at once, and every command that runs is written down."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.machine = MachineUnderTest(folder, shell)
        self.record = folder / "record"
        self.logs = folder / "real"
        for tool in USUAL:
            if real := shutil.which(tool):
                self._answers(tool, f'exec {real} "$@"')
        self._answers("bash", "exit 0")
        self._answers("cat", "echo header")
        self._answers("cut", "echo 0.01")
        self._answers("df", "echo header")
        self._answers("hostname", "exit 1")
        self._answers("systemctl", "echo running")
        self._answers("cloud-init", "echo 'status: done'")
        self._answers("curl", f"read -r status <'{folder}/status'; echo \"$status\"")
        self._answers("sleep", "kill $PPID")
        for tool in ("ossutil", "journalctl", "touch", "tee", "id", "nc", "wget", "python3", "rmdir", "ls"):
            self._answers(tool, "exit 0")
        self.status = folder / "status"

    def _answers(self, tool: str, script: str) -> None:
        self.machine.fakes(tool, f"echo {tool} >>'{self.machine.tmp.parent}/record'\n{script}")

    def commands(self, text: str, status: str) -> set[str]:
        """The commands that run, of a script that comes to its verdict and leaves no file behind."""
        self.record.write_text("")
        self.status.write_text(status + "\n")
        ended = self.machine.executes(text)
        assert ended.verdict.startswith(("PASSED: ", "FAILED: ")), ended.output
        assert "not found" not in ended.output
        assert [*self.machine.cwd.iterdir(), *self.machine.tmp.iterdir()] == []
        return set(self.record.read_text().split())

    def says(self, assignment: str, variable: str) -> str:
        """What a shell finds in a variable after an assignment."""
        return self.machine.executes(f"{assignment}\nprintf '%s' \"${variable}\"\n").output


@pytest.fixture(scope="module", params=SHELLS)
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Return such a machine, whose shell is each of those there are."""
    return Watched(tmp_path_factory.mktemp("watched"), request.param)


@everywhere
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_what_is_accepted_stays_a_value(watched: Watched, check: Check, name: str, data: st.DataObject) -> None:
    """In a shell, an accepted value is what its variable holds; no other command runs, no file appears."""
    value = data.draw(values(check.parameters[name].accepts))
    given = accepted_by(check, name, value)
    if given is None:
        return
    if "directory" in given:
        # One that exists, so that what comes after asking for it is reached too.
        given["directory"] = str(watched.logs) + given["directory"]
        Path(given["directory"]).mkdir(parents=True, exist_ok=True)
    template = check.scripts["linux"].text
    command = filled_in(template, given)
    pairs = zip(template.split("\n"), command.split("\n"), strict=True)
    assert [made for line, made in pairs if "{{" not in line and made != line] == []
    line = next(line for line in template.split("\n") if f"{{{{{name}}}}}" in line)
    assert watched.says(filled_in(line, given), line.partition("=")[0]) == given[name]
    usual = watched.commands(template_with_defaults(watched, check), "200")
    assert watched.commands(command, given.get("status", "200")) <= usual


def template_with_defaults(watched: Watched, check: Check) -> str:
    """The script with values that nobody could object to."""
    given = check.values(GIVEN.get(check.name, {}))
    if "directory" in given:
        given["directory"] = str(watched.logs / "var/log")
        Path(given["directory"]).mkdir(parents=True, exist_ok=True)
    return filled_in(check.scripts["linux"].text, given)
