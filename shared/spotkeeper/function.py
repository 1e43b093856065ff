"""The entry that all functions share: events in, one answer out, batches side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from spotkeeper.audit import Audit
from spotkeeper.clock import Clock, Deadline
from spotkeeper.credentials import Credentials, find_credentials
from spotkeeper.errors import BadSetting, BatchFailed, MalformedEvent
from spotkeeper.events import Batch, Kind, Notification, unwrap

RESERVE_SECONDS = 5.0
"""What is kept back of the function's timeout to leave cleanly; of a short timeout a quarter."""
_NAMED_FAILURES = 10  # in the message; ``results`` has all

Answer = dict[str, Any]
"""What a call returns: JSON-serialisable, with at least ``outcome`` and ``reason``."""
Handler = Callable[[Notification], Answer]
"""Handles one event of a kind: returns an answer whose outcome is ``done`` or ``skipped``, or raises."""


class FunctionMeta(Protocol):
    """What is used of ``context.function``."""

    @property
    def timeout(self) -> float | str:
        """Seconds, as a number or a string of one."""


class Context(Protocol):
    """What is used of the context that Function Compute passes; all of it exists on every runtime."""

    @property
    def request_id(self) -> str:
        """Names this invocation in Function Compute's logs."""

    @property
    def function(self) -> FunctionMeta:
        """The function's own configuration."""

    @property
    def region(self) -> str:
        """Where the function runs."""

    @property
    def account_id(self) -> str:
        """Whose function it is; may be empty on one's own machine."""


@dataclass(frozen=True)
class Invocation:
    """One call of a function: where it runs, for which account, and until when. Make it first thing in the handler."""

    request_id: str
    region: str
    account_id: str
    deadline: Deadline
    audit: Audit
    context: Context = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)

    @classmethod
    def enter(cls, context: Context, environ: Mapping[str, str], clock: Clock) -> Invocation:
        """The call that begins now. Raises ``BadSetting`` for a timeout that is not a number of seconds."""
        timeout = _seconds(context.function.timeout)
        reserve = min(RESERVE_SECONDS, timeout / 4)
        name = str(getattr(context.function, "name", ""))  # for the audit alone
        about = {
            "request_id": str(context.request_id),
            "region": str(context.region or ""),
            "account_id": str(context.account_id or ""),
        }
        deadline = Deadline.after(clock, timeout - reserve)
        audit = Audit(clock, {"function": name, **about})
        return cls(**about, deadline=deadline, audit=audit, context=context, environ=environ)

    def home(self, region: str) -> str:
        """``<account>/<region>``: the journal's folder for a region."""
        return f"{self.account_id or 'account'}/{region}"

    def credentials(self) -> Credentials:
        """The credentials of this call, read anew: those of a warm process change. Raises ``NoCredentials``."""
        return find_credentials(self.context, self.environ)


def respond(event: bytes | str, invocation: Invocation, handlers: Mapping[Kind, Handler]) -> Answer:
    """Give each event to the handler of its kind; skip other kinds and other accounts.

    A single event's answer or error is the call's own. The elements of an array are handled side by side, each in a
    thread of its own, and ``results`` has their answers in order. Raises ``MalformedEvent``, ``BatchFailed``, and what
    the handlers raise.
    """
    try:
        elements = unwrap(event)
    except MalformedEvent as error:
        invocation.audit.record("receive", "failed", str(error))
        raise
    if isinstance(elements, Batch):
        return _respond_to_batch(elements, invocation, handlers)
    return _route(elements[0], invocation, handlers)()


def _route(
    element: Notification | MalformedEvent, invocation: Invocation, handlers: Mapping[Kind, Handler]
) -> Callable[[], Answer]:
    """What answers one element. Decided by kind first, then account; ids and region are for the handler to read."""

    def answer() -> Answer:
        if isinstance(element, MalformedEvent):
            invocation.audit.record("receive", "failed", str(element))
            raise element
        audit = invocation.audit.of(**described(element))
        audit.record("receive", "seen", element.name)
        try:
            given = handled(element)
        except Exception as error:
            audit.record("answer", "failed", f"{type(error).__name__}: {error}")
            raise
        audit.record("answer", given["outcome"], given["reason"], margin_seconds=given.get("margin_seconds"))
        return given

    def handled(element: Notification) -> Answer:
        handler = handlers.get(element.kind)
        if handler is None:
            return _skipped(f"{element.name!a} is not an event for this function")
        if invocation.account_id and (element.account_id or invocation.account_id) != invocation.account_id:
            return _skipped("the event is about another account")
        return handler(element)

    return answer


def described(element: Notification) -> dict[str, Any]:
    """What audit records say of an event; what is malformed in it is left out, for the handler to complain about."""
    about: dict[str, Any] = {"event_kind": element.kind.value}
    for name in ("id", "instance_id"):
        with suppress(MalformedEvent):
            about["event_id" if name == "id" else name] = getattr(element, name)
    with suppress(MalformedEvent):
        state = element.content.get("state") if element.kind is Kind.STATE_CHANGE else None
        about["state"] = state if isinstance(state, str) else None
    return about


def _respond_to_batch(batch: Batch, invocation: Invocation, handlers: Mapping[Kind, Handler]) -> Answer:
    if not batch:
        return {**_skipped("the batch is empty"), "results": []}
    # As many threads as elements: each has its own notice running out, so none may wait for another.
    with ThreadPoolExecutor(max_workers=len(batch)) as threads:
        futures = [threads.submit(_route(element, invocation, handlers)) for element in batch]
    results = [_result(future, element) for future, element in zip(futures, batch, strict=True)]
    if any(result["outcome"] == "failed" for result in results):
        first = next(error for error in map(Future.exception, futures) if error is not None)
        raise BatchFailed(_failures(results), results) from first
    return _summary(results)


def _result(future: Future[Answer], element: Notification | MalformedEvent) -> Answer:
    """An element's answer, or what it raised as one. Whatever is not an ``Exception`` goes on its way."""
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, Exception):
        raise error
    failure = {"outcome": "failed", "reason": str(error), "error": type(error).__name__}
    return failure | _instance_id(element)


def _instance_id(element: Notification | MalformedEvent) -> Answer:
    known = {} if isinstance(element, MalformedEvent) else described(element)
    return {name: value for name, value in known.items() if name == "instance_id"}


def _failures(results: Sequence[Answer]) -> str:
    failed = [f"[{place}] {result['reason']}" for place, result in enumerate(results) if result["outcome"] == "failed"]
    more = f"; and {len(failed) - _NAMED_FAILURES} more" if len(failed) > _NAMED_FAILURES else ""
    return f"{len(failed)} of {len(results)} events failed: {'; '.join(failed[:_NAMED_FAILURES])}{more}"


def _summary(results: Sequence[Answer]) -> Answer:
    done = sum(result["outcome"] == "done" for result in results)
    reason = f"{len(results)} events: {done} done, {len(results) - done} skipped"
    return {"outcome": "done" if done else "skipped", "reason": reason, "results": list(results)}


def _skipped(reason: str) -> Answer:
    return {"outcome": "skipped", "reason": reason}


def _seconds(timeout: float | str) -> float:
    try:
        seconds = float(timeout)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise BadSetting(f"the function's timeout must be a positive number of seconds, not {timeout!r}")
    return seconds
