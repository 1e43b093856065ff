"""An RPC endpoint on loopback for products that the embedded cloud does not have: it answers what a test puts in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit


class Endpoint(HTTPServer):
    """``answers`` by action, each a status and a body; ``seen`` is what was asked, with the parameters of the query."""

    def __init__(self, answers: Mapping[str, tuple[int, dict[str, Any]]]) -> None:
        self.answers = answers
        self.seen: list[tuple[str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        """Answer one action."""
        self.rfile.read(int(self.headers.get("content-length") or 0))
        action = self.headers["x-acs-action"]
        self.server.seen.append((action, dict(parse_qsl(urlsplit(self.path).query))))
        status, answer = self.server.answers[action]
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Nothing."""


@contextmanager
def answering(**answers: tuple[int, dict[str, Any]]) -> Iterator[Endpoint]:
    """Serve inside the block: ``answering(GetCallerIdentity=(200, {"AccountId": "1"}))``."""
    with Endpoint(answers) as endpoint:
        thread = Thread(target=endpoint.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield endpoint
        finally:
            endpoint.shutdown()
            thread.join()
