"""Which launch options were asked for, and what RunInstances launched: the records that prove an instance ours.

``ask-<attempt>-<k>`` stands before the k-th RunInstances of a call and says exactly what it asks for;
``launched-<instance>`` stands right after the answer. A call asks for the next option only when the one before was
refused. So of each call only the last ask can have launched an instance that no record names, and the same RunInstances
with the same ClientToken answers with its id ("How to ensure idempotence", document 25693).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rescue.context import Context
from rescue.launch_spec import run_parameters
from spotkeeper.errors import BrokenRecord

INSTANCE_ID = re.compile(r"i-[a-z0-9]{1,40}")
ASK = re.compile(r"ask-(?P<attempt>[0-9]{1,9})-(?P<number>[0-9]{1,9})")

TOKEN_LIFE_SECONDS = 3600.0
"""For how long a ClientToken is taken to be remembered. No document tells; when it is forgotten, the same call
launches a second instance, so an older ask is never repeated."""


@dataclass(frozen=True)
class Ask:
    """One RunInstances call as it was or is about to be asked.

    ``round`` counts from 1; ``option`` is the place in the plan's list of launch options, from 0, ``instance_type`` and
    ``vswitch_id`` are that option's: another plan may have superseded this one. ``at`` is seconds since 1970.
    """

    round: int
    option: int
    instance_type: str
    vswitch_id: str
    image_id: str
    token: str
    at: float

    @property
    def place(self) -> tuple[int, int]:
        """How far on the ladder it is."""
        return self.round, self.option


@dataclass(frozen=True)
class Launch:
    """What an ask came to; ``at`` is when its answer was recorded, seconds since 1970."""

    ask: Ask
    at: float


@dataclass(frozen=True)
class Asks:
    """What the journal tells of all calls' launches.

    ``last`` is the last ask of each call, by attempt. ``launched`` are the launches by the instance's id. ``deleted``
    are those that were surplus and are deleted, ``gone`` those that were released before they served.
    """

    last: Mapping[int, Ask]
    launched: Mapping[str, Launch]
    deleted: frozenset[str]
    gone: frozenset[str]

    @property
    def standing(self) -> list[str]:
        """The launched instances that may take over, in the same order for every call."""
        return sorted(set(self.launched) - self.deleted - self.gone)

    @property
    def furthest(self) -> tuple[int, int]:
        """How far any call has come."""
        return max((ask.place for ask in self.last.values()), default=(0, 0))

    def unanswered(self, refused: Iterable[str] = ()) -> list[Ask]:
        """The asks that may have launched what no record names, the furthest first.

        ``refused`` are tokens of which this call knows better.
        """
        known = {*refused, *(one.ask.token for one in self.launched.values())}
        asks = {ask.token: ask for ask in self.last.values() if ask.token not in known}
        return sorted(asks.values(), key=lambda ask: ask.place, reverse=True)


def read(run: Context) -> Asks:
    """As the journal has them now. Raises ``JournalUnavailable``, ``BrokenRecord`` for what is no ask."""
    names = run.episode.names()
    last = dict(sorted(_numbers(names)))
    return Asks(
        last={attempt: _read(run, f"ask-{attempt}-{number}") for attempt, number in last.items()},
        launched={one: _launch(run, f"launched-{one}") for one in _instances(names, "launched-")},
        deleted=frozenset(_instances(names, "deleted-")),
        gone=frozenset(_instances(names, "gone-")),
    )


def _instances(names: Iterable[str], prefix: str) -> list[str]:
    found = (name.removeprefix(prefix) for name in names if name.startswith(prefix))
    return [one for one in found if INSTANCE_ID.fullmatch(one)]


def _numbers(names: Iterable[str]) -> Iterable[tuple[int, int]]:
    """(attempt, number) of each ``ask`` record."""
    for name in names:
        if found := ASK.fullmatch(name):
            yield int(found["attempt"]), int(found["number"])


def _read(run: Context, name: str) -> Ask:
    record = run.episode.look(name)
    try:
        return Ask(
            int(record["round"]),
            int(record["option"]),
            str(record["instance_type"]),
            str(record["vswitch_id"]),
            str(record["image_id"]),
            str(record["token"]),
            float(record["at"]),
        )
    except (KeyError, TypeError, ValueError):
        raise _broken(run, name) from None


def _launch(run: Context, name: str) -> Launch:
    ask = _read(run, name)
    try:
        return Launch(ask, float(run.episode.look(name)["launched_at"]))
    except (KeyError, TypeError, ValueError):
        raise _broken(run, name) from None


def _broken(run: Context, name: str) -> BrokenRecord:
    return BrokenRecord(run.episode.key(name), "does not say what was asked for")


def about_to(run: Context, place: tuple[int, int], image_id: str) -> Ask:
    """Write down what this call asks for next. Raises ``JournalUnavailable``: nothing may be launched then."""
    round_number, option = place
    at = run.clock.now()
    token = token_of(run, round_number, parameters(run, option, image_id, at))
    add = rung(run, option)["add"]
    ask = Ask(round_number, option, add["InstanceType"], add["VSwitchId"], image_id, token, at)
    run.episode.claim(f"ask-{run.attempt}", asdict(ask))
    return ask


def launched(run: Context, instance_id: str, ask: Ask) -> None:
    """Write down what RunInstances has launched."""
    run.episode.record(f"launched-{instance_id}", {**asdict(ask), "launched_at": run.clock.now()})


def parameters(run: Context, option: int, image_id: str, at: float) -> dict[str, Any]:
    """Of RunInstances, but for the token: made of the recorded plan, the image, and the ask's recorded moment."""
    return run_parameters(run.episode.records["launch-spec"], rung(run, option), image_id, run.episode.name, at)


def rung(run: Context, option: int) -> Mapping[str, Any]:
    """A launch option of the recorded plan. Raises ``BrokenRecord`` for a place that the plan does not have."""
    rungs: list[dict[str, Any]] = run.episode.records["launch-spec"]["rungs"]
    if not 0 <= option < len(rungs):
        raise BrokenRecord(run.episode.key("launch-spec"), f"has no launch option {option}")
    return rungs[option]


def token_of(run: Context, round_number: int, parameters: Mapping[str, Any]) -> str:
    """The ClientToken. It is made of all parameters, so none is ever used for two different calls."""
    return run.token("RunInstances", str(round_number), repr(sorted(parameters.items())))


def why_not_repeated(run: Context, ask: Ask) -> str:
    """Why the very same call cannot be sent with its token still known to the cloud; empty where it can."""
    if run.clock.now() - ask.at > TOKEN_LIFE_SECONDS:
        return "its ClientToken is too old to tell"
    if token_of(run, ask.round, parameters(run, ask.option, ask.image_id, ask.at)) != ask.token:
        return "the source or a setting has changed since, so that the same call cannot be sent again to tell"
    return ""
