"""The settings of the function ``lifecycle_hook``; its ``hooks.json`` says which checks run for which hook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from spotkeeper.events.kinds import HookResult
from spotkeeper.settings.types import Settings
from spotkeeper.settings.variables import Variables


@dataclass(frozen=True)
class LifecycleHookSettings(Settings):
    """``on_internal_error``: the result of a hook after a failure of this function; None: its DefaultResult."""

    on_internal_error: HookResult | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> LifecycleHookSettings:
        """The settings in ``environ``. Raises ``BadSetting``."""
        variables = Variables(environ)
        result = variables.optional_choice("SPOTKEEPER_HOOK_ON_INTERNAL_ERROR", HookResult)
        return cls(endpoints=variables.endpoints("ecs", "ess"), dry_run=variables.dry_run(), on_internal_error=result)
