"""The entry point of all functions: from an event, or a batch of events, to an answer."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from spotkeeper.audit import Audit
from spotkeeper.clock import Clock, Deadline
from spotkeeper.credentials import Credentials, find_credentials
from spotkeeper.errors import BadSetting, BatchFailed, MalformedEvent
from spotkeeper.events.envelopes import Batch, unwrap
from spotkeeper.events.notification import Kind, Notification

RESERVE_SECONDS = 5.0
"""The end of the function's timeout that is kept for a clean exit; of a short timeout a quarter."""
_NAMED_FAILURES = 10  # in the message; ``results`` has all

SettingsT = TypeVar("SettingsT")
Answer = dict[str, Any]
"""The answer of a call: JSON-serialisable, with at least ``outcome`` and ``reason``."""
Handler = Callable[[Notification], Answer]
"""Returns the answer to an event, whose outcome is ``done`` or ``skipped``, or raises."""


class FunctionContext(Protocol):
    """The part of Function Compute's context that exists on every runtime.

    ``request_id`` names the call in Function Compute's logs; ``function.timeout`` is in seconds, a number or a text;
    ``account_id`` may be empty on a developer's machine.
    """

    request_id: str
    function: Any
    region: str
    account_id: str


@dataclass(frozen=True)
class Invocation:
    """One call of a function: region, account, deadline. It is made before anything else, since time runs from then."""

    request_id: str
    region: str
    account_id: str
    deadline: Deadline
    audit: Audit
    context: FunctionContext = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)

    @classmethod
    def enter(cls, context: FunctionContext, environ: Mapping[str, str], clock: Clock) -> Invocation:
        """The call that begins now. Raises ``BadSetting`` for an invalid timeout."""
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
        """The credentials of this call: those of a warm process change. Raises ``NoCredentials``."""
        return find_credentials(self.context, self.environ)


def run_function(
    event: bytes | str,
    context: FunctionContext,
    read_settings: Callable[[Mapping[str, str]], SettingsT],
    handlers: Mapping[Kind, Callable[[Notification, Invocation, SettingsT], Answer]],
) -> Answer:
    """A call of a function: the answer, or an error after which calling again goes on."""
    invocation = Invocation.enter(context, os.environ, Clock())
    settings = read_settings(os.environ)

    def bound(handle: Callable[[Notification, Invocation, SettingsT], Answer]) -> Handler:
        return lambda notification: handle(notification, invocation, settings)

    return respond(event, invocation, {kind: bound(handle) for kind, handle in handlers.items()})


def respond(event: bytes | str, invocation: Invocation, handlers: Mapping[Kind, Handler]) -> Answer:
    """Give each event to the handler of its kind; skip other kinds and other accounts.

    The answer or error of a single event is the call's own. The elements of an array are handled side by side, each in
    a thread of its own, and ``results`` has their answers in order. Raises ``MalformedEvent``, ``BatchFailed``, and the
    handlers' errors.
    """
    try:
        elements = unwrap(event)
    except MalformedEvent as error:
        elements = [error]
    if isinstance(elements, Batch):
        return _respond_to_batch(elements, invocation, handlers)
    return _answer(elements[0], invocation, handlers)


def _answer(element: Notification | MalformedEvent, invocation: Invocation, handlers: Mapping[Kind, Handler]) -> Answer:
    """The answer to an element. Kind and account are checked here, ids and region by the handler."""
    if isinstance(element, MalformedEvent):
        invocation.audit.record("receive", "failed", str(element))
        raise element
    audit = invocation.audit.of(**described(element))
    audit.record("receive", "seen", element.name)
    try:
        answer = _handled(element, invocation, handlers)
    except Exception as error:
        audit.record("answer", "failed", f"{type(error).__name__}: {error}")
        raise
    audit.record("answer", answer["outcome"], answer["reason"], margin_seconds=answer.get("margin_seconds"))
    return answer


def _handled(element: Notification, invocation: Invocation, handlers: Mapping[Kind, Handler]) -> Answer:
    handler = handlers.get(element.kind)
    if handler is None:
        return _skipped(f"{element.name!a} is not an event for this function")
    if invocation.account_id and (element.account_id or invocation.account_id) != invocation.account_id:
        return _skipped("the event is about another account")
    return handler(element)


def described(element: Notification) -> dict[str, Any]:
    """The fields of an event in audit records, without malformed fields: the handler raises for those."""
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
    # As many threads as elements: each element has a notice of its own, so none may wait for another.
    with ThreadPoolExecutor(max_workers=len(batch)) as threads:
        futures = [threads.submit(_answer, element, invocation, handlers) for element in batch]
    results = [_result(future, element) for future, element in zip(futures, batch, strict=True)]
    if any(result["outcome"] == "failed" for result in results):
        first = next(error for error in map(Future.exception, futures) if error is not None)
        failed = [f"[{index}] {each['reason']}" for index, each in enumerate(results) if each["outcome"] == "failed"]
        more = f"; and {len(failed) - _NAMED_FAILURES} more" if len(failed) > _NAMED_FAILURES else ""
        named = "; ".join(failed[:_NAMED_FAILURES])
        raise BatchFailed(f"{len(failed)} of {len(results)} events failed: {named}{more}", results) from first
    done = sum(result["outcome"] == "done" for result in results)
    reason = f"{len(results)} events: {done} done, {len(results) - done} skipped"
    return {"outcome": "done" if done else "skipped", "reason": reason, "results": list(results)}


def _result(future: Future[Answer], element: Notification | MalformedEvent) -> Answer:
    """An element's answer, or its error in the form of an answer. A ``BaseException`` is raised."""
    error = future.exception()
    if error is None:
        return future.result()
    if not isinstance(error, Exception):
        raise error
    failure = {"outcome": "failed", "reason": str(error), "error": type(error).__name__}
    known = {} if isinstance(element, MalformedEvent) else described(element)
    return failure | {name: value for name, value in known.items() if name == "instance_id"}


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
