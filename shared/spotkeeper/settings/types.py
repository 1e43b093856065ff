"""The parts of settings that several functions share: endpoints, the location of the journal, tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Endpoint:
    """The address of an API: ``protocol`` is ``http`` or ``https``, ``host`` may end in ``:port``."""

    protocol: str
    host: str


@dataclass(frozen=True)
class Endpoints:
    """The endpoints that are set; ``None``: the SDK's own."""

    ecs: Endpoint | None = None
    slb: Endpoint | None = None
    ess: Endpoint | None = None
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
class Settings:
    """The settings that all functions have."""

    endpoints: Endpoints
    dry_run: bool


@dataclass(frozen=True)
class JournalSettings(Settings):
    """The settings of a function with a journal."""

    journal: OssLocation | DirectoryLocation


@dataclass(frozen=True)
class TagFilter:
    """Resources with the tag ``key``, of any value where ``value`` is ``None``."""

    key: str
    value: str | None = None

    @property
    def parameter(self) -> dict[str, str]:
        """An element of the parameter ``Tag`` of DescribeInstances; without a value any value matches."""
        return {"Key": self.key} if self.value is None else {"Key": self.key, "Value": self.value}

    def matches(self, tags: Mapping[str, str]) -> bool:
        """Whether a resource with ``tags`` has this tag."""
        return self.key in tags and self.value in (None, tags[self.key])

    def __str__(self) -> str:
        return self.key if self.value is None else f"{self.key}={self.value}"
