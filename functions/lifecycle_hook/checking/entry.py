"""From an event to its answer: tools, first facts, and off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checking import catalogue, demand, observe, workflow
from checking.assignment import Rules, chosen_on_demand
from checking.facts import DEFAULT_TIMEOUT, Facts
from checking.progress import Progress
from checking.tools import Leash, Tools
from spotkeeper.audit import Audit
from spotkeeper.clients import Api
from spotkeeper.credentials import Credentials, find_credentials
from spotkeeper.events import CheckOnDemand, Kind, LifecycleHook
from spotkeeper.function import Context, Invocation
from spotkeeper.settings import LifecycleHookSettings

CHECKS = Path(__file__).resolve().parent.parent / "checks"
HOOKS = CHECKS.parent / "hooks.json"
LEAVE_SECONDS = 15.0
"""What a call keeps to extend the hook and leave it to the next one; of a short call a quarter."""


def rules() -> Rules:
    """What hooks want, as ``hooks.json`` and ``checks/`` have it. Raises ``BadCheck``; the build asks too."""
    return Rules.load(HOOKS, catalogue.load(CHECKS))


def handle_hook(
    event: LifecycleHook,
    invocation: Invocation,
    settings: LifecycleHookSettings,
    context: Context,
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Check the instances of a lifecycle action and complete it.

    Returns the answer; raises any ``SpotkeeperError``, after which calling again goes on.
    """
    audit = invocation.audit.of(event_kind=Kind.LIFECYCLE_HOOK.value, event_id=event.id, region=event.region)
    tools = _tools(event.region, f"{event.hook_id}\n{event.token}", invocation, settings, (context, environ, audit))
    now, remaining = tools.clock.now(), tools.deadline.remaining()
    notified_at = observe.notified_at(event.time, now)
    facts = Facts(
        event=event,
        now=now,
        entered_at=now,
        leave_at=now + remaining - min(LEAVE_SECONDS, remaining / 4),
        notified_at=notified_at,
        began_at=min(notified_at or now, now),
        alive_until=min(notified_at or now, now) + DEFAULT_TIMEOUT,
        extendable=not settings.dry_run,
        tidied=settings.dry_run,
    )
    return workflow.run(tools, settings, facts, rules)


def handle_check(
    event: CheckOnDemand,
    invocation: Invocation,
    settings: LifecycleHookSettings,
    context: Context,
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Run one check on instances; completes nothing.

    Raises ``MalformedEvent`` for an unknown check, and any other ``SpotkeeperError``.
    """
    chosen = chosen_on_demand(catalogue.load(CHECKS), event.check)
    audit = invocation.audit.of(event_kind=Kind.CHECK.value, event_id=event.id, region=event.region)
    # Function Compute's retries of one request keep its id: they find the same commands, another request does not.
    about = f"{event.id}\n{invocation.request_id}"
    tools = _tools(event.region, about, invocation, settings, (context, environ, audit))
    return demand.run(tools, event, Progress(event.instance_ids, (chosen,)), dry_run=settings.dry_run)


def _tools(
    region: str,
    about: str,
    invocation: Invocation,
    settings: LifecycleHookSettings,
    of_call: tuple[Context, Mapping[str, str], Audit],
) -> Tools:
    context, environ, audit = of_call
    credentials = find_credentials(context, environ)
    deadline, endpoints = invocation.deadline, settings.endpoints
    leash = Leash(deadline)
    return Tools(
        about=about,
        ecs=Api("ecs", region, credentials, endpoints.ecs, deadline.clock, leash),
        ess=Api("ess", region, credentials, endpoints.ess, deadline.clock, leash),
        clock=deadline.clock,
        deadline=deadline,
        leash=leash,
        audit=audit,
        secrets=_secrets(credentials, environ),
    )


def _secrets(credentials: Credentials, environ: Mapping[str, str]) -> tuple[str, ...]:
    """What no output may show: the keys that are used, and those in the environment, whichever they are."""
    names = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")
    used = (credentials.access_key_id, credentials.access_key_secret, credentials.security_token)
    return tuple(dict.fromkeys(one for one in (*used, *(environ.get(name, "") for name in names)) if one))
