"""Settings: environment variables, parsed strictly from a mapping when a handler is called, never at import.

Every function has one frozen class here with ``from_env(environ)``; ``Variables`` reads one variable of each shape, and
the first that is missing, unknown or not accepted raises ``BadSetting``. Empty means the default, except for tags.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote

from spotkeeper.errors import BadSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    )
)
"""Every ``SPOTKEEPER_`` variable that some function reads: functions of one service share their environment."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ENDPOINT = re.compile(
    rf"(?:(?P<protocol>https?)://)?(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?/?",
    re.IGNORECASE,
)
_MAX_PORT = 65535
_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_OBJECT_PREFIX = re.compile(r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+)*")
_INSTANCE_TYPE = re.compile(r"ecs(?:\.[a-z0-9-]+){2,}")
_VSWITCH_ID = re.compile(r"vsw-[a-z0-9]{1,40}")
_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_MAX_DRAIN_SECONDS = 240.0  # of a notice of 300; what is used of it is a fifth of what is left of the notice

_Choice = TypeVar("_Choice", bound=Enum)


class StopSource(Enum):
    """When the interrupted instance is stopped."""

    BEFORE_IMAGE = "before-image"
    BEFORE_RELAUNCH = "before-relaunch"
    NEVER = "never"


class RetainDisks(Enum):
    """How long disks are kept from being released with their instance."""

    UNTIL_IMAGE = "until-image"
    NEVER = "never"


class Relaunch(Enum):
    """What the replacement is made from, if there is one."""

    FROM_IMAGE = "from-image"
    AT_ONCE = "at-once"
    NONE = "none"


class UserData(Enum):
    """Whether the replacement gets the source's user data."""

    KEEP = "keep"
    DROP = "drop"


@dataclass(frozen=True)
class Endpoint:
    """Where an API is served: ``protocol`` is ``http`` or ``https``, ``host`` may end in ``:port``."""

    protocol: str
    host: str


@dataclass(frozen=True)
class Endpoints:
    """The endpoints that are set; ``None``: the SDK's own."""

    ecs: Endpoint | None = None
    slb: Endpoint | None = None
    oss: Endpoint | None = None
    fc: Endpoint | None = None


@dataclass(frozen=True)
class OssLocation:
    """Objects under ``prefix`` (no slash at either end) in a bucket of the function's region."""

    bucket: str
    prefix: str


@dataclass(frozen=True)
class DirectoryLocation:
    """Files under an absolute path."""

    path: Path


@dataclass(frozen=True)
class TagFilter:
    """Resources with the tag ``key``, of any value where ``value`` is ``None``."""

    key: str
    value: str | None = None

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Whether a resource with ``tags`` is meant."""
        return self.key in tags and self.value in (None, tags[self.key])

    def __str__(self) -> str:
        return self.key if self.value is None else f"{self.key}={self.value}"


@dataclass(frozen=True)
class InterruptionSettings:
    """What the function ``interruption`` reads. ``managed_tag`` is ``None`` where all instances are managed."""

    journal: OssLocation | DirectoryLocation
    endpoints: Endpoints
    managed_tag: TagFilter | None
    dry_run: bool
    require_recycling_lock: bool
    drain_seconds: float
    stop_source: StopSource
    retain_disks: RetainDisks
    relaunch: Relaunch
    fallback_instance_types: tuple[str, ...]
    fallback_vswitch_ids: tuple[str, ...]
    fallback_on_demand: bool
    user_data: UserData

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> InterruptionSettings:
        """The settings in ``environ``. Raises ``BadSetting``."""
        variables = Variables(environ)
        relaunch = variables.choice("SPOTKEEPER_RELAUNCH", Relaunch.FROM_IMAGE)
        stop_source = variables.choice("SPOTKEEPER_STOP_SOURCE", StopSource.NEVER)
        if relaunch is Relaunch.AT_ONCE and stop_source is StopSource.BEFORE_RELAUNCH:
            accepted = (
                "before-image or never where SPOTKEEPER_RELAUNCH is at-once, which launches while the source runs"
            )
            raise _refusal("SPOTKEEPER_STOP_SOURCE", accepted, stop_source.value)
        return cls(
            journal=variables.journal("SPOTKEEPER_JOURNAL"),
            endpoints=Endpoints(
                ecs=variables.endpoint("ECS_ENDPOINT"),
                slb=variables.endpoint("SLB_ENDPOINT"),
                oss=variables.endpoint("OSS_ENDPOINT"),
            ),
            managed_tag=variables.tag("SPOTKEEPER_MANAGED_TAG", "spotkeeper:managed=true"),
            dry_run=variables.flag("SPOTKEEPER_DRY_RUN", default=False),
            require_recycling_lock=variables.flag("SPOTKEEPER_REQUIRE_RECYCLING_LOCK", default=True),
            drain_seconds=variables.number("SPOTKEEPER_DRAIN_SECONDS", 10.0, _MAX_DRAIN_SECONDS),
            stop_source=stop_source,
            retain_disks=variables.choice("SPOTKEEPER_RETAIN_DISKS", RetainDisks.UNTIL_IMAGE),
            relaunch=relaunch,
            fallback_instance_types=variables.items(
                "SPOTKEEPER_FALLBACK_INSTANCE_TYPES", _INSTANCE_TYPE, "instance types such as ecs.g7.large"
            ),
            fallback_vswitch_ids=variables.items(
                "SPOTKEEPER_FALLBACK_VSWITCH_IDS", _VSWITCH_ID, "vSwitch ids such as vsw-bp1s5fnvk4gn2tws0"
            ),
            fallback_on_demand=variables.flag("SPOTKEEPER_FALLBACK_ON_DEMAND", default=True),
            user_data=variables.choice("SPOTKEEPER_USER_DATA", UserData.KEEP),
        )


@dataclass(frozen=True)
class SweepSettings:
    """What the function ``sweep`` reads. ``image_quota``: custom images that the account may have a region."""

    journal: OssLocation | DirectoryLocation
    endpoints: Endpoints
    managed_tag: TagFilter | None
    dry_run: bool
    interruption_function: str
    limit: int
    delete: bool
    image_ttl_days: float
    image_quota: int

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> SweepSettings:
        """The settings in ``environ``. Raises ``BadSetting``."""
        variables = Variables(environ)
        return cls(
            journal=variables.journal("SPOTKEEPER_JOURNAL"),
            endpoints=Endpoints(
                ecs=variables.endpoint("ECS_ENDPOINT"),
                oss=variables.endpoint("OSS_ENDPOINT"),
                fc=variables.endpoint("FUNCTION_COMPUTE_ENDPOINT"),
            ),
            managed_tag=variables.tag("SPOTKEEPER_MANAGED_TAG", "spotkeeper:managed=true"),
            dry_run=variables.flag("SPOTKEEPER_DRY_RUN", default=False),
            interruption_function=variables.name("SPOTKEEPER_INTERRUPTION_FUNCTION", "spotkeeper-interruption"),
            limit=variables.count("SPOTKEEPER_SWEEP_LIMIT", 50, 1_000),
            delete=variables.flag("SPOTKEEPER_SWEEP_DELETE", default=False),
            image_ttl_days=variables.number("SPOTKEEPER_IMAGE_TTL_DAYS", 7, 3_650),
            image_quota=variables.count("SPOTKEEPER_IMAGE_QUOTA", 100, 1_000_000),
        )


@dataclass(frozen=True)
class RestartRules:
    """Which stopped instances are started again: those with ``tag`` (None: none), ``limit`` times in ``window`` s."""

    tag: TagFilter | None
    limit: int
    window: float

    @classmethod
    def of(cls, variables: Variables) -> RestartRules:
        """The rules in an environment. Raises ``BadSetting``."""
        return cls(
            tag=variables.tag("SPOTKEEPER_RESTART_TAG", "spotkeeper:auto-restart=true"),
            limit=variables.count("SPOTKEEPER_RESTART_LIMIT", 3, 100),
            window=variables.number("SPOTKEEPER_RESTART_WINDOW_SECONDS", 3_600, 2_592_000),
        )


@dataclass(frozen=True)
class StateChangeSettings:
    """What the function ``state_change`` reads."""

    journal: OssLocation | DirectoryLocation
    endpoints: Endpoints
    dry_run: bool
    restart: RestartRules

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> StateChangeSettings:
        """The settings in ``environ``. Raises ``BadSetting``."""
        variables = Variables(environ)
        return cls(
            journal=variables.journal("SPOTKEEPER_JOURNAL"),
            endpoints=Endpoints(
                ecs=variables.endpoint("ECS_ENDPOINT"),
                slb=variables.endpoint("SLB_ENDPOINT"),
                oss=variables.endpoint("OSS_ENDPOINT"),
            ),
            dry_run=variables.flag("SPOTKEEPER_DRY_RUN", default=False),
            restart=RestartRules.of(variables),
        )


@dataclass(frozen=True)
class HandBackSettings:
    """What ``sweep`` reads besides, to hand instances back to ``state_change`` for which no event will come."""

    state_change_function: str
    restart: RestartRules

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> HandBackSettings:
        """The settings in ``environ``. Raises ``BadSetting``."""
        variables = Variables(environ)
        return cls(
            state_change_function=variables.name("SPOTKEEPER_STATE_CHANGE_FUNCTION", "spotkeeper-state-change"),
            restart=RestartRules.of(variables),
        )


class Variables:
    """Reads variables of an environment in which no name is a mistake. Every method raises ``BadSetting``."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        for name in sorted(environ):
            if name.startswith(_PREFIX) and name not in KNOWN:
                raise BadSetting(f"{name} is not a setting{_hint(name)}")

    def flag(self, name: str, *, default: bool) -> bool:
        """``true`` or ``false``."""
        value = self._environ.get(name) or str(default).lower()
        if value not in ("true", "false"):
            raise _refusal(name, "true or false", value)
        return value == "true"

    def choice(self, name: str, default: _Choice) -> _Choice:
        """One of the values of ``default``'s enumeration."""
        choices = type(default)
        value = self._environ.get(name) or default.value
        try:
            return choices(value)
        except ValueError as error:
            raise _refusal(name, "one of " + ", ".join(choice.value for choice in choices), value) from error

    def number(self, name: str, default: float, most: float) -> float:
        """A number from 0 to ``most``."""
        value = self._environ.get(name) or str(default)
        if not _NUMBER.fullmatch(value) or float(value) > most:
            raise _refusal(name, f"a number from 0 to {most:g}", value)
        return float(value)

    def count(self, name: str, default: int, most: int) -> int:
        """A whole number from 0 to ``most``."""
        value = self._environ.get(name) or str(default)
        if not value.isascii() or not value.isdigit() or len(value) > len(str(most)) or int(value) > most:
            raise _refusal(name, f"a whole number from 0 to {most}", value)
        return int(value)

    def name(self, name: str, default: str) -> str:
        """A function's name: letters, digits, ``_`` and ``-``, 64 at most, not beginning with a digit or ``-``."""
        value = self._environ.get(name) or default
        if not _FUNCTION_NAME.fullmatch(value):
            raise _refusal(name, "a function name such as spotkeeper-interruption", value)
        return value

    def items(self, name: str, item: re.Pattern[str], accepted: str) -> tuple[str, ...]:
        """Comma-separated items, each once, in their order; none by default."""
        value = self._environ.get(name, "")
        items = [part.strip() for part in value.split(",")] if value else []
        if not all(item.fullmatch(part) for part in items):
            raise _refusal(name, f"comma-separated {accepted}", value)
        return tuple(dict.fromkeys(items))

    def tag(self, name: str, default: str) -> TagFilter | None:
        """``key=value``, split at the first ``=``; a bare key: any value; ``None`` where it is set to nothing."""
        value = self._environ.get(name, default)
        if not value:
            return None
        key, equals, wanted = value.partition("=")
        if not key.strip():
            raise _refusal(name, "key=value, a bare key (any value), or nothing", value)
        return TagFilter(key, wanted if equals else None)

    def endpoint(self, name: str) -> Endpoint | None:
        """A host, ``host:port`` (both https) or a URL without a path; plain http for loopback addresses only."""
        value = self._environ.get(name)
        if not value:
            return None
        match = _ENDPOINT.fullmatch(value)
        if match is None or not 0 < int(match["port"] or 1) <= _MAX_PORT:
            raise _refusal(name, "a host, host:port or https://host:port without user, path and query", value)
        protocol = (match["protocol"] or "https").lower()
        if protocol == "http" and not _is_loopback(match["host"]):
            raise _refusal(name, "plain http for loopback addresses only; use https", value)
        return Endpoint(protocol, (match["host"] + (f":{match['port']}" if match["port"] else "")).lower())

    def journal(self, name: str) -> OssLocation | DirectoryLocation:
        """``oss://bucket/prefix`` or ``file:///directory``; there is no default."""
        value = self._environ.get(name, "")
        scheme, separator, rest = value.partition("://")
        if scheme == "oss":
            bucket, _, prefix = rest.removesuffix("/").partition("/")
            if _BUCKET.fullmatch(bucket) and _OBJECT_PREFIX.fullmatch(prefix):
                return OssLocation(bucket, prefix)
        if scheme == "file" and separator:
            path = Path(unquote(rest))
            if path.is_absolute() and path.name and ".." not in path.parts:
                return DirectoryLocation(path)
        raise _refusal(name, "oss://bucket/prefix or file:///directory", value)


def _is_loopback(host: str) -> bool:
    """127.0.0.0/8, ::1 and localhost; no other name, since what a name resolves to can change."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _refusal(name: str, accepted: str, value: str) -> BadSetting:
    """The error for a value; the value itself stays out where it may hold a password (``user:password@host``)."""
    if not value:
        return BadSetting(f"{name} is required; it accepts {accepted}")
    given = "a value that is not shown, since it may hold a password" if set(value) & set("@?") else repr(value[:100])
    return BadSetting(f"{name} accepts {accepted}, not {given}")


def _hint(name: str) -> str:
    """The known name that was probably meant, as the end of a sentence."""
    import difflib  # noqa: PLC0415 - costs import time that only this error is worth

    suffixes = {known.removeprefix(_PREFIX): known for known in KNOWN}
    near = difflib.get_close_matches(name.removeprefix(_PREFIX), sorted(suffixes), n=1)
    return f"; did you mean {suffixes[near[0]]}?" if near else ""
