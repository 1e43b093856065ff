"""``port-answers`` and ``http-answers`` in a real shell, against real sockets on loopback."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.lifecycle_hook.shell import CHECKS, MachineUnderTest

CLIENTS = [tool for tool in ("curl", "wget") if shutil.which(tool)]
"""What there is of them on this machine."""
PORT, HTTP = CHECKS["port-answers"], CHECKS["http-answers"]


@pytest.fixture
def machine(machine: MachineUnderTest) -> MachineUnderTest:
    """Return a machine whose only address is loopback's and whose shell is each of those there are."""
    machine.fakes("hostname", "exit 1")
    return machine


class Service(BaseHTTPRequestHandler):
    """Answers 200 to ``/health``, 302 to ``/login``, 503 to all else."""

    def do_GET(self) -> None:
        """Answer by path."""
        self.send_response({"/health": 200, "/login": 302}.get(self.path, 503))
        self.send_header("Location", "/health")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server names it
        """Stay silent."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return the port of a service that runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a port that nobody listens on and nobody else can take."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_a_port_that_accepts_passes(machine: MachineUnderTest, port: int) -> None:
    """A listening port is found, and which address it was on is said."""
    ended = machine.runs(PORT, port=port, wait_seconds=0)
    assert (ended.verdict, ended.code) == (f"PASSED: port {port} accepts connections on 127.0.0.1", 0)


def test_a_port_that_refuses_fails_after_the_wait(machine: MachineUnderTest, silent_port: int) -> None:
    """A port that nobody listens on is asked until the time is over."""
    ended = machine.runs(PORT, port=silent_port, wait_seconds=1)
    assert (ended.verdict, ended.code) == (f"FAILED: port {silent_port} accepted no connection within 1 s", 1)


def test_the_machines_own_addresses_are_asked_too(machine: MachineUnderTest) -> None:
    """A service that listens on the machine's address and not on 127.0.0.1 is found."""
    machine.fakes("hostname", "[ \"$1\" = -I ] && echo '::1 127.0.0.9'")
    with socket.create_server(("127.0.0.9", 0)) as server:
        ended = machine.runs(PORT, port=server.getsockname()[1], wait_seconds=0)
    assert ended.verdict.endswith("accepts connections on 127.0.0.9")


def test_without_bash_nc_is_asked(machine: MachineUnderTest) -> None:
    """A machine without bash uses nc."""
    machine.lacks("bash")
    machine.fakes("nc", '[ "$*" = "-z -w 3 127.0.0.1 80" ]')
    assert machine.runs(PORT, wait_seconds=0).code == 0


@pytest.mark.parametrize(("check", "tools"), [(PORT, "neither bash nor nc"), (HTTP, "neither curl nor wget")])
def test_without_a_tool_it_fails_at_once(machine: MachineUnderTest, check: object, tools: str) -> None:
    """A machine that cannot be asked fails, saying what it lacks."""
    machine.lacks("bash")
    ended = machine.runs(PORT if check is PORT else HTTP)
    assert (ended.verdict, ended.code) == (f"FAILED: port 80 cannot be asked: there is {tools} on this machine", 1)


@pytest.mark.parametrize("tool", CLIENTS)
@pytest.mark.parametrize(
    ("path", "status", "answer"), [("/health", 200, 200), ("/login", 302, 302), ("/health", 204, 200), ("/", 200, 503)]
)
def test_the_status_decides(  # noqa: PLR0913 - each is a case's
    machine: MachineUnderTest, port: int, tool: str, path: str, status: int, answer: int
) -> None:
    """Only the expected status passes; redirects are not followed; a proxy in the environment is not used."""
    machine.has(tool)
    ended = machine.runs(HTTP, port=port, path=path, status=status, wait_seconds=0)
    passed = f"PASSED: http://127.0.0.1:{port}{path} answered {answer}"
    failed = f"FAILED: port {port} did not answer {status} to {path} within 0 s; last answer: {answer}"
    assert (ended.verdict, ended.code) == ((passed, 0) if status == answer else (failed, 1))


@pytest.mark.parametrize("tool", CLIENTS)
def test_no_answer_fails(machine: MachineUnderTest, silent_port: int, tool: str) -> None:
    """An endpoint that nobody serves has no last answer."""
    machine.has(tool)
    ended = machine.runs(HTTP, port=silent_port, wait_seconds=0)
    assert ended.verdict.endswith("within 0 s; last answer: none")


def test_a_service_that_comes_later_passes(machine: MachineUnderTest, port: int) -> None:
    """An endpoint is asked again until it answers as expected."""
    machine.fakes("sleep", f": >'{machine.tmp}/up'")
    machine.fakes("curl", f"[ -e '{machine.tmp}/up' ] && printf 200 || printf 000")
    assert machine.runs(HTTP, port=port, wait_seconds=600).code == 0
