"""From an event to its answer: tools, first facts, and off."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping
from typing import Any

from restarting.facts import Facts
from restarting.tools import Tools
from restarting.workflow import run
from spotkeeper.clients import Api
from spotkeeper.credentials import find_credentials
from spotkeeper.episode import Episode
from spotkeeper.events import Kind, StateChange
from spotkeeper.function import Context, Invocation
from spotkeeper.journal import open_journal
from spotkeeper.settings import StateChangeSettings


def handle(
    event: StateChange,
    invocation: Invocation,
    settings: StateChangeSettings,
    context: Context,
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Do what one state change calls for.

    Returns the answer; raises any ``SpotkeeperError``, after which calling again goes on.
    """
    deadline, endpoints = invocation.deadline, settings.endpoints
    credentials = find_credentials(context, environ)
    journal = functools.cache(
        lambda: open_journal(settings.journal, invocation.region or event.region, credentials, endpoints.oss, deadline)
    )
    home = f"{invocation.account_id or 'account'}/{event.region}"
    tools = Tools(
        instance_id=event.instance_id,
        settings=settings,
        ecs=Api("ecs", event.region, credentials, endpoints.ecs, deadline.clock, deadline),
        slb=Api("slb", event.region, credentials, endpoints.slb, deadline.clock, deadline),
        journal=journal,
        home=home,
        episode=Episode(journal, home, event.instance_id),
        nonce=uuid.uuid4().hex,  # a retried request keeps its id, and two calls may begin in the same moment
        clock=deadline.clock,
        deadline=deadline,
        audit=invocation.audit.of(
            event_kind=Kind.STATE_CHANGE.value,
            event_id=event.id,
            state=event.state,
            instance_id=event.instance_id,
            region=event.region,
        ),
    )
    return run(tools, Facts(event=event, now=deadline.clock.now()))
