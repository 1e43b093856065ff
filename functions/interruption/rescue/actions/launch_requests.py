"""The journal records of RunInstances: what a call is about to request, and what was launched.

``launch-request-<attempt>-<k>`` is written before the k-th RunInstances of a call, ``launched-<instance>`` right after
its answer. A call requests the next launch option only when the option before was refused. So only the last request of
a call can have launched an instance that is not recorded, and the same RunInstances with the same ClientToken answers
with its id ("How to ensure idempotence", document 25693). The records prove that an instance is this rescue's.

``launch-request-refused-<token>`` ends a round of launch options: that request was refused and has launched nothing, so
that no later call repeats it. The next call begins the next round.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from rescue.context import Context
from rescue.launch_spec.spec import run_parameters
from spotkeeper.errors import BrokenRecord, CloudError

INSTANCE_ID = re.compile(r"i-[a-z0-9]{1,40}")
REQUEST = re.compile(r"launch-request-(?P<attempt>[0-9]{1,9})-(?P<number>[0-9]{1,9})")
REFUSED = "launch-request-refused-"

TOKEN_LIFE_SECONDS = 3600.0
"""How long the cloud is assumed to remember a ClientToken; no document tells. After that, the same call launches a
second instance, so an older request is never repeated."""

Position = tuple[int, int]
"""Round and launch option: how far a call has come."""


@dataclass(frozen=True)
class LaunchRequest:
    """The request of a RunInstances call.

    ``round`` counts from 1. ``option`` is the index in the launch spec's list of launch options, ``instance_type`` and
    ``vswitch_id`` belong to it: another launch spec may have superseded this list. ``at`` is seconds since 1970.
    """

    round: int
    option: int
    instance_type: str
    vswitch_id: str
    image_id: str
    token: str
    at: float

    @property
    def position(self) -> Position:
        """Round and launch option."""
        return self.round, self.option


@dataclass(frozen=True)
class LaunchRecords:
    """The recorded launches of all calls.

    ``last`` is the last request of each call, by attempt. ``launched`` has the request of each launched instance, and
    ``launched_at`` when its answer was recorded (seconds since 1970), by instance id. ``deleted`` are deleted
    duplicates, ``gone`` replacements that were released before they served. ``refused`` are the ClientTokens of
    requests that were refused for good.
    """

    last: Mapping[int, LaunchRequest]
    launched: Mapping[str, LaunchRequest]
    launched_at: Mapping[str, float]
    deleted: frozenset[str]
    gone: frozenset[str]
    refused: frozenset[str]

    @property
    def candidates(self) -> list[str]:
        """The launched instances that may take over, in the same order for every call."""
        return sorted(set(self.launched) - self.deleted - self.gone)

    @property
    def furthest(self) -> Position:
        """The furthest position of any call."""
        return max((request.position for request in self.last.values()), default=(0, 0))

    @property
    def ended_round(self) -> int:
        """The latest round that has ended by a recorded refusal; 0 before the first."""
        return max((request.round for request in self.last.values() if request.token in self.refused), default=0)

    def unanswered(self, refused_tokens: Iterable[str] = ()) -> list[LaunchRequest]:
        """The requests that may have launched an instance that is not recorded, the furthest first."""
        known = {*refused_tokens, *(request.token for request in self.launched.values())}
        requests = {request.token: request for request in self.last.values() if request.token not in known}
        return sorted(requests.values(), key=lambda request: request.position, reverse=True)


def read(run: Context) -> LaunchRecords:
    """The present records. Raises ``JournalUnavailable``, ``BrokenRecord`` for a record that is no request."""
    names = run.episode.names()
    found = sorted((int(name["attempt"]), int(name["number"])) for name in map(REQUEST.fullmatch, names) if name)
    launched = {instance_id: f"launched-{instance_id}" for instance_id in _instances(names, "launched-")}
    return LaunchRecords(
        last={attempt: _request(run, f"launch-request-{attempt}-{number}") for attempt, number in dict(found).items()},
        launched={instance_id: _request(run, name) for instance_id, name in launched.items()},
        launched_at={instance_id: run.episode.look(name)["launched_at"] for instance_id, name in launched.items()},
        deleted=frozenset(_instances(names, "deleted-")),
        gone=frozenset(_instances(names, "gone-")),
        refused=frozenset(name.removeprefix(REFUSED) for name in names if name.startswith(REFUSED)),
    )


def _instances(names: Iterable[str], prefix: str) -> list[str]:
    found = (name.removeprefix(prefix) for name in names if name.startswith(prefix))
    return [instance_id for instance_id in found if INSTANCE_ID.fullmatch(instance_id)]


def _request(run: Context, name: str) -> LaunchRequest:
    record = run.episode.look(name)
    if not record:
        raise BrokenRecord(run.episode.key(name), "was listed and cannot be read")
    return LaunchRequest(**{field.name: record[field.name] for field in fields(LaunchRequest)})


def record_request(run: Context, position: Position, image_id: str) -> LaunchRequest:
    """Record the next request of this call. Raises ``JournalUnavailable``: then nothing may be launched."""
    round_number, option = position
    at = run.clock.now()
    token = token_of(run, round_number, parameters(run, option, image_id, at))
    add = launch_option(run, option)["add"]
    request = LaunchRequest(round_number, option, add["InstanceType"], add["VSwitchId"], image_id, token, at)
    run.episode.claim(f"launch-request-{run.attempt}", asdict(request))
    return request


def record_refusal(run: Context, request: LaunchRequest, error: CloudError) -> None:
    """Record that a request was refused and has launched nothing. Raises ``JournalUnavailable``."""
    run.refused_tokens.add(request.token)
    document = {"code": error.code, "request_id": error.request_id, "at": run.clock.now()}
    run.episode.record(f"{REFUSED}{request.token}", document)


def record_launch(run: Context, instance_id: str, request: LaunchRequest) -> None:
    """Record an instance that RunInstances has launched."""
    run.episode.record(f"launched-{instance_id}", {**asdict(request), "launched_at": run.clock.now()})


def parameters(run: Context, option: int, image_id: str, at: float) -> dict[str, Any]:
    """The RunInstances parameters except the token: by the recorded launch spec, the image, and the recorded moment."""
    spec = run.episode.records["launch-spec"]
    return run_parameters(spec, launch_option(run, option), image_id, run.episode.name, at)


def launch_option(run: Context, option: int) -> Mapping[str, Any]:
    """A launch option of the recorded launch spec. Raises ``BrokenRecord`` for an index that it does not have."""
    options: list[dict[str, Any]] = run.episode.records["launch-spec"]["launch_options"]
    if not 0 <= option < len(options):
        raise BrokenRecord(run.episode.key("launch-spec"), f"has no launch option {option}")
    return options[option]


def token_of(run: Context, round_number: int, parameters: Mapping[str, Any]) -> str:
    """The ClientToken, made of all parameters: no token is ever used for two different calls."""
    return run.token("RunInstances", str(round_number), repr(sorted(parameters.items())))


def why_not_repeated(run: Context, request: LaunchRequest) -> str:
    """Why the same call cannot be repeated with a token that the cloud still knows; empty if it can."""
    if run.clock.now() - request.at > TOKEN_LIFE_SECONDS:
        return "its ClientToken is too old to be repeated"
    if "launch-spec" not in run.episode.records:
        return "the launch spec is missing or cannot be read, so the same call cannot be repeated"
    repeated = parameters(run, request.option, request.image_id, request.at)
    if token_of(run, request.round, repeated) != request.token:
        return "the source or a setting has changed since, so the same call cannot be repeated"
    return ""
