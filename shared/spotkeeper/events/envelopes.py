"""From the raw event of Function Compute to notifications.

Three kinds of envelopes, in any combination: text (JSON, Base64 of JSON), carriers without fields of the event (the
message of a topic or a queue), and CloudEvents, whose attributes are part of the event.
Sources: the Function Compute pages "Event formats of triggers" and "MNS topic triggers", the EventBridge pages "ECS
events" and "Auto Scaling events", the ECS page "Instance event notifications".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spotkeeper.errors import MalformedEvent
from spotkeeper.events.notification import Kind, Notification, require_text
from spotkeeper.events.text import decode, parse, shown

_MAX_WRAPPINGS = 12  # the deepest documented event has 5: Base64 text in a queue's message in EventBridge in text

_KINDS = {
    "Instance:PreemptibleInstanceInterruption": Kind.INTERRUPTION,
    "ecs:Instance:PreemptibleInstanceInterruption": Kind.INTERRUPTION,
    "Instance:StateChange": Kind.STATE_CHANGE,
    "ecs:Instance:StateChange": Kind.STATE_CHANGE,
    "ess:LifecycleHook:ScaleOut": Kind.LIFECYCLE_HOOK,
    "ess:LifecycleHook:ScaleIn": Kind.LIFECYCLE_HOOK,
    "ess:LifecycleHook:Test": Kind.LIFECYCLE_HOOK_TEST,
}
_PRODUCTS = {kind: "ess" if name.startswith("ess:") else "ecs" for name, kind in _KINDS.items()}


class Batch(list["Notification | MalformedEvent"]):
    """The elements of an array; any other event unwraps to a plain list."""


def unwrap(raw: bytes | str) -> list[Notification | MalformedEvent]:
    """The events in ``raw``, in order; a malformed element of an array is its error.

    Raises ``MalformedEvent`` for a malformed event that is no element of an array.
    """
    inside = _take_out(decode(raw))
    if isinstance(inside, list):
        return Batch(_element(element) for element in inside)
    return [_notification(inside)]


def _element(value: Any) -> Notification | MalformedEvent:
    try:
        return _notification(_take_out(value))
    except MalformedEvent as error:
        return error


def _take_out(value: Any) -> Any:
    """The value inside all texts and carriers."""
    for _ in range(_MAX_WRAPPINGS):
        if isinstance(value, str):
            value = parse(value)
        elif isinstance(value, dict) and (cargo := _cargo(value)):
            value = cargo[0]
        else:
            return value
    raise MalformedEvent(f"more than {_MAX_WRAPPINGS} envelopes inside each other")


def _cargo(carrier: Mapping[str, Any]) -> list[Any]:
    """The content of a carrier, as a list; empty for an event."""
    if "messageBody" in carrier:  # a queue's message: EventBridge's data, or all of it as RawData
        return [carrier["messageBody"]]
    if "Message" in carrier:  # a topic's message in JSON format
        return [carrier["Message"]]
    if "body" in carrier and "attrs" in carrier:  # a topic's message in STREAM format, published with attributes
        return [carrier["body"]]
    if _is_cloud_event(carrier):
        data = _object(carrier["data"])
        return [data] if _cargo(data) or _is_cloud_event(data) else []
    return []


def _is_cloud_event(value: Mapping[str, Any]) -> bool:
    return "type" in value and "data" in value


def _notification(value: Any) -> Notification:
    if not isinstance(value, dict):
        raise MalformedEvent(f"an event is a JSON object, not {shown(value)}")
    return _from_cloud_event(value) if _is_cloud_event(value) else _from_body(value, {})


def _from_cloud_event(event: Mapping[str, Any]) -> Notification:
    """EventBridge's data is the content, or the form of CloudMonitor and Auto Scaling with the content in it."""
    name = require_text(event["type"], "type")
    data = _object(event["data"])
    body: Mapping[str, Any] = data if "content" in data else {}
    content = body.get("content", event["data"])
    kind = _kind(name, _product(event, "source", "acs."), content)
    if kind is None or kind is Kind.OTHER:
        return _carried(data, event) or Notification(Kind.OTHER, name, body, event, content)
    inner = body.get("name")
    if isinstance(inner, str) and _KINDS.get(inner, kind) is not kind:
        raise MalformedEvent(f"the event is {shown(inner)}, but its envelope says {shown(name)}")
    return Notification(kind, name, body, event, content)


def _carried(data: Mapping[str, Any], event: Mapping[str, Any]) -> Notification | None:
    """The event in the data of a CloudEvent of an unknown type, for example of a forwarder."""
    try:
        inner = _from_body(data, event)
    except MalformedEvent:
        return None  # the unknown type alone decides: another kind
    return None if inner.kind is Kind.OTHER else inner


def _from_body(body: Mapping[str, Any], envelope: Mapping[str, Any]) -> Notification:
    """The form of CloudMonitor and Auto Scaling, or a bare content."""
    name = require_text(body["name"], "name") if "name" in body else None
    content = body.get("content", body if name is None else {})
    kind = _kind(name, _product(body, "product"), content)
    if kind is None:
        raise MalformedEvent("the event has no kind: no name, no type, and no content that shows it")
    return Notification(kind, name or kind.value, body, envelope, content)


def _kind(name: str | None, product: str | None, content: Any) -> Kind | None:
    """The kind by name, if the kind's product sent it; else by fields that only its content has."""
    fields = _object(content)
    if name in _KINDS:
        kind = _KINDS[name]
        return kind if product in (None, _PRODUCTS[kind]) else Kind.OTHER
    if product in (None, "ess") and "lifecycleHookId" in fields and "lifecycleActionToken" in fields:
        return Kind.LIFECYCLE_HOOK
    if name is not None:
        return Kind.OTHER
    if "check" in fields:
        return Kind.CHECK
    return Kind.TIMER if "triggerTime" in fields and "triggerName" in fields else None


def _product(fields: Mapping[str, Any], key: str, prefix: str = "") -> str | None:
    """The product that sent the event (``ECS``, ``acs.ecs``), as ``ecs``; ``None`` where the event names none."""
    return require_text(fields[key], key).lower().removeprefix(prefix) if key in fields else None


def _object(value: Any) -> Mapping[str, Any]:
    """An object, or the object in a text; empty for any other value, which the kind's reader refuses."""
    if isinstance(value, str):
        try:
            value = parse(value)
        except MalformedEvent:
            return {}
    return value if isinstance(value, dict) else {}
