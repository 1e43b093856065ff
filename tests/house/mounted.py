"""Functions as Function Compute mounts them, under the runtime's CPython, against a cloud that is served over HTTP."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict
from typing import Any

from simulator import function_compute
from simulator.cloud import Cloud
from simulator.server import Server
from tests.house.dist import Dist
from tools.runtime import PYTHON310

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
function = types.SimpleNamespace(name=os.environ["FUNCTION"], timeout="900")
region = os.environ["REGION"]
context = types.SimpleNamespace(request_id="1-5c9c5e8a", function=function, region=region, account_id=account)
if "ROLE" in os.environ:
    context.credentials = types.SimpleNamespace(**json.loads(os.environ["ROLE"]))
print(json.dumps(index.handler(event, context)))
"""


def play(dist: Dist, name: str, event_file: object, cloud: Cloud, **settings: str) -> dict[str, Any]:
    """The answer of a built function to the event in a file, with nothing but dist/ and the stdlib on its path.

    It runs under its own role.
    """
    with function_compute.environment(settings):
        role = function_compute.assume(cloud, name)
    with Server(cloud) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        env = {
            **function_compute.endpoints(server.url),
            **_credentials(dist, role),
            "CLOUD": server.url,
            "ACCOUNT": cloud.account_id,
            "REGION": cloud.region,
            "FUNCTION": name,
            "NOW": str(cloud.clock.now()),
            "PATH": os.environ["PATH"],
            **settings,
        }
        try:
            run = dist.run(name, INVOKE, str(event_file), env=env)
        finally:
            server.shutdown()
    assert run.returncode == 0, run.stderr.decode()
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def _credentials(dist: Dist, role: function_compute.StsCredentials) -> dict[str, str]:
    """Where the runtime has them: in the context, which INVOKE makes; on python3.12 in the environment alone."""
    if dist.runtime is PYTHON310:
        return {"ROLE": json.dumps(asdict(role))}
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": role.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": role.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": role.security_token,
    }
