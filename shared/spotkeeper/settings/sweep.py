"""The settings of the function ``sweep``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from spotkeeper.settings.state_change import RestartRules
from spotkeeper.settings.types import JournalSettings, TagFilter
from spotkeeper.settings.variables import Variables

_HOOK_ARN = re.compile(
    r"acs:(?:eventbridge:[a-z0-9-]+:[0-9]+:eventbus|(?:mns|ess):[a-z0-9-]+:[0-9]+:(?:topic|queue))/[A-Za-z0-9_.-]+"
)
"""The targets through which a hook reaches a function (CreateLifecycleHook); ``acs:ess`` is an older spelling."""
_HOOK_SAMPLE = "acs:eventbridge:cn-hangzhou:1690701234567830:eventbus/default"


@dataclass(frozen=True)
class SweepSettings(JournalSettings):
    """The settings of ``sweep``.

    ``image_quota``: custom images that the account may have in a region. ``restart``: as ``state_change`` reads it.
    ``hook_arns``: the NotificationArn of hooks that notify ``lifecycle_hook``; without any, no hook is looked at.
    """

    managed_tag: TagFilter | None
    interruption_function: str
    state_change_function: str
    lifecycle_hook_function: str
    limit: int
    delete: bool
    image_ttl_days: float
    image_quota: int
    restart: RestartRules
    hook_arns: tuple[str, ...]

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> SweepSettings:
        """The settings in ``environ``. Raises ``BadSetting``."""
        variables = Variables(environ)
        targets = f"notification targets (eventbus/..., topic/... or queue/...) such as {_HOOK_SAMPLE}"
        return cls(
            **variables.shared("ecs", "ess", "oss", "fc"),
            managed_tag=variables.managed_tag(),
            interruption_function=variables.name("SPOTKEEPER_INTERRUPTION_FUNCTION", "spotkeeper-interruption"),
            state_change_function=variables.name("SPOTKEEPER_STATE_CHANGE_FUNCTION", "spotkeeper-state-change"),
            lifecycle_hook_function=variables.name("SPOTKEEPER_LIFECYCLE_HOOK_FUNCTION", "spotkeeper-lifecycle-hook"),
            limit=variables.count("SPOTKEEPER_SWEEP_LIMIT", 50, 1_000),
            delete=variables.flag("SPOTKEEPER_SWEEP_DELETE", default=False),
            image_ttl_days=variables.number("SPOTKEEPER_IMAGE_TTL_DAYS", 7, 3_650),
            image_quota=variables.count("SPOTKEEPER_IMAGE_QUOTA", 100, 1_000_000),
            restart=RestartRules.of(variables),
            hook_arns=variables.items("SPOTKEEPER_HOOK_ARNS", _HOOK_ARN, targets),
        )
