"""Function Compute's own calls with the function's role: the log and the failure destination."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulator.cloud import Cloud
from simulator.function_compute import placeholders
from simulator.ram import RequiredPermission

LOG = "project/{log_project}/logstore/{logstore}"
FAILURE = "/topics/{alarm_topic}/messages"


@dataclass(frozen=True)
class Played:
    """The result of a call: answer or error, whether it left a log, whether its failure reached the destination."""

    answer: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    logged: bool = False
    notified: bool = False


def play(cloud: Cloud, function: str, call: Callable[[], dict[str, Any]]) -> Played:
    """The last of an asynchronous invocation's calls: an error that it raises goes to the failure destination."""
    answer: dict[str, Any] = {}
    error: Exception | None = None
    try:
        answer = call()
    except Exception as raised:  # noqa: BLE001 - to the platform every exception is the function's failure
        error = raised
    logged = _may(cloud, function, "log:PostLogStoreLogs", "log", LOG)
    notified = error is not None and _may(cloud, function, "mns:PublishMessage", "mns", FAILURE)
    return Played(answer, error, logged, notified)


def _may(cloud: Cloud, function: str, action: str, product: str, path: str) -> bool:
    resource = path.format(**placeholders(cloud, {}))
    arn = f"acs:{product}:{cloud.region}:{cloud.account_id}:{resource}"
    return cloud.access_keys[f"STS.{function}"].missing([RequiredPermission(action, arn)]) is None
