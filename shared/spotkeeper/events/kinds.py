"""The fields of each kind of event, checked.

Every ``of`` takes a notification of its kind and the region to assume where the event names none (the function's own),
and raises ``MalformedEvent``. Times are seconds since 1970-01-01 UTC, ``None`` where the event does not say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from spotkeeper.errors import MalformedEvent
from spotkeeper.events.notification import Notification, require_instance_id, require_text
from spotkeeper.events.text import parse, shown
from spotkeeper.events.times import epoch_seconds

_Choice = TypeVar("_Choice", bound=Enum)


class Transition(Enum):
    """The direction of the scaling activity (``LifecycleTransition``)."""

    SCALE_OUT = "SCALE_OUT"
    SCALE_IN = "SCALE_IN"


class HookResult(Enum):
    """The result of a lifecycle action (``LifecycleActionResult``)."""

    CONTINUE = "CONTINUE"
    ABANDON = "ABANDON"
    ROLLBACK = "ROLLBACK"


@dataclass(frozen=True)
class Event:
    """The fields that events of several kinds share."""

    id: str
    name: str
    region: str
    account_id: str | None
    time: float | None


def _shared(notification: Notification, default_region: str) -> dict[str, Any]:
    """The fields of ``Event``."""
    return {
        "id": notification.id,
        "name": notification.name,
        "region": notification.region(default_region),
        "account_id": notification.account_id,
        "time": notification.time,
    }


@dataclass(frozen=True)
class Interruption(Event):
    """``Instance:PreemptibleInstanceInterruption``: the instance is reclaimed about five minutes after ``time``."""

    instance_id: str
    action: str | None

    @classmethod
    def of(cls, notification: Notification, default_region: str) -> Interruption:
        """The interruption in a notification; ``action`` is ``delete`` in all documented samples."""
        instance_id, shared = notification.instance_id, _shared(notification, default_region)
        return cls(**shared, instance_id=instance_id, action=_optional(notification.content, "action"))


@dataclass(frozen=True)
class StateChange(Event):
    """``Instance:StateChange``: the instance is now in ``state`` (``Stopped``, ``Running``, ``Deleted`` …)."""

    instance_id: str
    state: str

    @classmethod
    def of(cls, notification: Notification, default_region: str) -> StateChange:
        """The state change in a notification; the state is in the platform's spelling."""
        instance_id, shared = notification.instance_id, _shared(notification, default_region)
        return cls(**shared, instance_id=instance_id, state=require_text(notification.content.get("state"), "state"))


@dataclass(frozen=True)
class LifecycleHook(Event):
    """A scaling activity waits for ``CompleteLifecycleAction(hook_id, token)``, for all ``instance_ids`` at once."""

    hook_id: str
    hook_name: str | None
    token: str
    scaling_group_id: str | None
    scaling_activity_id: str | None
    transition: Transition
    default_result: HookResult | None
    instance_ids: tuple[str, ...]
    notification_metadata: str | None

    @classmethod
    def of(cls, notification: Notification, default_region: str) -> LifecycleHook:
        """The pending lifecycle action in a notification; fields that nothing depends on may be missing."""
        content = notification.content
        return cls(
            **_shared(notification, default_region),
            hook_id=require_text(content.get("lifecycleHookId"), "lifecycleHookId"),
            hook_name=_optional(content, "lifecycleHookName"),
            token=require_text(content.get("lifecycleActionToken"), "lifecycleActionToken"),
            scaling_group_id=_optional(content, "scalingGroupId"),
            scaling_activity_id=_optional(content, "scalingActivityId"),
            transition=_transition(notification.name, content),
            default_result=_choice(HookResult, content, "defaultResult"),
            instance_ids=_instance_ids(content),
            notification_metadata=_optional(content, "notificationMetadata"),
        )


@dataclass(frozen=True)
class CheckOnDemand(Event):
    """A request for the check named ``check`` on ``instance_ids``; no lifecycle action waits for it."""

    check: str
    instance_ids: tuple[str, ...]

    @classmethod
    def of(cls, notification: Notification, default_region: str) -> CheckOnDemand:
        """The request in a notification; the function finds out whether a check of that name exists."""
        check = require_text(notification.content.get("check"), "check")
        instance_ids = _instance_ids(notification.content)
        return cls(**_shared(notification, default_region), check=check, instance_ids=instance_ids)


@dataclass(frozen=True)
class Timer:
    """A timer trigger fired; ``payload`` comes from the trigger's configuration."""

    region: str
    trigger_time: float | None
    trigger_name: str
    payload: str

    @classmethod
    def of(cls, notification: Notification, default_region: str) -> Timer:
        """The timer event in a notification."""
        content = notification.content
        return cls(
            region=notification.region(default_region),
            trigger_time=epoch_seconds(require_text(content.get("triggerTime"), "triggerTime")),
            trigger_name=require_text(content.get("triggerName"), "triggerName"),
            payload=_optional(content, "payload") or "",
        )


def _optional(content: Mapping[str, Any], key: str) -> str | None:
    """A string that may be missing, ``null`` or empty."""
    value = content.get(key)
    return None if value is None or value == "" else require_text(value, key)


def _instance_ids(content: Mapping[str, Any]) -> tuple[str, ...]:
    """``instanceIds``: at least one, as a list or as JSON text of a list; each once, in their order."""
    value = content.get("instanceIds")
    ids = parse(value) if isinstance(value, str) else value
    if not isinstance(ids, list) or not ids:
        raise MalformedEvent(f"instanceIds must be a list with at least one instance id, not {shown(value)}")
    return tuple(dict.fromkeys(require_instance_id(value) for value in ids))


def _transition(name: str, content: Mapping[str, Any]) -> Transition:
    """``lifecycleTransition``, or the transition in the event's name where the content has none."""
    given = _choice(Transition, content, "lifecycleTransition")
    named = {"ess:LifecycleHook:ScaleOut": Transition.SCALE_OUT, "ess:LifecycleHook:ScaleIn": Transition.SCALE_IN}
    transition = given or named.get(name)
    if transition is None or named.get(name, transition) is not transition:
        raise MalformedEvent("the event does not say, or contradicts itself on, whether it is SCALE_OUT or SCALE_IN")
    return transition


def _choice(choices: type[_Choice], content: Mapping[str, Any], key: str) -> _Choice | None:
    """A value of an enumeration; ``None`` where the content has none."""
    value = _optional(content, key)
    try:
        return None if value is None else choices(value)
    except ValueError as error:
        accepted = ", ".join(str(choice.value) for choice in choices)
        raise MalformedEvent(f"{key} must be one of {accepted}, not {shown(value)}") from error
