"""``make drill``: a whole rescue on the embedded cloud, with the real SDKs, proven by reading the cloud back.

Exit code 0: proven (or rightly skipped with nothing changed); 1: not proven, or the function failed; 2: the event
cannot be understood.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulator import fleet, function_compute, proof
from simulator.cloud import Cloud
from simulator.ecs import Timings
from simulator.server import Server
from simulator.transport import in_process

TIMINGS = Timings(image=90, usable=60, snapshot=75, boot=25, stop=10)
"""Of a small web server: seconds."""
TIMEOUT = 900
SEED = 1
LATENCY = 1.0
"""The event arrives this many seconds after it was sent."""


def main(arguments: list[str]) -> int:
    """Deliver the event; returns the exit code."""
    path = Path(arguments[0] if arguments else "events/interruption.cloudmonitor.json")
    logging.basicConfig(level=logging.ERROR)
    try:
        raw = path.read_bytes()
    except OSError as error:
        print(f"cannot read {path}: {error.strerror}", file=sys.stderr)
        return 2
    drill = Drill(raw, function_compute.load("interruption"))
    from spotkeeper.errors import SpotkeeperError  # noqa: PLC0415 - on the path since load()

    try:
        answer = drill.deliver()
    except SpotkeeperError as error:
        print(f"the function raised {type(error).__name__}: {error}", file=sys.stderr)
        return 2 if is_malformed(error) else 1
    return drill.judge(answer)


def is_malformed(error: Exception) -> bool:
    """Whether the event is to blame, or every failed element of a batch."""
    failures = [one["error"] for one in getattr(error, "results", []) if one["outcome"] == "failed"]
    return set(failures or [type(error).__name__]) == {"MalformedEvent"}


class Drill:
    """One event, one cloud around its instance."""

    def __init__(self, raw: bytes, handler: function_compute.Handler) -> None:
        self.raw = raw
        self.handler = handler
        self.subjects = subjects(raw)
        first = self.subjects[0] if self.subjects else Subject()
        self.cloud = Cloud(first.time + LATENCY, first.region, first.account_id)
        self.cloud.ecs.timings = TIMINGS
        self.fleet = fleet.drill_fleet(self.cloud, first.instance_id)
        self.context = function_compute.Context(
            function_compute.FunctionMeta("interruption", TIMEOUT), first.region, first.account_id
        )
        self.before = self.cloud.state()

    def deliver(self) -> dict[str, Any]:
        """Call the function as Function Compute would, over real HTTP, on simulated time."""
        random.seed(SEED)  # the function's jitter, so that every drill is the same
        with Server(self.cloud) as server, tempfile.TemporaryDirectory(prefix="spotkeeper-drill-") as journal:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            variables = {
                **function_compute.endpoints(server.url),
                "SPOTKEEPER_JOURNAL": f"file://{journal}",
                **function_compute.access(self.cloud),
            }
            try:
                with function_compute.environment(variables), function_compute.simulated_time(self.cloud.clock):
                    return self.handler(self.raw, self.context)
            finally:
                server.shutdown()

    def judge(self, answer: dict[str, Any]) -> int:
        """Show what happened, and prove it by the cloud's state alone."""
        after = self.cloud.state()
        source_id = self.fleet.source.instance_id
        print(f"{answer['outcome']}: {answer['reason']}\n")
        if not self.subjects:
            return verdict("nothing was changed", proof.untouched(self.before, after))
        show_timeline(answer, self.before["now"] - LATENCY)
        print(f"\n  {count(self.cloud)}: this rescue, waiting included")
        print(*measured(self.handler), sep="\n")
        return verdict(
            "one image of all disks, one replacement like its source, in the same places with the same ports and "
            "weights, bystanders untouched, disk flags back",
            proof.shortcomings(self.before, after, source_id),
        )


class Subject:
    """What the fleet is built around; the sample's values where an event has none."""

    def __init__(self, event: Any = None) -> None:
        self.instance_id = event.instance_id if event else fleet.INSTANCE_ID
        self.region = event.region if event else "cn-hangzhou"
        self.account_id = (event.account_id if event else None) or fleet.ACCOUNT_ID
        self.time = (event.time if event else None) or fleet.EVENT_TIME


def subjects(raw: bytes) -> list[Subject]:
    """The interruptions in the event, as the function's own parser reads them; a malformed one is the function's."""
    from spotkeeper.errors import MalformedEvent  # noqa: PLC0415 - on the path since load()
    from spotkeeper.events import Interruption, Kind, Notification, unwrap  # noqa: PLC0415

    try:
        found = [one for one in unwrap(raw) if isinstance(one, Notification) and one.kind is Kind.INTERRUPTION]
        return [Subject(Interruption.of(one, "cn-hangzhou")) for one in found]
    except MalformedEvent:
        return []


def show_timeline(answer: dict[str, Any], sent: float) -> None:
    """One line per step, in seconds since the event was sent."""
    from spotkeeper.events.times import epoch_seconds  # noqa: PLC0415

    for entry in answer.get("timeline", []):
        started = (epoch_seconds(entry["started_at"]) or sent) - sent
        print(f"  {started:6.1f} s  {entry['step']:<34}{entry['seconds']:6.1f} s")
    margin, overlap = answer.get("margin_seconds"), answer.get("overlap_seconds")
    print(f"\n  margin to the notice's end {margin} s, both ran for {overlap} s")
    for name in ("not_carried", "retained_disks", "warnings"):
        for text in answer.get(name, []):
            print(f"  {name.replace('_', ' ')}: {text}")


def count(cloud: Cloud) -> str:
    """How many requests of which product were made."""
    counts = Counter(call.product for call in cloud.calls)
    return f"{counts['ecs'] + counts['slb']} API calls ({counts['ecs']} ECS, {counts['slb']} SLB)"


def measured(handler: function_compute.Handler) -> Iterator[str]:
    """The calls of two rescues in which everything is ready at first look: the function's, not the waiting's."""
    event = (function_compute.ROOT / "events" / "interruption.cloudmonitor.json").read_bytes()
    context = function_compute.Context(function_compute.FunctionMeta("interruption"), "cn-hangzhou", fleet.ACCOUNT_ID)
    for name, balancers, groups in (("plain", 1, 1), ("large", 20, 5)):
        cloud = Cloud(fleet.EVENT_TIME + LATENCY)
        fleet.add_load_balancers(cloud, fleet.drill_fleet(cloud, sold_out=False), balancers, groups)
        variables = {"SPOTKEEPER_JOURNAL": "oss://spotkeeper-journal/drill", **function_compute.access(cloud)}
        with (
            in_process(cloud) as url,
            function_compute.environment({**variables, **function_compute.endpoints(url)}),
            function_compute.simulated_time(cloud.clock),
        ):
            handler(event, context)
        yield f"  {count(cloud)}: a {name} one that never waits, {balancers} CLB with {groups} vServer groups each"


def verdict(claim: str, found: list[str]) -> int:
    """Print the proof's result; the exit code."""
    for text in found:
        print(f"  NOT SO: {text}")
    print(f"\n{'NOT proven' if found else 'Proven by reading the cloud back'}: {claim}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
