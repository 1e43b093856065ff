"""The base of every drill: a cloud, the functions, and one delivery as Function Compute would make it."""

from __future__ import annotations

import logging
import random
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulator import fleet, function_compute, proof
from simulator.cloud import Cloud
from simulator.drill.report import LATENCY, verdict
from simulator.drill.subject import Subject
from simulator.ecs import Timings
from simulator.function_compute import ROOT
from simulator.server import Server

TIMINGS = Timings(image=90, usable=60, snapshot=75, boot=25, stop=10)
"""Of a small web server: seconds."""
TIMEOUT = 900
SEED = 1
AUDIT_FILE = ".cache/drill-audit.jsonl"


class Drill:
    """An event, a cloud around its instance, and the functions. By itself: an event that changes nothing."""

    before_event = 0.0
    """So many seconds before the event arrives, the cloud is as it is seeded."""

    def __init__(self, raw: bytes, subject: Subject, functions: Mapping[str, function_compute.Handler]) -> None:
        self.raw = raw
        self.subject = subject
        self.functions = functions
        self.cloud = Cloud(subject.sent_at + LATENCY - self.before_event, subject.region, subject.account_id)
        self.cloud.ecs.timings = TIMINGS
        self.seed()
        self.before = self.cloud.state()

    def seed(self) -> None:
        """Seed the cloud; here with the fleet of the rescue's drill."""
        self.fleet = fleet.drill_fleet(self.cloud, self.subject.instance_id)

    def judge(self, _: dict[str, Any]) -> int:
        """Show the outcome, and prove it by the cloud's state alone; returns the exit code."""
        return verdict("nothing was changed", proof.untouched(self.before, self.cloud.state()))

    def call(self, function: str, event: bytes) -> dict[str, Any]:
        """Run a function under its own role."""
        return self.functions[function](event, function_compute.context(self.cloud, function, TIMEOUT))

    def deliver(self) -> dict[str, Any]:
        """Call the function as Function Compute would, over real HTTP, on simulated time; then run its invocations."""
        random.seed(SEED)  # the functions' jitter, so that every drill is the same
        with Server(self.cloud) as server, tempfile.TemporaryDirectory(prefix="spotkeeper-drill-") as journal:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            variables = {
                **function_compute.endpoints(server.url),
                "SPOTKEEPER_JOURNAL": f"file://{journal}",
            }
            try:
                with (
                    audit_in(ROOT / AUDIT_FILE),
                    function_compute.environment(variables),
                    function_compute.simulated_time(self.cloud.clock),
                ):
                    self.cloud.clock.advance(self.subject.sent_at + LATENCY - self.cloud.now())
                    answer = self.call(self.subject.function, self.raw)
                    self.cloud.fc.run_pending()
                    return answer
            finally:
                server.shutdown()


@contextmanager
def audit_in(path: Path) -> Iterator[None]:
    """Let the audit's log lines go to a file."""
    path.parent.mkdir(exist_ok=True)
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(message)s"))
    audit = logging.getLogger("spotkeeper.audit")
    audit.addHandler(handler)
    try:
        yield
    finally:
        audit.removeHandler(handler)
        handler.close()
