"""Policies as documents: what they list, and the same policies with less in them."""

from __future__ import annotations

from typing import Any

import ram

VALUES = {
    "region": "cn-hangzhou",
    "layer": "spotkeeper",
    "journal_bucket": "journal-of-ours",
    "journal_prefix": "spotkeeper/",
    "log_project": "logs-of-ours",
    "logstore": "spotkeeper",
    "alarm_topic": "spotkeeper-alarm",
    **{f"{name}_{what}": f"our-{name}" for name in ram.FUNCTIONS for what in ("function", "role")},
}


def actions(document: dict[str, Any]) -> list[str]:
    """Every action that a policy allows, in its order."""
    return [item for statement in document["Statement"] for item in listed(statement["Action"])]


def listed(value: str | list[str]) -> list[str]:
    """One or several."""
    return [value] if isinstance(value, str) else value


def without(document: dict[str, Any], action: str) -> dict[str, Any]:
    """A policy that no longer allows an action."""
    kept = [
        {**item, "Action": [name for name in listed(item["Action"]) if name != action]}
        for item in document["Statement"]
    ]
    return {**document, "Statement": [item for item in kept if item["Action"]]}
