"""The run context of a call: API clients, clock, deadline, audit, ClientTokens."""

from __future__ import annotations

import functools
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from spotkeeper.audit import Audit
from spotkeeper.clients import Api
from spotkeeper.clock import Clock, Deadline, StepLimit
from spotkeeper.function import Invocation
from spotkeeper.journal import Journal, open_journal
from spotkeeper.load_balancers import LoadBalancers, load_balancers
from spotkeeper.settings.types import JournalSettings, Settings

SettingsT = TypeVar("SettingsT", bound=Settings)
ContextT = TypeVar("ContextT", bound="RunContext[Any]")


@dataclass(kw_only=True)
class RunContext(Generic[SettingsT]):
    """The APIs of the event's region, the clock, the deadline and the audit of one call.

    ``subject`` is part of every ClientToken: calls about another subject make other resources. ``nonce`` tells the
    records of this call from those of others: Function Compute's retry of a request keeps its request id.
    A refused API call is tried again until the ``step_limit``. ``timeline`` has an entry for each step taken.
    """

    settings: SettingsT
    subject: str
    ecs: Api
    ess: Api
    load_balancers: LoadBalancers
    clock: Clock
    deadline: Deadline
    step_limit: StepLimit
    audit: Audit
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)
    timeline: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def enter(  # noqa: PYI019 - Self is not in Python 3.10
        cls: type[ContextT],
        invocation: Invocation,
        region: str,
        settings: Any,
        *,
        deadline: Deadline | None = None,
        api: type[Api] = Api,
        **fields: Any,
    ) -> ContextT:
        """The context of a call about an event of ``region``; ``fields`` are the other fields of the class.

        Raises ``NoCredentials``.
        """
        deadline = deadline or invocation.deadline
        step_limit = StepLimit(deadline)
        credentials, endpoints = invocation.credentials(), settings.endpoints

        def client(name: str) -> Api:
            return api(name, region, credentials, getattr(endpoints, name), step_limit)

        fields |= {"ecs": client("ecs"), "ess": client("ess"), "load_balancers": load_balancers(client)}
        return cls(settings=settings, clock=deadline.clock, deadline=deadline, step_limit=step_limit, **fields)

    def token(self, *parts: str) -> str:
        """A ClientToken (64 ASCII characters): the same for the same call, in whichever invocation it is made."""
        text = "\n".join((self.subject, *parts))
        return "sk-" + hashlib.sha256(text.encode()).hexdigest()[:60]

    def take_request_ids(self) -> list[str]:
        """The request ids since the last call of this method, for the audit."""
        apis = (self.ecs, self.ess, *(adapter.api for adapter in self.load_balancers.values()))
        return [request_id for api in apis for request_id in api.take_request_ids()]


def journal_opener(invocation: Invocation, region: str, settings: JournalSettings) -> Callable[[], Journal]:
    """A function that opens the journal once: its SDK takes half a second to load, and many events need no journal."""
    arguments = (invocation.region or region, invocation.credentials(), settings.endpoints.oss, invocation.deadline)
    return functools.cache(lambda: open_journal(settings.journal, *arguments))
