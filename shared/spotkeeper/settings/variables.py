"""The syntax of environment variables: a strict reader for each type of value."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

from spotkeeper.errors import BadSetting
from spotkeeper.settings.types import DirectoryLocation, Endpoint, Endpoints, OssLocation, TagFilter

_PREFIX = "SPOTKEEPER_"
KNOWN = frozenset(
    _PREFIX + name
    for name in (
        "JOURNAL",
        "MANAGED_TAG",
        "DRY_RUN",
        "REQUIRE_RECYCLING_LOCK",
        "DRAIN_SECONDS",
        "STOP_SOURCE",
        "RETAIN_DISKS",
        "RELAUNCH",
        "FALLBACK_INSTANCE_TYPES",
        "FALLBACK_VSWITCH_IDS",
        "FALLBACK_ON_DEMAND",
        "USER_DATA",
        "RESTART_TAG",
        "RESTART_LIMIT",
        "RESTART_WINDOW_SECONDS",
        "INTERRUPTION_FUNCTION",
        "STATE_CHANGE_FUNCTION",
        "SWEEP_LIMIT",
        "SWEEP_DELETE",
        "IMAGE_TTL_DAYS",
        "IMAGE_QUOTA",
        "HOOK_ON_INTERNAL_ERROR",
        "HOOK_ARNS",
        "LIFECYCLE_HOOK_FUNCTION",
    )
)
"""Every ``SPOTKEEPER_`` variable of any function: functions may share an environment.

The parsed setting is in the module of its function; CONTRIBUTING.md lists the files of a new variable."""

_ENDPOINTS = {
    "ecs": "ECS_ENDPOINT",
    "slb": "SLB_ENDPOINT",
    "ess": "ESS_ENDPOINT",
    "oss": "OSS_ENDPOINT",
    "fc": "FUNCTION_COMPUTE_ENDPOINT",  # Function Compute reserves names that begin with FC_
}
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ENDPOINT = re.compile(
    rf"(?:(?P<protocol>https?)://)?(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?/?",
    re.IGNORECASE,
)
_MAX_PORT = 65535
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_OBJECT_PREFIX = re.compile(r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+)*")
_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_TAG = re.compile(
    r"(?!.*https?://)"
    r"(?P<key>(?!\s)[^=\x00-\x1f\x7f]{1,128}(?<!\s))"
    r"(?:=(?P<value>(?!\s)[^\x00-\x1f\x7f]{0,128}(?<!\s)))?"
)
"""The tags that an instance can have (TagResources), without blanks that nobody sees."""
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")

_Choice = TypeVar("_Choice", bound=Enum)


class Variables:
    """The variables of an environment; an unknown ``SPOTKEEPER_`` name is an error. Methods raise ``BadSetting``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        for name in sorted(environ):
            if name.startswith(_PREFIX) and name not in KNOWN:
                raise BadSetting(f"{name} is not a setting{_hint(name)}")

    def flag(self, name: str, *, default: bool) -> bool:
        """``true`` or ``false``."""
        value = self._environ.get(name) or str(default).lower()
        if value not in ("true", "false"):
            raise refusal(name, "true or false", value)
        return value == "true"

    def choice(self, name: str, default: _Choice) -> _Choice:
        """A value of ``default``'s enumeration."""
        return self.optional_choice(name, type(default)) or default

    def optional_choice(self, name: str, choices: type[_Choice]) -> _Choice | None:
        """A value of ``choices``; None where the variable is empty or missing."""
        value = self._environ.get(name)
        if not value:
            return None
        try:
            return choices(value)
        except ValueError as error:
            raise refusal(name, "one of " + ", ".join(choice.value for choice in choices), value) from error

    def number(self, name: str, default: float, most: float, least: float = 0) -> float:
        """A number from ``least`` to ``most``."""
        value = self._environ.get(name) or str(default)
        if not _NUMBER.fullmatch(value) or not least <= float(value) <= most:
            raise refusal(name, f"a number from {least:g} to {most:g}", value)
        return float(value)

    def count(self, name: str, default: int, most: int) -> int:
        """A whole number from 0 to ``most``."""
        value = self._environ.get(name) or str(default)
        if not value.isascii() or not value.isdigit() or len(value) > len(str(most)) or int(value) > most:
            raise refusal(name, f"a whole number from 0 to {most}", value)
        return int(value)

    def name(self, name: str, default: str) -> str:
        """A function's name: letters, digits, ``_`` and ``-``, 64 at most, not beginning with a digit or ``-``."""
        value = self._environ.get(name) or default
        if not _FUNCTION_NAME.fullmatch(value):
            raise refusal(name, "a function name such as spotkeeper-interruption", value)
        return value

    def items(self, name: str, item: re.Pattern[str], accepted: str) -> tuple[str, ...]:
        """Comma-separated items, each once, in their order; none by default."""
        value = self._environ.get(name, "")
        items = [part.strip() for part in value.split(",")] if value else []
        if not all(item.fullmatch(part) for part in items):
            raise refusal(name, f"comma-separated {accepted}", value)
        return tuple(dict.fromkeys(items))

    def tag(self, name: str, default: str) -> TagFilter | None:
        """``key=value``, split at the first ``=``; a bare key: any value; ``None`` where it is empty."""
        value = self._environ.get(name, default)
        if not value:
            return None
        match = _TAG.fullmatch(value)
        if match is None:
            parts = "each 128 characters at most, without a blank at its ends, a line break and http://"
            raise refusal(name, f"key=value, a bare key (any value), or nothing; {parts}", value)
        return TagFilter(match["key"], match["value"])

    def endpoint(self, name: str) -> Endpoint | None:
        """A host, ``host:port`` (both https) or a URL without a path; plain http for loopback addresses only."""
        value = self._environ.get(name)
        if not value:
            return None
        match = _ENDPOINT.fullmatch(value)
        if match is None or not 0 < int(match["port"] or 1) <= _MAX_PORT:
            raise refusal(name, "a host, host:port or https://host:port without user, path and query", value)
        protocol = (match["protocol"] or "https").lower()
        if protocol == "http" and not _is_loopback(match["host"]):
            raise refusal(name, "plain http for loopback addresses only; use https", value)
        return Endpoint(protocol, (match["host"] + (f":{match['port']}" if match["port"] else "")).lower())

    def shared(self, *products: str) -> dict[str, Any]:
        """The fields of ``JournalSettings``, with the endpoints of these products."""
        return {"journal": self.journal(), "endpoints": self.endpoints(*products), "dry_run": self.dry_run()}

    def dry_run(self) -> bool:
        """``SPOTKEEPER_DRY_RUN``."""
        return self.flag("SPOTKEEPER_DRY_RUN", default=False)

    def managed_tag(self) -> TagFilter | None:
        """``SPOTKEEPER_MANAGED_TAG``."""
        return self.tag("SPOTKEEPER_MANAGED_TAG", "spotkeeper:managed=true")

    def endpoints(self, *products: str) -> Endpoints:
        """The endpoints of these products (``ecs``, ``slb``, ``ess``, ``oss``, ``fc``) that are set."""
        return Endpoints(**{product: self.endpoint(_ENDPOINTS[product]) for product in products})

    def journal(self) -> OssLocation | DirectoryLocation:
        """``SPOTKEEPER_JOURNAL``: ``oss://bucket/prefix`` or ``file:///directory``; there is no default."""
        value = self._environ.get("SPOTKEEPER_JOURNAL", "")
        scheme, separator, rest = value.partition("://")
        if scheme == "oss":
            bucket, _, prefix = rest.removesuffix("/").partition("/")
            if _BUCKET.fullmatch(bucket) and _OBJECT_PREFIX.fullmatch(prefix):
                return OssLocation(bucket, prefix)
        if scheme == "file" and separator:
            path = Path(unquote(rest))
            if path.is_absolute() and path.name and ".." not in path.parts:
                return DirectoryLocation(path)
        raise refusal("SPOTKEEPER_JOURNAL", "oss://bucket/prefix or file:///directory", value)


def _is_loopback(host: str) -> bool:
    """127.0.0.0/8, ::1 and localhost; no other name, since what a name resolves to can change."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def refusal(name: str, accepted: str, value: str) -> BadSetting:
    """The error for a value. It does not show a value that may hold a password (``user:password@host``)."""
    if not value:
        return BadSetting(f"{name} is required; it accepts {accepted}")
    given = "a value that is not shown, since it may hold a password" if set(value) & set("@?") else repr(value[:100])
    return BadSetting(f"{name} accepts {accepted}, not {given}")


def _hint(name: str) -> str:
    """The most similar known name, as the end of a sentence."""
    import difflib  # noqa: PLC0415 - costs import time that only this error is worth

    suffixes = {known.removeprefix(_PREFIX): known for known in KNOWN}
    near = difflib.get_close_matches(name.removeprefix(_PREFIX), sorted(suffixes), n=1)
    return f"; did you mean {suffixes[near[0]]}?" if near else ""
