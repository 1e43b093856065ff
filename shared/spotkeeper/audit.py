"""The audit: one JSON object on one log line for each event, decision and action.

Function Compute ships the function's log to Simple Log Service, where operators query it. Schema version 1:
every record has all keys of ``RECORD`` (null where they do not apply); ``docs/audit.schema.json`` is the published
form. No record holds user data, credentials or an event as it came.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spotkeeper.clock import Clock
from spotkeeper.instances import Described, iso, tags_of

VERSION = 1

RECORD = (
    "kind",
    "version",
    "time",
    "function",
    "request_id",
    "account_id",
    "region",
    "event_id",
    "event_kind",
    "state",
    "instance_id",
    "instance_name",
    "episode",
    "action",
    "outcome",
    "reason",
    "api_request_ids",
    "before",
    "after",
    "seconds_left",
    "instance",
    "margin_seconds",
    "lifecycle_hook",
    "check",
)
"""The keys of a record, in their order."""


log = logging.getLogger("spotkeeper.audit")
log.setLevel(logging.INFO)  # whatever the level of the root logger


@dataclass(frozen=True)
class Audit:
    """Writes records; ``about`` has their common fields (request, account, region, event, instance …)."""

    clock: Clock
    about: Mapping[str, Any] = field(default_factory=dict)

    def of(self, **about: Any) -> Audit:
        """The same audit with further common fields."""
        return Audit(self.clock, {**self.about, **about})

    def record(self, action: str, outcome: str, reason: str, **fields: Any) -> None:
        """Write one record.

        ``action`` is a step or a decision, ``outcome`` is ``seen``, ``done``, ``skipped`` or ``failed``, ``reason`` a
        sentence. Raises ``KeyError`` for an unknown field.
        """
        known = {
            "kind": "audit",
            "version": VERSION,
            "time": iso(self.clock.now()),
            **self.about,
            "action": action,
            "outcome": outcome,
            "reason": reason,
            **fields,
        }
        if unknown := known.keys() - set(RECORD):
            raise KeyError(f"no audit field {sorted(unknown)}")
        log.info("%s", json.dumps({name: known.get(name) for name in RECORD}))


def instance_facts(described: Described) -> dict[str, Any]:
    """The fields of an instance that are of use after its release."""
    vpc = described.get("VpcAttributes") or {}
    return {
        "instance_type": described.get("InstanceType"),
        "zone_id": described.get("ZoneId"),
        "vswitch_id": vpc.get("VSwitchId"),
        "image_id": described.get("ImageId"),
        "private_ips": list((vpc.get("PrivateIpAddress") or {}).get("IpAddress") or []),
        "public_ips": list((described.get("PublicIpAddress") or {}).get("IpAddress") or []),
        "charge_type": described.get("InstanceChargeType"),
        "spot_strategy": described.get("SpotStrategy"),
        "tags": tags_of(described),
    }
