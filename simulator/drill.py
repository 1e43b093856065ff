"""``make drill``: a whole rescue on the embedded cloud, with the real SDKs, proven by reading the cloud back.

A timer event goes to ``sweep``, in a cloud where the interruption event got lost: the rescue is what the sweep makes of
it. A state change goes to ``state_change``, every other event to ``interruption``.

Exit code 0: proven (or rightly skipped with nothing changed); 1: not proven, or the function failed; 2: the event
cannot be understood.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulator import drill_state_change, fleet, function_compute, proof
from simulator.cloud import Cloud
from simulator.drill_report import LATENCY, count, measured, show_timeline, verdict
from simulator.ecs import Timings
from simulator.function_compute import ROOT
from simulator.server import Server

TIMINGS = Timings(image=90, usable=60, snapshot=75, boot=25, stop=10)
"""Of a small web server: seconds."""
TIMEOUT = 900
SEED = 1
AUDIT_FILE = ".cache/drill-audit.jsonl"
UNSEEN = 59.0
"""In the timer's drill the lock is so many seconds old: it appeared just after the last sweep."""


def main(arguments: list[str]) -> int:
    """Deliver the event; returns the exit code."""
    path = Path(arguments[0] if arguments else "events/interruption.cloudmonitor.json")
    logging.getLogger("spotkeeper.audit").propagate = False  # into a file instead
    try:
        raw = path.read_bytes()
    except OSError as error:
        print(f"cannot read {path}: {error.strerror}", file=sys.stderr)
        return 2
    functions = {name: function_compute.load(name) for name in ("interruption", "state_change", "sweep")}
    from spotkeeper.errors import SpotkeeperError  # noqa: PLC0415 - on the path since load()

    drill = Drill(raw, functions)
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
    """One event, one cloud around its instance, and the functions."""

    def __init__(self, raw: bytes, functions: Mapping[str, function_compute.Handler]) -> None:
        self.raw = raw
        subject = subject_of(raw)
        self.expects_rescue = subject is not None
        self.swept = subject is not None and subject.swept
        self.subject = subject or Subject()
        self.cloud = Cloud(self.subject.locked_at, self.subject.region, self.subject.account_id)
        self.cloud.ecs.timings = TIMINGS
        changes = drill_state_change.around(self.subject.state) if self.subject.state else {}
        self.fleet = fleet.drill_fleet(self.cloud, self.subject.instance_id, **changes)
        self.handler = functions[self.subject.function]
        self.cloud.fc.register("spotkeeper-interruption", lambda one: functions["interruption"](one, self.context))
        self.before = self.cloud.state()

    @property
    def context(self) -> function_compute.Context:
        """What Function Compute hands to any function."""
        meta = function_compute.FunctionMeta("drill", TIMEOUT)
        return function_compute.Context(meta, self.subject.region, self.subject.account_id)

    def deliver(self) -> dict[str, Any]:
        """Call the function as Function Compute would, over real HTTP, on simulated time; then what it invoked."""
        random.seed(SEED)  # the functions' jitter, so that every drill is the same
        with Server(self.cloud) as server, tempfile.TemporaryDirectory(prefix="spotkeeper-drill-") as journal:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            variables = {
                **function_compute.endpoints(server.url),
                **function_compute.access(self.cloud),
                "SPOTKEEPER_JOURNAL": f"file://{journal}",
            }
            try:
                with (
                    audit_in(ROOT / AUDIT_FILE),
                    function_compute.environment(variables),
                    function_compute.simulated_time(self.cloud.clock),
                ):
                    self.cloud.clock.advance(self.subject.arrives_after)
                    answer = self.handler(self.raw, self.context)
                    self.cloud.fc.run_pending()
                    return answer
            finally:
                server.shutdown()

    def judge(self, answer: dict[str, Any]) -> int:
        """Show what happened, and prove it by the cloud's state alone."""
        after = self.cloud.state()
        print(f"{answer['outcome']}: {answer['reason']}\n")
        if self.subject.state:
            print(f"  audit records: {AUDIT_FILE}\n")
            return drill_state_change.judge(self.cloud, self.before, self.subject.instance_id, self.subject.state)
        if not self.expects_rescue:
            return verdict("nothing was changed", proof.untouched(self.before, after))
        if self.swept:
            answer = self._handed_over(answer)
        answer = next(iter(answer.get("results", [])), answer)
        show_timeline(answer, self.before["now"] - (0.0 if self.swept else LATENCY))
        print(f"\n  {count(self.cloud)}: this rescue, waiting included")
        print(*measured(), sep="\n")
        print(f"\n  audit records: {AUDIT_FILE}")
        return verdict(
            "one image of all disks, one replacement like its source, in the same places with the same ports and "
            "weights, bystanders untouched, disk flags back",
            proof.shortcomings(self.before, after, self.fleet.source.instance_id)
            + proof.elsewhere(self.before, after, self.fleet.source.instance_id),
        )

    def _handed_over(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What the sweep handed over came to this answer."""
        asked = next((call.at for call in self.cloud.calls if call.action == "CreateImage"), None)
        if asked is not None:
            print(f"CreateImage was called {asked - self.before['now']:.1f} s after the lock appeared.")
        for one in self.cloud.fc.finished:
            print(f"{one.function} (task {one.task_id}) {one.outcome} after {one.attempts} attempt(s)")
            answer = one.result if isinstance(one.result, dict) else answer
        print(f"{answer['outcome']}: {answer['reason']}\n")
        return answer


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


class Subject:
    """What the fleet is built around; the sample's values where an event has none."""

    def __init__(self, event: Any = None, *, tick: float | None = None) -> None:
        self.instance_id = event.instance_id if event else fleet.INSTANCE_ID
        self.region = event.region if event else "cn-hangzhou"
        self.account_id = (event.account_id if event else None) or fleet.ACCOUNT_ID
        self.swept = tick is not None
        self.state = str(getattr(event, "state", ""))
        self.function = "sweep" if self.swept else "state_change" if self.state else "interruption"
        sent = (event.time if event else None) or fleet.EVENT_TIME
        self.locked_at = sent + LATENCY if tick is None else tick - UNSEEN
        self.arrives_after = 0.0 if tick is None else UNSEEN


def subject_of(raw: bytes) -> Subject | None:
    """Whom the event is about, as the functions' own parser reads it; what is malformed is theirs to say."""
    from spotkeeper.errors import MalformedEvent  # noqa: PLC0415 - on the path since load()
    from spotkeeper.events import Interruption, Kind, Notification, StateChange, Timer, unwrap  # noqa: PLC0415

    try:
        for one in unwrap(raw):
            if isinstance(one, Notification) and one.kind is Kind.INTERRUPTION:
                return Subject(Interruption.of(one, "cn-hangzhou"))
            if isinstance(one, Notification) and one.kind is Kind.STATE_CHANGE:
                return Subject(StateChange.of(one, "cn-hangzhou"))
            if isinstance(one, Notification) and one.kind is Kind.TIMER:
                return Subject(tick=Timer.of(one, "cn-hangzhou").trigger_time or fleet.EVENT_TIME)
    except MalformedEvent:
        return None
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
