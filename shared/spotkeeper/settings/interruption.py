"""The settings of the function ``interruption``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from spotkeeper.settings.types import JournalSettings, TagFilter
from spotkeeper.settings.variables import Variables, refusal

_INSTANCE_TYPE = re.compile(r"ecs(?:\.[a-z0-9-]+){2,}")
_VSWITCH_ID = re.compile(r"vsw-[a-z0-9]{1,40}")
_MAX_DRAIN_SECONDS = 240.0  # a notice has 300; the drain uses at most a fifth of the remaining notice


class StopSource(Enum):
    """The moment of the stop of an interrupted instance."""

    BEFORE_IMAGE = "before-image"
    BEFORE_RELAUNCH = "before-relaunch"
    NEVER = "never"


class RetainDisks(Enum):
    """The time for which disks are retained."""

    UNTIL_IMAGE = "until-image"
    NEVER = "never"


class Relaunch(Enum):
    """The way in which a replacement is launched."""

    FROM_IMAGE = "from-image"
    AT_ONCE = "at-once"
    NONE = "none"


class UserData(Enum):
    """Whether the replacement gets the source's user data."""

    KEEP = "keep"
    DROP = "drop"


@dataclass(frozen=True)
class InterruptionSettings(JournalSettings):
    """The settings of ``interruption``. ``managed_tag`` is ``None`` where all instances are managed."""

    managed_tag: TagFilter | None
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
        variables = Variables(environ)  # a new variable goes into ``variables.KNOWN`` too: any other name is refused
        relaunch = variables.choice("SPOTKEEPER_RELAUNCH", Relaunch.FROM_IMAGE)
        stop_source = variables.choice("SPOTKEEPER_STOP_SOURCE", StopSource.NEVER)
        if relaunch is Relaunch.AT_ONCE and stop_source is StopSource.BEFORE_RELAUNCH:
            accepted = "before-image or never where SPOTKEEPER_RELAUNCH is at-once: the source runs during the launch"
            raise refusal("SPOTKEEPER_STOP_SOURCE", accepted, stop_source.value)
        return cls(
            **variables.shared("ecs", "slb", "oss"),
            managed_tag=variables.managed_tag(),
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
