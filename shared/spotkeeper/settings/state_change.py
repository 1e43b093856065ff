"""The settings of the function ``state_change``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spotkeeper.settings.types import JournalSettings, TagFilter
from spotkeeper.settings.variables import Variables


@dataclass(frozen=True)
class RestartRules:
    """Stopped instances with ``tag`` (None: none) are started again, ``limit`` times in ``window`` s."""

    tag: TagFilter | None
    limit: int
    window: float

    @classmethod
    def of(cls, variables: Variables) -> RestartRules:
        """The rules in an environment. Raises ``BadSetting``."""
        return cls(
            tag=variables.tag("SPOTKEEPER_RESTART_TAG", "spotkeeper:auto-restart=true"),
            limit=variables.count("SPOTKEEPER_RESTART_LIMIT", 3, 100),
            window=variables.number("SPOTKEEPER_RESTART_WINDOW_SECONDS", 3_600, 2_592_000, least=60),
        )


@dataclass(frozen=True)
class StateChangeSettings(JournalSettings):
    """The settings of ``state_change``."""

    restart: RestartRules

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> StateChangeSettings:
        """The settings in ``environ``. Raises ``BadSetting``."""
        variables = Variables(environ)
        return cls(**variables.shared("ecs", "slb", "oss"), restart=RestartRules.of(variables))
