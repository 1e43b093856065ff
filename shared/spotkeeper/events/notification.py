"""An event without its envelopes. Its kind is known; its fields are checked when they are read.

The kind is read first, then the account, then ids and region, so that an event of another kind or account is skipped
whatever its other fields are. So the checks are in properties, which raise ``MalformedEvent``.
``null`` is a wrong type, except for ``id`` and the times, which only help: there it counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from spotkeeper.errors import MalformedEvent
from spotkeeper.events.text import parse, shown
from spotkeeper.events.times import epoch_seconds

_INSTANCE_ID = re.compile(r"i-[a-z0-9]{1,40}")
_REGION = re.compile(r"(?=.{1,40}\Z)[a-z]{2,3}(-[a-z0-9]+)+")  # it becomes a label of a host name: 63 at most
_ARN = re.compile(r"acs:[a-z]+:(?P<region>[^:]*):(?P<account>[^:]*):(?P<resource>.+)")
_DIGITS = re.compile(r"[0-9]+")
_SUBJECT = re.compile(r"acs[.:][a-z]+:(?P<region>[^:]+):.*")  # EventBridge writes "acs.ecs:cn-hangzhou:..."
_PLACEHOLDER = re.compile(r"<[^<>]*>")  # CloudMonitor's debug form offers ".../<resource-id>" to be filled in


class Kind(Enum):
    """The kind of an event, in any envelope."""

    INTERRUPTION = "spot interruption"
    STATE_CHANGE = "instance state change"
    LIFECYCLE_HOOK = "lifecycle hook"
    LIFECYCLE_HOOK_TEST = "lifecycle hook test"
    CHECK = "check on demand"
    TIMER = "timer"
    OTHER = "other"


@dataclass(frozen=True)
class Notification:
    """An event. ``name`` is the platform's, or the kind where the event has no name.

    ``body`` is the object with ``regionId``, ``userId``, ``eventTime`` …; ``envelope`` the CloudEvents attributes
    around it; either is empty where the event came without. ``payload`` is the content as it came.
    """

    kind: Kind
    name: str
    body: Mapping[str, Any]
    envelope: Mapping[str, Any]
    payload: Any

    @property
    def content(self) -> Mapping[str, Any]:
        """The content: an object, or JSON text of an object."""
        content = parse(self.payload) if isinstance(self.payload, str) else self.payload
        if not isinstance(content, dict):
            raise MalformedEvent(f"the content of {shown(self.name)} must be an object, not {shown(content)}")
        return content

    @property
    def id(self) -> str:
        """The event's id, which all of its deliveries share, or a hash of its content. Any characters."""
        for value in (self.envelope.get("id"), self.body.get("id")):
            if value is not None and value != "":
                return require_text(value, "id")
        identity = [self.kind.value, self.content, self.time]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    @property
    def account_id(self) -> str | None:
        """The account of the event; None where it names none."""
        named = [*_present(self.body, "userId"), *_present(self.envelope, "aliyunaccountid")]
        accounts = {require_text(account, "the account") for account in named}
        if len(accounts) > 1:
            raise MalformedEvent("the event and its envelope name different accounts")
        if accounts:
            return accounts.pop()
        # Only digits are an account: the debug form has the account followed by ``UID`` there.
        return self.arn["account"] if self.arn is not None and _DIGITS.fullmatch(self.arn["account"]) else None

    @property
    def time(self) -> float | None:
        """The time of the event, in seconds since 1970-01-01 UTC; ``None`` where it is missing or unreadable."""
        named = (self.body.get("eventTime"), self.body.get("time"), self.envelope.get("time"))
        moments = (epoch_seconds(require_text(value, "the event's time")) for value in named if value not in (None, ""))
        return next((moment for moment in moments if moment is not None), None)

    @property
    def instance_id(self) -> str:
        """The ECS instance: ``content.instanceId``, ``content.resourceId`` or the last part of the event's ARN."""
        content, arn = self.content, self.arn
        named = [*_present(content, "instanceId"), *_present(content, "resourceId")]
        if arn is not None and not _PLACEHOLDER.fullmatch(last := arn["resource"].rsplit("/", 1)[-1]):
            named.append(last)
        instance_ids = {require_instance_id(value) for value in named}
        if len(instance_ids) != 1:
            raise MalformedEvent(f"the event must name one instance, but names {len(instance_ids)}")
        return instance_ids.pop()

    @property
    def arn(self) -> re.Match[str] | None:
        """The name of the resource that the event concerns (``resourceId``; of Auto Scaling ``resourceArn``).

        Its groups are ``region`` and ``account``, which may be empty, and ``resource``.
        """
        named = [*_present(self.body, "resourceId"), *_present(self.body, "resourceArn")]
        match = _ARN.fullmatch(named[0]) if named and isinstance(named[0], str) else None
        if named and match is None:
            raise MalformedEvent(f"not a resource name (acs:product:region:account:resource): {shown(named[0])}")
        return match

    def region(self, default: str) -> str:
        """The event's region, else its resource name's, else ``default`` (the function's own).

        The region in the event counts before the envelope's: an event bus that collects events names its own region.
        """
        named = [*_present(self.body, "regionId"), *_present(self.envelope, "aliyunregionid")]
        if not named and self.arn is not None:
            named = [self.arn["region"] or default]
        elif not named:
            match = _SUBJECT.fullmatch(str(self.envelope.get("subject")))
            named = [match["region"] if match else default]
        for value in named:
            if not isinstance(value, str) or not _REGION.fullmatch(value):
                raise MalformedEvent(f"not a region (such as cn-hangzhou): {shown(value)}")
        return str(named[0])


def require_text(value: object, what: str) -> str:
    """``value`` if it is a text that is not empty. Raises ``MalformedEvent``."""
    if not isinstance(value, str) or not value:
        raise MalformedEvent(f"{what} must be a non-empty string, not {shown(value)}")
    return value


def require_instance_id(value: object) -> str:
    """``value`` if it is a well-formed id of an ECS instance. Raises ``MalformedEvent``."""
    if not isinstance(value, str) or not _INSTANCE_ID.fullmatch(value):
        raise MalformedEvent(f"not an instance id ({_INSTANCE_ID.pattern}): {shown(value)}")
    return value


def _present(fields: Mapping[str, Any], key: str) -> list[Any]:
    """The value under ``key`` as a list; empty without the key."""
    return [fields[key]] if key in fields else []
