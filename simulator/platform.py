"""What Function Compute does around a call in the name of the function's role: its log, and word of its failure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.cloud import Cloud
from simulator.function_compute import placeholders
from simulator.ram import Demand

LOG = "project/{log_project}/logstore/{logstore}"
FAILURE = "/topics/{alarm_topic}/messages"


@dataclass(frozen=True)
class Played:
    """What a call came to: its answer or its error, whether it left a log, and whether its failure was told."""

    answer: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    logged: bool = False
    told: bool = False


def play(cloud: Cloud, function: str, call: Callable[[], dict[str, Any]]) -> Played:
    """The last of an asynchronous invocation's calls: what it raises goes to the failure destination."""
    answer: dict[str, Any] = {}
    error: Exception | None = None
    try:
        answer = call()
    except Exception as raised:  # noqa: BLE001 - to the platform every exception is the function's failure
        error = raised
    logged = _may(cloud, function, "log:PostLogStoreLogs", "log", LOG)
    told = error is not None and _may(cloud, function, "mns:PublishMessage", "mns", FAILURE)
    return Played(answer, error, logged, told)


def _may(cloud: Cloud, function: str, action: str, product: str, path: str) -> bool:
    resource = path.format(**placeholders(cloud, {}))
    arn = f"acs:{product}:{cloud.region}:{cloud.account_id}:{resource}"
    return cloud.access_keys[f"STS.{function}"].missing([Demand(action, arn)]) is None
