"""Function Compute as a function sees it: entry point, context, environment, and simulated time."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import ram
from simulator.clock import VirtualClock
from simulator.cloud import Cloud
from simulator.ram import Policy
from simulator.signing import AccessKey

ROOT = Path(__file__).resolve().parent.parent

Handler = Callable[[bytes, Any], dict[str, Any]]


@dataclass(frozen=True)
class FunctionMeta:
    """``context.function``; ``timeout`` in seconds."""

    name: str
    timeout: float | str = 900


@dataclass(frozen=True)
class StsCredentials:
    """``context.credentials`` of runtime python3.10."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(default="", repr=False)


@dataclass
class Context:
    """The context of a handler."""

    function: FunctionMeta
    region: str
    account_id: str
    request_id: str = "1-5c9c5e8a-000000000000"
    credentials: StsCredentials | None = None


def load(name: str, root: Path = ROOT) -> Handler:
    """The handler of a function of the source tree. Its packages have names of their own, its ``index`` has not."""
    folder = root / "functions" / name
    for path in (str(root / "shared"), str(folder)):
        if path not in sys.path:
            sys.path.insert(0, path)
    spec = importlib.util.spec_from_file_location(f"{name}_index", folder / "index.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(folder / "index.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Handler = module.handler
    return handler


@contextmanager
def simulated_time(clock: VirtualClock) -> Iterator[None]:
    """Replace ``time.sleep``, ``time.time`` and ``time.monotonic``: whoever sleeps moves the simulated clock."""
    with mock.patch.multiple(
        time, sleep=lambda seconds: clock.advance(max(0.0, seconds)) and None, time=clock.now, monotonic=clock.now
    ):
        yield


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """The function's environment variables and nothing that this machine sets beside them."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    with mock.patch.dict(os.environ, {**kept, **variables}, clear=True):
        yield


def assume(cloud: Cloud, function: str) -> StsCredentials:
    """The key that a function gets for its role: it has the permissions of ``ram/<function>.policy.json``.

    The policy is made for the settings in the environment, as ``tools/permissions`` makes it for those in ``s.yaml``.
    """
    key_id = f"STS.{function}"
    key = cloud.access_keys.setdefault(key_id, AccessKey(key_id, f"Secret-of-{function}", f"Token-of-{function}"))
    key.allowed = Policy.of(ram.policy(function, placeholders(cloud, os.environ)))
    return StsCredentials(key.access_key_id, key.secret, str(key.security_token))


def context(cloud: Cloud, function: str, timeout: float = 900, *, request_id: str = Context.request_id) -> Context:
    """The context of a function, with the key of its role (see ``assume``)."""
    meta = FunctionMeta(function, timeout)
    return Context(meta, cloud.region, cloud.account_id, request_id, assume(cloud, function))


def placeholders(cloud: Cloud, environ: Mapping[str, str]) -> dict[str, str]:
    """The values of the placeholders of the policies in a deployment with these settings."""
    bucket, _, prefix = environ.get("SPOTKEEPER_JOURNAL", "").removeprefix("oss://").partition("/")
    functions = {f"{name}_function": f"spotkeeper-{name.replace('_', '-')}" for name in ram.FUNCTIONS}
    named = {name: environ.get(f"SPOTKEEPER_{name.upper()}", "") for name in functions}
    return {
        "region": cloud.region,
        "journal_bucket": bucket,
        "journal_prefix": f"{prefix}/" if prefix else "",
        "log_project": "spotkeeper-logs",
        "logstore": "spotkeeper",
        "alarm_topic": "spotkeeper-alarm",
        **functions,
        **{name: text for name, text in named.items() if text},
    }


def access(cloud: Cloud) -> dict[str, str]:
    """The variables with the embedded cloud's key pair."""
    key = cloud.access_key
    return {"ALIBABA_CLOUD_ACCESS_KEY_ID": key.access_key_id, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.secret}


def endpoints(url: str) -> dict[str, str]:
    """The variables that point a function to an embedded cloud."""
    return {f"{product}_ENDPOINT": url for product in ("ECS", "SLB", "ESS", "OSS", "FUNCTION_COMPUTE")}
