"""``python -m simulator [--port N]``: serve the embedded cloud with the drill's fleet until a signal ends it.

The first line of output is its URL and key pair. Its clock follows real time, and jumps forward on
``POST /-/clock {"advance": seconds}``.
"""

from __future__ import annotations

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


def serve(port: int, instance_id: str | None = None) -> int:
    """Serve on a port of 127.0.0.1 (0: any free port), with the drill's fleet around ``instance_id``; the exit code."""
    cloud = Cloud(time.time())
    cloud.clock = RunningClock(cloud.now())
    cloud.ecs.timings = TIMINGS
    drill_fleet(cloud, instance_id or INSTANCE_ID)
    try:
        server = Server(cloud, port)
    except OSError as error:
        print(f"port {port} of 127.0.0.1 cannot be used: {error.strerror}", file=sys.stderr)
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


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _introduce(server: Server, cloud: Cloud) -> None:
    key = cloud.access_key
    line = {"url": server.url, "access_key_id": key.access_key_id, "access_key_secret": key.secret}
    print(json.dumps(line), flush=True)
