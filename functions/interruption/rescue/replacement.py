"""The instance that takes over: launched once, by whichever call comes first."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from rescue.facts import Facts, Replacement
from rescue.ladder import RUN_CONFLICTS, Verdict, verdict
from rescue.launch_spec import run_parameters
from rescue.tools import Tools
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import CloudError, NoCapacity, RescueFailed, WaitFailed
from spotkeeper.instances import Described, describe_instance, describe_instances, tags_of
from spotkeeper.polling import ABSENT, Waiter, wait_for
from spotkeeper.retry import RetryPolicy, passes_by_itself

RUNNING = Waiter(
    "replacement",
    success=frozenset({"Running"}),
    retry=frozenset({"Pending", "Starting", "Stopped", ABSENT}),
    longest_pause=5.0,
)
"""Stopped is on the way: RunInstances shows it between Pending and Starting."""

DELETE_CONFLICTS = RetryPolicy(conflicts=frozenset({"IncorrectInstanceStatus.Initializing", "IncorrectInstanceStatus"}))
ALREADY_GONE = "InvalidInstanceId.NotFound"

Rung = Mapping[str, Any]
"""A rung of the recorded plan (see ``launch_spec``); empty for a replacement that an earlier call launched."""

FIRST_ROUND_PAUSE = 10.0
LONGEST_ROUND_PAUSE = 60.0


def made_here(tools: Tools) -> list[Described]:
    """The instances that this episode launched and that still exist, whatever the journal names."""
    parameters = {"Tag": [{"Key": EPISODE_TAG, "Value": tools.episode.name}]}
    found = describe_instances(tools.ecs, tools.episode.name, parameters)
    return [one for one in found if tags_of(one).get(EPISODE_TAG) == tools.episode.name]


def launch(tools: Tools, facts: Facts) -> Facts:
    """Walk the ladder until somebody has a replacement.

    A round's ClientTokens are its own, so what was refused for want of stock is really asked again; a round that an
    earlier call began is walked again with its tokens, so that an answer that got lost is found instead of repeated.
    Raises ``NoCapacity`` at the deadline and ``CloudError`` for what no rung can change.
    """
    number = tools.episode.last("round")
    launched = _adopt(tools) if number else ""
    pause = FIRST_ROUND_PAUSE
    rung: Rung = {}
    while not launched:
        number = _begin_round(tools, max(1, number))
        launched, rung, refusals = walk(tools, facts, number)
        if not launched:
            _pause(tools, facts, pause, refusals)
            launched, number = _adopt(tools), number + 1
            pause = min(LONGEST_ROUND_PAUSE, pause * 2)
    return _keep(tools, facts, launched, rung)


def _adopt(tools: Tools) -> str:
    """What this episode launched already; of several the same for every call."""
    return min((str(one["InstanceId"]) for one in made_here(tools)), default="")


def _pause(tools: Tools, facts: Facts, seconds: float, refusals: list[str]) -> None:
    """Between two rounds. Raises ``NoCapacity`` where no time is left for another."""
    if seconds >= tools.deadline.remaining():
        safe = f"The image {facts.image_id} is safe; the" if facts.image_id else "The"
        raise NoCapacity(
            f"no replacement for {tools.instance_id} yet: {'; '.join(refusals)}. {safe} next call goes on. More rungs: "
            "SPOTKEEPER_FALLBACK_INSTANCE_TYPES, SPOTKEEPER_FALLBACK_VSWITCH_IDS"
        )
    tools.clock.sleep(seconds * (1.0 - 0.2 * random.random()))  # noqa: S311 - keeps many rescues out of step


def _begin_round(tools: Tools, number: int) -> int:
    """Only what the journal knows may be launched: who comes later has to find it."""
    tools.episode.record(f"round-{number}", {"at": tools.clock.now()})
    return number


def walk(tools: Tools, facts: Facts, round_number: int) -> tuple[str, Rung, list[str]]:
    """One round: the launched instance's id (or an empty text) with its rung, and why each rung before was refused."""
    plan = tools.episode.records["plan"]
    refusals: list[str] = []
    spot = True
    for rung in plan["rungs"]:
        if rung["add"]["SpotStrategy"] != "NoSpot" and not spot:
            continue
        parameters = run_parameters(plan, rung, facts.image_id or plan["own_image"], tools.episode.name)
        try:
            return _run(tools, parameters, round_number), rung, refusals
        except CloudError as error:
            outcome = _outcome(error)
            refusals.append(f"{describe_rung(rung)}: {error.code}")
            spot = spot and outcome is not Verdict.ON_DEMAND
    return "", {}, refusals


def _outcome(error: CloudError) -> Verdict:
    outcome = verdict(error)
    if passes_by_itself(error, RUN_CONFLICTS) or outcome is Verdict.TERMINAL:
        raise error
    return outcome


def describe_rung(rung: Rung) -> str:
    """``spot ecs.g7.large in vsw-…``."""
    add = rung["add"]
    charge = "on-demand" if add["SpotStrategy"] == "NoSpot" else "spot"
    return f"{charge} {add['InstanceType']} in {add['VSwitchId']}"


def _run(tools: Tools, parameters: dict[str, Any], round_number: int) -> str:
    """RunInstances. The token is made of all parameters: none is ever used for two different calls."""
    token = tools.token("RunInstances", str(round_number), repr(sorted(parameters.items())))
    answer = tools.ecs.call(
        "RunInstances", f"replacement of {tools.instance_id}", {**parameters, "ClientToken": token}, retry=RUN_CONFLICTS
    )
    launched = (answer.get("InstanceIdSets") or {}).get("InstanceIdSet") or []
    if not launched:
        raise RescueFailed(
            f"RunInstances for {tools.instance_id} answered without an instance id; calling again finds it"
        )
    return str(launched[0])


def _keep(tools: Tools, facts: Facts, instance_id: str, rung: Rung) -> Facts:
    """Agree with all other calls on which instance stays; what lost is deleted."""
    document = {
        "instance_id": instance_id,
        "at": tools.clock.now(),
        "rung": describe_rung(rung) if rung else "the rung of an earlier call",
        "drops": list(rung.get("drops", ())),
    }
    standing = tools.episode.record("replacement", document)
    kept = str(standing["instance_id"])
    if kept != instance_id:
        delete(tools, instance_id)
    return facts.but(replacement=Replacement.STARTING, replacement_id=kept, launched_here=standing == document)


def delete(tools: Tools, instance_id: str) -> None:
    """Delete a surplus replacement of this episode (a new instance refuses for its first minute)."""
    try:
        tools.ecs.call(
            "DeleteInstance", instance_id, {"InstanceId": instance_id, "Force": True}, retry=DELETE_CONFLICTS
        )
    except CloudError as error:
        if error.code != ALREADY_GONE:
            raise


def wait_until_running(tools: Tools, facts: Facts) -> Facts:
    """Wait until it is Running, and record since when."""

    def status() -> tuple[str, Described | None]:
        seen = describe_instance(tools.ecs, facts.replacement_id)
        return str(seen.get("Status")) if seen else ABSENT, seen

    try:
        wait_for(RUNNING, facts.replacement_id, status, tools.clock, tools.deadline)
    except WaitFailed as failure:
        image = f"The image {facts.image_id} is safe. " if facts.image_id else ""
        raise RescueFailed(
            f"{failure}. {image}Somebody or something released the replacement: launch another one by hand; the places "
            f"to give it are in the journal ({tools.episode.home}/{tools.episode.name}/memberships)"
        ) from failure
    tools.episode.record("running", {"at": tools.clock.now()})
    return facts.but(replacement=Replacement.RUNNING)


def check_strays(tools: Tools, facts: Facts) -> Facts:
    """Delete what this episode launched and the journal does not name.

    A call that launched the one that is named, and has been the only call of its episode, need not ask: whoever joins
    leaves word in the journal before it launches anything.
    """
    if facts.launched_here and tools.episode.calls() == 1:
        return facts.but(strays_checked=True)
    strays: list[str] = [str(one["InstanceId"]) for one in made_here(tools)]
    surplus = [instance_id for instance_id in strays if instance_id != facts.replacement_id]
    for instance_id in surplus:
        delete(tools, instance_id)
    return facts.but(strays_checked=True).warn(*(f"surplus replacement {one} was deleted" for one in surplus))
