"""All products' endpoints at once: notes when the first request came and what it was, and refuses it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

REFUSAL = b'{"Code": "Forbidden.RAM", "Message": "the bench refuses everything", "RequestId": "bench"}'
"""HTTP 403, which no client tries again: the process ends after its first request."""


class Listener(ThreadingHTTPServer):
    """On a free port of 127.0.0.1."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusing)
        self._first: tuple[float, str] | None = None

    @property
    def url(self) -> str:
        """Where it is, ``http://127.0.0.1:port``."""
        return f"http://127.0.0.1:{self.server_port}"

    def note(self, request: str) -> None:
        """A request has come."""
        self._first = self._first or (time.monotonic(), request)

    def take_first(self) -> tuple[float, str] | None:
        """When (``time.monotonic``) the first request since the last time came, and what it was."""
        first, self._first = self._first, None
        return first


class _Refusing(BaseHTTPRequestHandler):
    """One connection."""

    server: Listener
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would wait for each other's acknowledgement
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Note and refuse; the other methods are the same."""
        self.server.note(self.headers.get("x-acs-action") or f"OSS {self.command}")
        self.rfile.read(int(self.headers.get("content-length", "0")))
        self.send_response(403)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(REFUSAL)))
        self.end_headers()
        self.wfile.write(REFUSAL)

    do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815 - http.server looks for these names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Silence."""


@contextmanager
def listening() -> Iterator[Listener]:
    """Listen from a thread inside the block."""
    with Listener() as listener:
        thread = Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            thread.join()
