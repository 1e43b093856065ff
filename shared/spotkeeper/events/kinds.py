"""What each kind of event says, checked.

Every ``of`` takes a notification of its kind and the region to assume where the event names none (the function's own),
and raises ``MalformedEvent``. Times are seconds since 1970-01-01 UTC, ``None`` where the event does not say.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from spotkeeper.errors import MalformedEvent
from spotkeeper.events.notification import Notification, require_instance_id, require_text
from spotkeeper.events.text import parse, shown
from spotkeeper.events.times import epoch_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

_Choice = TypeVar("_Choice", bound=Enum)


class Transition(Enum):
    """Which way the instances go (``LifecycleTransition``)."""

    SCALE_OUT = "SCALE_OUT"
    SCALE_IN = "SCALE_IN"


class HookResult(Enum):
    """How a pending lifecycle action can end (``LifecycleActionResult``)."""

    CONTINUE = "CONTINUE"
    ABANDON = "ABANDON"
    ROLLBACK = "ROLLBACK"


@dataclass(frozen=True)
class Interruption:
    """``Instance:PreemptibleInstanceInterruption``: the instance is reclaimed about five minutes after ``time``."""

    id: str
    name: str
    instance_id: str
    region: str
    account_id: str | None
    time: float | None
    action: str | None

    @classmethod
    def of(cls, notification: Notification, default_region: str) -> Interruption:
        """The interruption that a notification reports; ``action`` is ``delete`` in all documented samples."""
        return cls(
            id=notification.id,
            name=notification.name,
            instance_id=notification.instance_id,
            region=notification.region(default_region),
            account_id=notification.account_id,
            time=notification.time,
            action=_optional(notification.content, "action"),
        )


@dataclass(frozen=True)
class StateChange:
    """``Instance:StateChange``: the instance is now in ``state`` (``Stopped``, ``Running``, ``Deleted`` …)."""

    id: str
    name: str
    instance_id: str
    region: str
    account_id: str | None
    time: float | None
    state: str

    @classmethod
    def of(cls, notification: Notification, default_region: str) -> StateChange:
        """The change that a notification reports; the state in the platform's spelling."""
        return cls(
            id=notification.id,
            name=notification.name,
            instance_id=notification.instance_id,
            region=notification.region(default_region),
            account_id=notification.account_id,
            time=notification.time,
            state=require_text(notification.content.get("state"), "state"),
        )


@dataclass(frozen=True)
class LifecycleHook:
    """A scaling activity waits for ``CompleteLifecycleAction(hook_id, token)``, for all ``instance_ids`` at once."""

    id: str
    name: str
    region: str
    account_id: str | None
    time: float | None
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
        """The pending action that a notification reports; fields that nothing depends on may be missing."""
        content = notification.content
        return cls(
            id=notification.id,
            name=notification.name,
            region=notification.region(default_region),
            account_id=notification.account_id,
            time=notification.time,
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
class CheckOnDemand:
    """Somebody asks for the check named ``check`` on ``instance_ids``; nothing waits for it."""

    id: str
    region: str
    account_id: str | None
    check: str
    instance_ids: tuple[str, ...]

    @classmethod
    def of(cls, notification: Notification, default_region: str) -> CheckOnDemand:
        """The request in a notification; whether a check of that name exists is for the function to say."""
        return cls(
            id=notification.id,
            region=notification.region(default_region),
            account_id=notification.account_id,
            check=require_text(notification.content.get("check"), "check"),
            instance_ids=_instance_ids(notification.content),
        )


@dataclass(frozen=True)
class Timer:
    """A timer trigger went off; ``payload`` is what the trigger's configuration says."""

    region: str
    trigger_time: float | None
    trigger_name: str
    payload: str

    @classmethod
    def of(cls, notification: Notification, default_region: str) -> Timer:
        """The firing that a notification reports."""
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
    """``lifecycleTransition``, or what the event's name says where the content does not."""
    said = _choice(Transition, content, "lifecycleTransition")
    named = {"ess:LifecycleHook:ScaleOut": Transition.SCALE_OUT, "ess:LifecycleHook:ScaleIn": Transition.SCALE_IN}
    transition = said or named.get(name)
    if transition is None or named.get(name, transition) is not transition:
        raise MalformedEvent("the event does not say, or contradicts itself on, whether it is SCALE_OUT or SCALE_IN")
    return transition


def _choice(choices: type[_Choice], content: Mapping[str, Any], key: str) -> _Choice | None:
    """One of an enumeration's values; ``None`` where the content has none."""
    value = _optional(content, key)
    try:
        return None if value is None else choices(value)
    except ValueError as error:
        accepted = ", ".join(str(choice.value) for choice in choices)
        raise MalformedEvent(f"{key} must be one of {accepted}, not {shown(value)}") from error
