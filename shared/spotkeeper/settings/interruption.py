"""What the function ``interruption`` reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from spotkeeper.settings.variables import Variables, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spotkeeper.settings.types import DirectoryLocation, Endpoints, OssLocation, TagFilter

_INSTANCE_TYPE = re.compile(r"ecs(?:\.[a-z0-9-]+){2,}")
_VSWITCH_ID = re.compile(r"vsw-[a-z0-9]{1,40}")
_MAX_DRAIN_SECONDS = 240.0  # of a notice of 300; what is used of it is a fifth of what is left of the notice


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
            raise refusal("SPOTKEEPER_STOP_SOURCE", accepted, stop_source.value)
        return cls(
            journal=variables.journal("SPOTKEEPER_JOURNAL"),
            endpoints=variables.endpoints("ecs", "slb", "oss"),
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
