"""The deployables as Function Compute mounts them, under CPython 3.10, against the served cloud."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulator import fleet, function_compute
from simulator.server import Server
from tests.house.dist import Dist, built_dist
from tests.rescue.stage import ROOT, Stage, stage

ENVELOPES = sorted((ROOT / "events").glob("interruption.*"))

# Waits of the function move the simulated clock: the contract's own way, by replacing three functions after import.
INVOKE = """
import index, json, os, time, types, urllib.request
url, account, event = os.environ["CLOUD"], os.environ["ACCOUNT"], open(sys.argv[1], "rb").read()
skipped = 0.0
def sleep(seconds):
    global skipped
    skipped += seconds
    body = json.dumps({"advance": seconds}).encode()
    urllib.request.urlopen(urllib.request.Request(url + "/-/clock", body, method="POST")).read()
started = float(os.environ["NOW"])
time.sleep, time.time, time.monotonic = sleep, lambda: started + skipped, lambda: skipped
function = types.SimpleNamespace(name="interruption", timeout="900")
context = types.SimpleNamespace(request_id="1-5c9c5e8a", function=function, region="cn-hangzhou", account_id=account)
print(json.dumps(index.handler(event, context)))
"""


@pytest.fixture(scope="session")
def dist() -> Dist:
    """Return a built ``dist/`` of the sources as they are."""
    return built_dist()


@contextmanager
def served(here: Stage) -> Iterator[dict[str, str]]:
    """The environment of a function that is pointed at the stage's cloud over HTTP."""
    with Server(here.cloud) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield {
            **function_compute.endpoints(server.url),
            **function_compute.access(here.cloud),
            "CLOUD": server.url,
            "ACCOUNT": fleet.ACCOUNT_ID,
            "NOW": str(here.cloud.clock.now()),
            "SPOTKEEPER_JOURNAL": "oss://spotkeeper-journal/rescues",
            "PATH": os.environ["PATH"],
        }
        server.shutdown()


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda path: path.name)
def test_every_envelope_on_dist(dist: Dist, envelope: object) -> None:
    """Each envelope leads to the same proven end state, with nothing but dist/ and the standard library on the path."""
    here = stage()
    with served(here) as env:
        run = dist.run("interruption", INVOKE, str(envelope), env=env)
    assert run.returncode == 0, run.stderr.decode()
    answer = json.loads(run.stdout)
    assert answer["outcome"] == "done"
    assert here.shortcomings() == []


def test_nothing_is_written_into_dist(dist: Dist) -> None:
    """Function Compute mounts both folders read-only: a rescue leaves them as they are."""
    before = {path: path.stat().st_mtime_ns for path in dist.path.rglob("*")}
    here = stage()
    with served(here) as env:
        assert dist.run("interruption", INVOKE, str(ENVELOPES[0]), env=env).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in dist.path.rglob("*")} == before
