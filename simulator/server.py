"""The embedded cloud as an HTTP server on loopback, for SDKs in any process and language."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from simulator import control
from simulator.cloud import Cloud
from simulator.wire import ApiError, ConnectionDropped, Request, Response, announced_length


class Server(ThreadingHTTPServer):
    """Serves one cloud, all products on one port of 127.0.0.1 (0: any free port)."""

    daemon_threads = True
    request_queue_size = 256  # clients that connect at once, while the server accepts the first

    def __init__(self, cloud: Cloud, port: int = 0) -> None:
        self.cloud = cloud
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A closed connection is no error; any other error goes to stderr."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        """Where it is, ``http://127.0.0.1:port``."""
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def serving(cloud: Cloud, port: int = 0) -> Iterator[str]:
    """Serve ``cloud`` from a thread inside the block; yields the URL."""
    with Server(cloud, port) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """One connection, kept open between requests."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "EmbeddedCloud"
    sys_version = ""
    # Head and body leave in one packet: two packets would wait for the acknowledgement of the first (40 ms a call).
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer; the other methods are the same."""
        try:
            response = control.answer(self.server.cloud, self._request())
        except ConnectionDropped:
            self.close_connection = True
            return
        self._send(response)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = do_GET  # noqa: N815 - http.server looks for these names

    def _request(self) -> Request:
        """The request as received; where its length is refused, without a body and as the connection's last."""
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            body = self.rfile.read(announced_length(headers) or 0)
        except ApiError:
            self.close_connection, body = True, b""
        return Request(self.command, path, query, headers, body)

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        length = response.headers.get("content-length", str(len(response.body)))
        self.send_header("content-length", length if self.command == "HEAD" else str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body[: response.sent])
        if response.sent is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Silence: the calls are in the cloud's state."""
