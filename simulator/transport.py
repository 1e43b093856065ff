"""The embedded cloud without sockets, for tests: a request of ``requests`` is answered in this process.

Both SDK families (Tea for ECS and CLB, ``alibabacloud-oss-v2``) end in ``requests.adapters.HTTPAdapter.send``; that is
replaced while an ``in_process`` block is open. Signatures, validation and bodies are those of the served cloud.

Killing. A fault ``kill-before`` or ``kill-after`` stands for a process that dies during a call: ``Killed``, which no
``except Exception`` catches, is raised in the caller, and again at every later call of the same invocation, so that
handlers' ``finally`` blocks and their other threads reach the cloud no more. Which invocation a call belongs to is a
context variable, set by ``invocation()``. Threads do not inherit context variables by themselves, so while a block is
open ``threading.Thread.start`` lets each thread run in a copy of its starter's context; a ``ThreadPoolExecutor`` starts
its workers in ``submit``, hence they belong to the invocation that first gave them work. A pool that outlives its
invocation would keep on belonging to it.
"""

from __future__ import annotations

import contextvars
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from threading import RLock, Thread
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.response import HTTPResponse

from simulator import control
from simulator.cloud import Cloud
from simulator.faults import KILLED
from simulator.wire import AnswerTooLate, ConnectionDropped, ConnectionRefused, Killed, Request, Response

__all__ = ["HOST", "BeforeCall", "Invocation", "Killed", "in_process", "invocation"]

HOST = "127.0.0.1:1"
"""Default host of the in-process cloud: loopback, and no server listens there."""


@dataclass
class Invocation:
    """One run of a function; ``calls`` are the actions that it called, in order."""

    name: str = ""
    killed: bool = False
    calls: list[str] = field(default_factory=list)


BeforeCall = Callable[[Invocation | None, str], None]
"""Called outside all locks before a call is acted upon, with its invocation and action; it may block."""

_current: contextvars.ContextVar[Invocation | None] = contextvars.ContextVar("invocation", default=None)
_lock = RLock()
_open: dict[str, tuple[Cloud, BeforeCall | None]] = {}
_send = HTTPAdapter.send
_start = Thread.start


@contextmanager
def invocation(name: str = "") -> Iterator[Invocation]:
    """All calls in the block, and in threads started in it, belong to one invocation."""
    invoked = Invocation(name)
    token = _current.set(invoked)
    try:
        yield invoked
    finally:
        _current.reset(token)


@contextmanager
def in_process(cloud: Cloud, before_call: BeforeCall | None = None, host: str = HOST) -> Iterator[str]:
    """Let ``http(s)://host`` and its subdomains be ``cloud`` inside the block; yields the URL.

    Blocks for different hosts may be open side by side. Hosts that are neither such nor loopback are refused.
    """
    with _lock:
        if host in _open:
            raise ValueError(f"{host} is a cloud already: give this cloud another host")
        _open[host] = (cloud, before_call)
        _patch()
    try:
        yield f"http://{host}"
    finally:
        with _lock:
            del _open[host]
            if not _open:
                _unpatch()


def _patch() -> None:
    HTTPAdapter.send = _send_in_process  # type: ignore[method-assign, assignment]
    Thread.start = _start_in_context  # type: ignore[method-assign, assignment]


def _unpatch() -> None:
    HTTPAdapter.send = _send  # type: ignore[method-assign]
    Thread.start = _start  # type: ignore[method-assign]


def _start_in_context(thread: Thread) -> None:
    context, run = contextvars.copy_context(), thread.run
    thread.run = lambda: context.run(run)  # type: ignore[method-assign]
    _start(thread)


def _send_in_process(
    adapter: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **options: Any
) -> requests.Response:
    url = urlsplit(str(request.url))
    found = _cloud_at(url.netloc)
    if found is None:
        if url.hostname in ("127.0.0.1", "::1", "localhost"):
            return _send(adapter, request, *args, **options)
        raise requests.exceptions.ConnectionError(f"{url.netloc} is out of reach of an in-process cloud")
    cloud, before_call = found
    wire = Request(str(request.method), url.path or "/", url.query, _headers(request, url.netloc), _body(request))
    try:
        response = _exchange(cloud, wire, before_call)
    except ConnectionDropped as dropped:
        raise _as_network_error(dropped, request) from None
    return _as_requests(adapter, request, response)


def _as_network_error(dropped: ConnectionDropped, request: requests.PreparedRequest) -> requests.RequestException:
    if isinstance(dropped, AnswerTooLate):
        return requests.exceptions.ReadTimeout("read timed out", request=request)
    happened = "was refused" if isinstance(dropped, ConnectionRefused) else "was reset"
    return requests.exceptions.ConnectionError(f"the connection {happened}", request=request)


def _cloud_at(netloc: str) -> tuple[Cloud, BeforeCall | None] | None:
    with _lock:
        return next((_open[host] for host in _open if netloc == host or netloc.endswith("." + host)), None)


def _headers(request: requests.PreparedRequest, netloc: str) -> Mapping[str, str]:
    return {"host": netloc} | {name.lower(): _text(value) for name, value in request.headers.items()}


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _body(request: requests.PreparedRequest) -> bytes:
    body: Any = request.body
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes):
        return body
    return bytes(body.read()) if hasattr(body, "read") else b"".join(body)


def _exchange(cloud: Cloud, request: Request, before_call: BeforeCall | None) -> Response:
    """One call of the current invocation.

    Raises Killed where the invocation is dead, or dies of this call.
    """
    invoked = _current.get()
    if request.path.startswith(control.PREFIX):
        return control.answer(cloud, request)
    _, action = cloud.addressee(request)
    _check_alive(invoked)
    if before_call is not None:
        before_call(invoked, action)
        _check_alive(invoked)  # another thread of it may have died while this thread was held up
    if invoked is not None:
        invoked.calls.append(action)
    response = cloud.respond(request)
    if response.status == KILLED and "x-simulator-kill" in response.headers:
        if invoked is not None:
            invoked.killed = True
        raise Killed(action)
    return response


def _check_alive(invoked: Invocation | None) -> None:
    if invoked is not None and invoked.killed:
        raise Killed(invoked.name)


def _as_requests(adapter: HTTPAdapter, request: requests.PreparedRequest, response: Response) -> requests.Response:
    body = b"" if request.method == "HEAD" else response.body[: response.sent]
    headers = {"content-length": str(len(response.body)), "date": formatdate(usegmt=True), **response.headers}
    raw = HTTPResponse(
        io.BytesIO(body), headers=headers, status=response.status, preload_content=False, request_method=request.method
    )
    return adapter.build_response(request, raw)
