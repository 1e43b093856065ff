"""``python -m simulator [--port N]``: the embedded cloud with the drill's fleet, until it is interrupted.

The first line tells where it is and with which key pair. Its clock goes with real time, and forward when somebody
moves it (``POST /-/clock {"advance": seconds}``).
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from types import FrameType

from simulator.clock import RunningClock
from simulator.cloud import Cloud
from simulator.ecs import Timings
from simulator.fleet import INSTANCE_ID, drill_fleet
from simulator.server import Server

TIMINGS = Timings(image=90, usable=60, snapshot=75, boot=25, stop=10)
"""Of a small web server: seconds."""


def main(arguments: list[str] | None = None) -> int:
    """Serve; returns the exit code."""
    parsed = _parser().parse_args(arguments)
    cloud = Cloud(time.time())
    cloud.clock = RunningClock(cloud.now())
    cloud.ecs.timings = TIMINGS
    drill_fleet(cloud, parsed.instance_id)
    try:
        server = Server(cloud, parsed.port)
    except OSError as error:
        print(f"port {parsed.port} of 127.0.0.1 cannot be used: {error.strerror}", file=sys.stderr)
        return 1
    for signal_number in (signal.SIGTERM, signal.SIGINT):  # a shell's background job ignores SIGINT unless it is asked
        signal.signal(signal_number, _interrupt)
    with server:
        _introduce(server, cloud)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m simulator", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=_port, default=0, help="port on 127.0.0.1; without it a free one")
    parser.add_argument("--instance-id", default=INSTANCE_ID, help="the instance that is being reclaimed")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _introduce(server: Server, cloud: Cloud) -> None:
    key = cloud.access_key
    line = {"url": server.url, "access_key_id": key.access_key_id, "access_key_secret": key.secret}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main())
