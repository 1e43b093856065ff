"""The checks of this function: ``checks/checks.json`` and the scripts beside it, validated when they are read.

Command text comes from these files alone. An event may choose values of declared parameters, which Cloud Assistant puts
in the place of ``{{name}}`` (RunCommand, EnableParameter). Two rules keep a value from becoming command text: the
alphabets in ``KINDS`` have no character with a meaning between the quotes of a shell, PowerShell or cmd, and a script
has ``{{name}}`` only in a line that assigns it, quoted, to a variable.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from checking.json_fields import entries, only, read, record, value_of, whole, words
from spotkeeper.errors import BadCheck
from spotkeeper.events.text import shown

MOST_CONTENT = 24_000
"""Characters of a command after Base64 with its parameters: 24 KB for a command that is not kept (RunCommand)."""
MOST_PARAMETERS = 10
TIMEOUTS = (10, 86_400)
TO_SPEAK = 10
"""Seconds that a check's timeout leaves after its waits, for its output."""
POWER_CODES = frozenset({193, 194})
"""Exit codes after which the Cloud Assistant agent shuts the instance down, or restarts it."""

COMMAND_TYPES = {".sh": "RunShellScript", ".ps1": "RunPowerShellScript", ".bat": "RunBatScript"}
SUFFIXES = {"linux": (".sh",), "windows": (".ps1", ".bat")}
BUILT_IN = frozenset({"ACS::InstanceId", "ACS::RegionId"})
"""Parameters that Cloud Assistant fills in by itself, where the command has parameters (RunCommand)."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_FILE = re.compile(r"[a-z0-9-]{1,64}\.[a-z0-9]{2,3}")
_PLACE = r"\{\{(?P<name>[A-Za-z0-9:-]+)\}\}"
_ASSIGNMENT = {
    ".sh": re.compile(rf"[a-z_]+='{_PLACE}'"),
    ".ps1": re.compile(rf"\$[A-Za-z]+ = '{_PLACE}'"),
    ".bat": re.compile(rf'set "[a-z_]+={_PLACE}"'),
}
_EXAMPLES = {".sh": "port='{{port}}'", ".ps1": "$port = '{{port}}'", ".bat": 'set "port={{port}}"'}

_NUMBER = r"(?:0|[1-9][0-9]{0,8})"  # no leading zero: shells would read the rest as octal
_PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_COMPONENT = r"[A-Za-z0-9_][A-Za-z0-9._-]*"  # neither hidden nor "..", nor an option


@dataclass(frozen=True)
class Kind:
    """A type of parameter: a pattern of harmless characters, in words, and its longest value."""

    pattern: re.Pattern[str]
    words: str
    most_chars: int


KINDS = {
    "integer": Kind(re.compile(_NUMBER), "a whole number", 9),
    "seconds": Kind(re.compile(_NUMBER), "a whole number of seconds", 9),
    "ports": Kind(re.compile(rf"all|{_PORT}(?:,{_PORT}){{0,9}}"), "all, or up to ten ports such as 80,443", 60),
    "url-path": Kind(re.compile(r"/[A-Za-z0-9._/-]*"), "a URL's path: a slash, then letters, digits and . _ - /", 200),
    # A parameter must not be able to send away secret keys: only directories with logs are accepted.
    "log-directory": Kind(
        re.compile(rf"(?:/{_COMPONENT})*/logs?(?:/{_COMPONENT})*"),
        "an absolute path of letters, digits and . _ - with a directory named log or logs in it, nothing hidden",
        200,
    ),
    "oss-bucket": Kind(re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"), "the name of an OSS bucket", 63),
    "oss-prefix": Kind(re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*"), "a prefix of letters, digits and . _ - /", 200),
}
_RANGED = frozenset({"integer", "seconds"})


@dataclass(frozen=True)
class Script:
    """Command text. ``type`` is RunCommand's: RunShellScript, RunPowerShellScript or RunBatScript."""

    type: str
    text: str

    @property
    def encoded(self) -> str:
        """The text as Base64, for ``CommandContent`` with the ``ContentEncoding`` Base64."""
        return base64.b64encode(self.text.encode()).decode()


@dataclass(frozen=True)
class Parameter:
    """A parameter of a check: ``accepts`` is a key of ``KINDS``, ``bounds`` (both included) are those of a number."""

    name: str
    description: str
    accepts: str
    bounds: tuple[int, int] | None
    default: str | None

    @property
    def accepted(self) -> str:
        """The accepted values, in words."""
        return KINDS[self.accepts].words + (f" from {self.bounds[0]} to {self.bounds[1]}" if self.bounds else "")

    def text(self, value: object, where: str) -> str:
        """``value`` as text for a script. ``where`` begins the message. Raises ``BadCheck``."""
        text = str(value) if type(value) is int and 0 <= value < 10**9 else value
        kind = KINDS[self.accepts]
        if not isinstance(text, str) or len(text) > kind.most_chars or not kind.pattern.fullmatch(text):
            raise BadCheck(f"{where}: {self.name} accepts {self.accepted}, not {shown(text)}")
        if self.bounds and not self.bounds[0] <= int(text) <= self.bounds[1]:
            raise BadCheck(f"{where}: {self.name} accepts {self.accepted}, not {text}")
        return text


@dataclass(frozen=True)
class Check:
    """A check on an instance. ``scripts``: by ``OSType`` (linux, windows). ``timeout``: seconds.

    ``exit_codes`` mean that the instance has passed.
    """

    name: str
    description: str
    timeout: int
    exit_codes: frozenset[int]
    scripts: Mapping[str, Script]
    parameters: Mapping[str, Parameter]

    def values(self, given: Mapping[str, object]) -> dict[str, str]:
        """A value for every parameter: the given value, else the default. Raises ``BadCheck``."""
        where = f"check {self.name}"
        if unknown := sorted(set(given) - set(self.parameters)):
            accepted = ", ".join(self.parameters) or "none"
            raise BadCheck(f"{where} has no parameter {shown(unknown[0])}; its parameters: {accepted}")
        found: dict[str, str] = {}
        for name, parameter in self.parameters.items():
            if name not in given and parameter.default is None:
                raise BadCheck(f"{where}: {name} is required; it accepts {parameter.accepted}")
            found[name] = parameter.text(given.get(name, parameter.default), where)
        return found


def load(folder: Path) -> Mapping[str, Check]:
    """The checks of ``folder/checks.json``, by name. Raises ``BadCheck``."""
    declared = record(value_of(read(folder / "checks.json", "checks.json"), "checks.json"), "checks.json")
    if not declared:
        raise BadCheck("checks.json needs at least one check")
    return {name: _check(folder, name, fields) for name, fields in declared.items()}


def _named(name: str, where: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadCheck(f"{where}: a name accepts {_NAME.pattern}")
    return where


def _check(folder: Path, name: str, declared: object) -> Check:
    where = _named(name, f"checks.json: check {shown(name)}")
    fields = only(declared, where, ("description", "timeout", "exit_codes", "parameters"), tuple(SUFFIXES))
    parameters = {
        parameter: _parameter(parameter, declaration, f"{where}: parameters")
        for parameter, declaration in record(fields["parameters"], f"{where}: parameters").items()
    }
    if len(parameters) > MOST_PARAMETERS:
        raise BadCheck(f"{where}: parameters accepts {MOST_PARAMETERS} at most, not {len(parameters)}")
    scripts = {os: _script(folder, os, fields[os], parameters, where) for os in SUFFIXES if os in fields}
    if not scripts:
        raise BadCheck(f"{where} needs a script: linux, windows or both")
    return Check(
        name=name,
        description=words(fields["description"], f"{where}: description"),
        timeout=_timeout(fields["timeout"], parameters, f"{where}: timeout"),
        exit_codes=_exit_codes(fields["exit_codes"], f"{where}: exit_codes"),
        scripts=scripts,
        parameters=parameters,
    )


def _timeout(value: object, parameters: Mapping[str, Parameter], where: str) -> int:
    timeout = whole(value, TIMEOUTS, where)
    seconds = (parameter for parameter in parameters.values() if parameter.accepts == "seconds")
    waits = sum(parameter.bounds[1] for parameter in seconds if parameter.bounds)
    if waits and waits + TO_SPEAK > timeout:
        raise BadCheck(f"{where} accepts {waits + TO_SPEAK} at least, not {timeout}: the script may wait for {waits} s")
    return timeout


def _exit_codes(value: object, where: str) -> frozenset[int]:
    codes = frozenset(whole(code, (0, 255), where) for code in entries(value, where, 256))
    if codes & POWER_CODES:
        raise BadCheck(f"{where} accepts neither 193 nor 194: the agent shuts the instance down, or restarts it")
    return codes


def _parameter(name: str, declared: object, where: str) -> Parameter:
    where = _named(name, f"{where}: {shown(name)}")
    accepts = record(declared, where).get("accepts")
    if not isinstance(accepts, str) or accepts not in KINDS:
        raise BadCheck(f"{where}: accepts is one of {', '.join(KINDS)}, not {shown(accepts)}")
    ranged = ("from", "to") if accepts in _RANGED else ()
    fields = only(declared, where, ("accepts", "description", *ranged), ("default",))
    description = words(fields["description"], f"{where}: description")
    default = words(fields["default"], f"{where}: default") if "default" in fields else None
    bounds = None
    if ranged:
        least = whole(fields["from"], (0, 999_999_999), f"{where}: from")
        bounds = least, whole(fields["to"], (least, 999_999_999), f"{where}: to")
    parameter = Parameter(name, description, accepts, bounds, default)
    if default is not None:
        parameter.text(default, f"{where}: default")
    return parameter


def _script(folder: Path, os: str, named: object, parameters: Mapping[str, Parameter], where: str) -> Script:
    file, where = words(named, f"{where}: {os}"), f"{where}: {shown(named)}"
    suffix = Path(file).suffix
    if not _FILE.fullmatch(file) or suffix not in SUFFIXES[os]:
        raise BadCheck(f"{where}: {os} accepts a file beside checks.json that ends in {' or '.join(SUFFIXES[os])}")
    text = read(folder / file, where)
    if not text.isascii():
        raise BadCheck(
            f"{where} accepts ASCII only: the meaning of other characters depends on the instance's code page"
        )
    _require_parameters(text, suffix, parameters, where)
    if suffix == ".bat":
        text = text.replace("\n", "\r\n")  # cmd can miss a label after other line ends
    longest = len(text) + sum(KINDS[parameter.accepts].most_chars for parameter in parameters.values())
    if (longest + 2) // 3 * 4 > MOST_CONTENT:
        raise BadCheck(f"{where} accepts {MOST_CONTENT} characters at most, after Base64 and with its parameters")
    return Script(COMMAND_TYPES[suffix], text)


def _require_parameters(text: str, suffix: str, parameters: Mapping[str, Parameter], where: str) -> None:
    """A script assigns each declared parameter, and has ``{{`` and ``}}`` nowhere else."""
    lines = [line for line in text.split("\n") if "{{" in line or "}}" in line]
    matches = {line: _ASSIGNMENT[suffix].fullmatch(line) for line in lines}
    used = {match["name"] for match in matches.values() if match}
    if wrong := [line for line, match in matches.items() if match is None]:
        raise BadCheck(
            f"{where}: a parameter stands in an assignment like {_EXAMPLES[suffix]}, not in {shown(wrong[0])}"
        )
    if undeclared := sorted(used - set(parameters) - BUILT_IN):
        raise BadCheck(f"{where} uses {undeclared[0]}, which is not one of its parameters: {', '.join(parameters)}")
    if unused := sorted(set(parameters) - used):
        raise BadCheck(f"{where} does not use its parameter {unused[0]}")
    if used and not parameters:
        raise BadCheck(f"{where} needs a parameter: Cloud Assistant fills in {', '.join(used)} only beside others")
