"""From an event to a rescue: tools, first facts, and off."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from rescue.alive import Life, LivingApi, LivingClock
from rescue.facts import Facts
from rescue.tools import NOTICE_SECONDS, Tools
from rescue.workflow import Rescue
from spotkeeper.clock import StepLimit
from spotkeeper.credentials import find_credentials
from spotkeeper.episode import Episode
from spotkeeper.events import Interruption, Kind
from spotkeeper.function import Context, Invocation
from spotkeeper.instances import iso
from spotkeeper.journal import open_journal
from spotkeeper.load_balancers import load_balancers
from spotkeeper.settings import InterruptionSettings

CLOCKS_APART = 60.0
"""Seconds by which the clocks of the platform may differ."""


def rescue(
    event: Interruption,
    invocation: Invocation,
    settings: InterruptionSettings,
    context: Context,
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Rescue the instance of one interruption, as far as this call's time allows.

    Returns the answer; raises any ``SpotkeeperError``, after which calling again goes on.
    """
    audit = invocation.audit.of(
        event_kind=Kind.INTERRUPTION.value, event_id=event.id, instance_id=event.instance_id, region=event.region
    )
    life = Life(invocation.deadline.clock, audit)
    clock = LivingClock(invocation.deadline.clock, life)
    now = clock.now()
    # No notice begins in the future: such a time is another zone's, and would promise hours that there are not.
    told = event.time if event.time is not None and event.time <= now + CLOCKS_APART else None
    began = now if told is None else told
    facts = Facts(now=now, entered=now, notice_end=began + NOTICE_SECONDS, notice_estimated=told is None)
    credentials = find_credentials(context, environ)
    deadline, endpoints = replace(invocation.deadline, clock=clock), settings.endpoints
    # The journal waits by the plain clock: a sign of life is written to the journal itself.
    journal = functools.cache(
        lambda: open_journal(
            settings.journal, invocation.region or event.region, credentials, endpoints.oss, invocation.deadline
        )
    )
    step = StepLimit(deadline)

    def api(product: str) -> LivingApi:
        made = LivingApi(product, event.region, credentials, getattr(endpoints, product), clock, step)
        made.life = life
        return made

    tools = Tools(
        instance_id=event.instance_id,
        settings=settings,
        ecs=api("ecs"),
        load_balancers=load_balancers(api),
        episode=Episode(journal, f"{invocation.account_id or 'account'}/{event.region}", event.instance_id),
        clock=clock,
        deadline=deadline,
        step=step,
        audit=audit,
        life=life,
    )
    attempt = {
        "request_id": invocation.request_id,
        "started_at": now,
        "deadline_at": now + deadline.remaining(),
        "nonce": uuid.uuid4().hex,  # a retried request keeps its id, and two calls may begin in the same moment
    }
    try:
        answer = Rescue(tools, {**asdict(event), "opened_at": iso(now)}, attempt).run(facts)
    except Exception as error:
        life.end(error)
        raise
    life.end(None)
    missed = [f"{len(life.missed)} hints could not be kept in the journal: {life.missed[0]}"] if life.missed else []
    return {**answer, **({"warnings": [*answer.get("warnings", ()), *missed]} if missed else {})}
