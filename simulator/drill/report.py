"""The output of the drill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from simulator import fleet, function_compute
from simulator.cloud import Cloud
from simulator.transport import in_process

LATENCY = 1.0
"""An event arrives this many seconds after it was sent."""


def show_timeline(answer: dict[str, Any], sent: float) -> None:
    """One line per step, in seconds since the event was sent."""
    from spotkeeper.events.times import epoch_seconds  # noqa: PLC0415

    for entry in answer.get("timeline", []):
        started = (epoch_seconds(entry["started_at"]) or sent) - sent
        print(f"  {started:6.1f} s  {entry['step']:<34}{entry['seconds']:6.1f} s")
    margin, overlap = answer.get("margin_seconds"), answer.get("overlap_seconds")
    estimated = " (an estimate: no event gave the time)" if answer.get("notice_estimated") else ""
    print(f"\n  margin to the notice's end {margin} s{estimated}, both ran for {overlap} s")
    for name in ("not_carried", "retained_disks", "warnings"):
        for text in answer.get(name, []):
            print(f"  {name.replace('_', ' ')}: {text}")


def count(cloud: Cloud) -> str:
    """How many requests of which product were made."""
    counts = Counter(call.product for call in cloud.calls)
    return f"{counts['ecs'] + counts['slb']} API calls ({counts['ecs']} ECS, {counts['slb']} SLB)"


def measured() -> Iterator[str]:
    """The calls of two rescues in which everything is ready at first look: the function's, not the waiting's."""
    handler = function_compute.load("interruption")
    event = (function_compute.ROOT / "events" / "interruption.cloudmonitor.json").read_bytes()
    for name, balancers, groups in (("plain", 1, 1), ("large", 20, 5)):
        cloud = Cloud(fleet.EVENT_TIME + LATENCY)
        fleet.add_load_balancers(cloud, fleet.drill_fleet(cloud, sold_out=False), balancers, groups)
        variables = {"SPOTKEEPER_JOURNAL": "oss://spotkeeper-journal/drill"}
        with (
            in_process(cloud) as url,
            function_compute.environment({**variables, **function_compute.endpoints(url)}),
            function_compute.simulated_time(cloud.clock),
        ):
            handler(event, function_compute.context(cloud, "interruption"))
        size = f"CLBs: {balancers}, vServer groups: {balancers * groups}"
        yield f"  {count(cloud)}: a {name} rescue without any wait; {size}"


def verdict(claim: str, found: list[str]) -> int:
    """Print the proof's result; the exit code."""
    for text in found:
        print(f"  NOT SO: {text}")
    print(f"\n{'NOT proven' if found else 'Proven by reading the cloud back'}: {claim}")
    return 1 if found else 0
