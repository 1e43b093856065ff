"""What the function ``lifecycle_hook`` reads; which checks run for which hook stands in its ``hooks.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from spotkeeper.events import HookResult
from spotkeeper.settings.variables import Variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spotkeeper.settings.types import Endpoints


@dataclass(frozen=True)
class LifecycleHookSettings:
    """``on_internal_error``: how a hook ends that our own failure leaves no time for; None: as its DefaultResult."""

    endpoints: Endpoints
    dry_run: bool
    on_internal_error: HookResult | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> LifecycleHookSettings:
        """The settings in ``environ``. Raises ``BadSetting``."""
        variables = Variables(environ)
        return cls(
            endpoints=variables.endpoints("ecs", "ess"),
            dry_run=variables.flag("SPOTKEEPER_DRY_RUN", default=False),
            on_internal_error=variables.optional_choice("SPOTKEEPER_HOOK_ON_INTERNAL_ERROR", HookResult),
        )
