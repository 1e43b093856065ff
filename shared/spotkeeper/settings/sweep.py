"""What the function ``sweep`` reads: a class for each of its jobs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spotkeeper.settings.state_change import RestartRules
from spotkeeper.settings.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spotkeeper.settings.types import DirectoryLocation, Endpoints, OssLocation, TagFilter

_HOOK_ARN = re.compile(r"acs:(?:mns|eventbridge|ess):[a-z0-9-]+:[0-9]+:[A-Za-z0-9_./-]+")
_HOOK_SAMPLE = "acs:eventbridge:cn-hangzhou:1690701234567830:eventbus/default"


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
            endpoints=variables.endpoints("ecs", "ess", "oss", "fc"),
            managed_tag=variables.tag("SPOTKEEPER_MANAGED_TAG", "spotkeeper:managed=true"),
            dry_run=variables.flag("SPOTKEEPER_DRY_RUN", default=False),
            interruption_function=variables.name("SPOTKEEPER_INTERRUPTION_FUNCTION", "spotkeeper-interruption"),
            limit=variables.count("SPOTKEEPER_SWEEP_LIMIT", 50, 1_000),
            delete=variables.flag("SPOTKEEPER_SWEEP_DELETE", default=False),
            image_ttl_days=variables.number("SPOTKEEPER_IMAGE_TTL_DAYS", 7, 3_650),
            image_quota=variables.count("SPOTKEEPER_IMAGE_QUOTA", 100, 1_000_000),
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


@dataclass(frozen=True)
class HookSweepSettings:
    """What ``sweep`` reads besides, to find lifecycle actions whose notification got lost.

    ``hook_arns``: the NotificationArn of hooks that notify ``lifecycle_hook``; without any, no hook is looked at.
    """

    hook_arns: tuple[str, ...]
    lifecycle_hook_function: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> HookSweepSettings:
        """The settings in ``environ``. Raises ``BadSetting``."""
        variables = Variables(environ)
        return cls(
            hook_arns=variables.items(
                "SPOTKEEPER_HOOK_ARNS", _HOOK_ARN, f"notification targets such as {_HOOK_SAMPLE}"
            ),
            lifecycle_hook_function=variables.name("SPOTKEEPER_LIFECYCLE_HOOK_FUNCTION", "spotkeeper-lifecycle-hook"),
        )
