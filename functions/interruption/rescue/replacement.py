"""The instance that takes over: launched once, by whichever call comes first.

An instance is this rescue's where ``asks`` has it on record, or where the recorded RunInstances, repeated, answers with
its id. A tag is no proof: anybody can write it, and the console copies it. What merely carries ours is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from rescue import asks
from rescue.asks import Ask, Asks
from rescue.facts import Facts, Replacement
from rescue.ladder import ABOVE_PRICE_LIMIT, RUN_CONFLICTS, ends_round, is_terminal
from rescue.tools import Tools
from spotkeeper.clock import Deadline
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import CloudError, DeadlineReached, NoCapacity, RescueFailed, WaitFailed
from spotkeeper.instances import Described, describe_instance, describe_instances, tags_of
from spotkeeper.polling import ABSENT, Waiter, wait_for
from spotkeeper.retry import RetryPolicy

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
"""A launch option of the recorded plan (see ``launch_spec``)."""

RUN_SECONDS = 20.0
"""How long one option is asked for in spite of throttling and conflicts."""

VISIBLE_SECONDS = 60.0
LOOK_PAUSE = 3.0
"""How long after its launch an instance may not be visible yet, and how often it is looked for meanwhile."""

SEARCH_SECONDS = 3600.0
"""For how long after the rescue's end a surplus launch of a dead call is searched for."""


def launch(tools: Tools, facts: Facts) -> Facts:
    """One round: what other calls have launched, else the options from where the furthest call came to.

    A round's ClientTokens are its own, so what was refused for want of stock is really asked again. Raises
    ``NoCapacity`` where every option was refused, ``CloudError`` for what no option can change and for what passes by
    itself; the next round then begins with the same call.
    """
    known = asks.read(tools)
    found = _named(tools, known) or _repeated(tools, known)
    return _keep(tools, facts, *(found or _walk(tools, facts, known)))


def _named(tools: Tools, known: Asks) -> tuple[str, Ask] | None:
    """What an earlier answer named, if it still exists; of several the same for every call."""
    alive = (one for one in known.standing if _stands(tools, one, known.launched[one].at))
    return next(((one, known.launched[one]) for one in alive), None)


def _stands(tools: Tools, instance_id: str, launched_at: float) -> bool:
    """Whether it exists. A new one may not be visible yet; one that is not for a minute was released.

    Raises ``DeadlineReached`` where that cannot be told yet.
    """
    while describe_instance(tools.ecs, instance_id) is None:
        if tools.clock.now() - launched_at >= VISIBLE_SECONDS:
            return False
        if tools.deadline.remaining() <= LOOK_PAUSE:
            raise DeadlineReached(f"instance {instance_id} is not visible yet; the next call looks again")
        tools.clock.sleep(LOOK_PAUSE)
    return True


def _repeated(tools: Tools, known: Asks) -> tuple[str, Ask] | None:
    """What a call that died has launched without a record, found by sending its last RunInstances once more.

    A cloud that remembers a token may answer with an instance that was released since, so that is looked at.
    """
    for ask in known.unanswered(tools.refused):
        if not asks.can_be_repeated(tools, ask):
            _refuse_where_it_may_stand(tools, ask, known)
            tools.refused.add(ask.token)
            continue
        try:
            instance_id = _run(tools, ask)
        except CloudError as error:
            _unless_next(tools, ask, error)
        else:
            if _stands(tools, instance_id, tools.clock.now()):
                return instance_id, ask
    return None


def _refuse_where_it_may_stand(tools: Tools, ask: Ask, known: Asks) -> None:
    """Raises ``RescueFailed`` where a call that died may have launched an instance that nothing can prove any more.

    Sent again, a forgotten token would launch another instance beside it.
    """
    if suspects := _suspects(tools, ask, tagged(tools), known):
        raise RescueFailed(
            f"{', '.join(suspects)} may be the replacement of {tools.instance_id}: a call that died asked for such an "
            f"instance, and its ClientToken is too old to tell. Nothing else is launched meanwhile. Delete it, or take "
            f"off its tag {EPISODE_TAG} if it is yours, then invoke the function again with the same event"
        )


def _walk(tools: Tools, facts: Facts, known: Asks) -> tuple[str, Ask]:
    """Ask for one option after the other. Raises ``NoCapacity`` at the end of the ladder."""
    plan = tools.episode.records["plan"]
    image_id = facts.image_id or str(plan["own_image"])
    refusals: list[str] = []
    for place in _places(known.furthest, len(plan["rungs"])):
        ask = asks.about_to(tools, place, image_id)
        try:
            return _run(tools, ask), ask
        except CloudError as error:
            _unless_next(tools, ask, error)
            option = describe_rung(plan["rungs"][ask.option])
            refusals.append(f"{option}: {error.code} (request id {error.request_id or 'none'})")
            if error.code == ABOVE_PRICE_LIMIT:
                tools.too_dear.append(f"{option} costs more than SpotPriceLimit and was skipped ({error.code})")
    safe = f"The image {facts.image_id} is safe; the" if facts.image_id else "The"
    raise NoCapacity(
        f"no replacement for {tools.instance_id} yet: {'; '.join(refusals)}. {safe} next call goes on. More launch "
        "options: SPOTKEEPER_FALLBACK_INSTANCE_TYPES, SPOTKEEPER_FALLBACK_VSWITCH_IDS"
    )


def _places(furthest: tuple[int, int], options: int) -> Iterable[tuple[int, int]]:
    """The rest of the round that the furthest call is in, or the next round where that one is at its end."""
    round_number, option = furthest
    if round_number == 0 or option + 1 >= options:
        return ((round_number + 1, one) for one in range(options))
    return ((round_number, one) for one in range(option + 1, options))


def _unless_next(tools: Tools, ask: Ask, error: CloudError) -> None:
    """Go on to the next option, unless the refusal concerns all of them: then raise it."""
    if ends_round(error):
        raise error
    tools.refused.add(ask.token)
    if is_terminal(error):
        raise error


def describe_rung(rung: Rung) -> str:
    """``spot ecs.g7.large in vsw-…``."""
    add = rung["add"]
    charge = "on-demand" if add["SpotStrategy"] == "NoSpot" else "spot"
    return f"{charge} {add['InstanceType']} in {add['VSwitchId']}"


def _run(tools: Tools, ask: Ask) -> str:
    """RunInstances, and the record of what it launched."""
    parameters = asks.parameters(tools, ask.option, ask.image_id, ask.at)
    answer = tools.ecs.call(
        "RunInstances",
        f"replacement of {tools.instance_id}",
        {**parameters, "ClientToken": ask.token},
        retry=RUN_CONFLICTS,
        until=tools.deadline.sooner(RUN_SECONDS),
    )
    launched = (answer.get("InstanceIdSets") or {}).get("InstanceIdSet") or []
    if not launched:
        raise RescueFailed(
            f"RunInstances for {tools.instance_id} answered without an instance id; calling again finds it"
        )
    asks.launched(tools, str(launched[0]), ask)
    return str(launched[0])


def _keep(tools: Tools, facts: Facts, instance_id: str, ask: Ask) -> Facts:
    """Agree with all other calls on which instance stays. What lost is surplus, and deleted once this one serves."""
    rung = asks.rung(tools, ask.option)
    document = {
        "instance_id": instance_id,
        "at": tools.clock.now(),
        "asked_at": ask.at,
        "rung": describe_rung(rung),
        "drops": list(rung.get("drops", ())),
    }
    standing = tools.episode.record("replacement", document)
    kept = str(standing["instance_id"])
    here = standing == document
    facts = facts.but(replacement=Replacement.STARTING, replacement_id=kept, launched_here=here)
    return facts.warn(*tools.too_dear)


def wait_until_running(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """Wait until it is Running, and record since when."""

    def status() -> tuple[str, Described | None]:
        seen = describe_instance(tools.ecs, facts.replacement_id)
        return str(seen.get("Status")) if seen else ABSENT, seen

    try:
        wait_for(RUNNING, facts.replacement_id, status, tools.clock, until)
    except WaitFailed as failure:
        image = f"The image {facts.image_id} is safe. " if facts.image_id else ""
        raise RescueFailed(
            f"{failure}. {image}Somebody or something released the replacement: launch another one by hand; the places "
            f"to give it are in the journal ({tools.episode.home}/{tools.episode.name}/memberships)"
        ) from failure
    tools.episode.record("running", {"at": tools.clock.now()})
    return facts.but(replacement=Replacement.RUNNING)


def check_strays(tools: Tools, facts: Facts) -> Facts:
    """Delete what the records say this rescue launched and ``replacement`` does not name.

    What a dead call launched without a record is searched for until an hour after the rescue's end. A call that
    launched the replacement, and has been the only one that asked for any, need not search.
    """
    known = asks.read(tools)
    strangers: list[str] = []
    alone = facts.launched_here and set(known.last) <= {tools.attempt}
    if not alone and _search_is_due(tools):
        known, strangers = _searched(tools, known)
    surplus = [one for one in known.standing if one != facts.replacement_id]
    for instance_id in surplus:
        _delete(tools, instance_id)
    return facts.but(strays_checked=True).warn(
        *(f"surplus replacement {one} was deleted" for one in surplus),
        *(_stranger(tools, one) for one in strangers if one != facts.replacement_id),
    )


def _search_is_due(tools: Tools) -> bool:
    done = tools.episode.records.get("done")
    return done is None or tools.clock.now() - float(done["at"]) < SEARCH_SECONDS


def _stranger(tools: Tools, instance_id: str) -> str:
    return (
        f"instance {instance_id} carries the tag {EPISODE_TAG}={tools.episode.name}, but no record of this rescue "
        "names it: it is left alone"
    )


def tagged(tools: Tools) -> dict[str, Described]:
    """The instances that carry this rescue's tag, whoever gave it to them, by id."""
    parameters = {"Tag": [{"Key": EPISODE_TAG, "Value": tools.episode.name}]}
    found = describe_instances(tools.ecs, tools.episode.name, parameters)
    return {str(one["InstanceId"]): one for one in found if tags_of(one).get(EPISODE_TAG) == tools.episode.name}


def _suspects(tools: Tools, ask: Ask, found: Mapping[str, Described], known: Asks) -> list[str]:
    """Those of the tagged instances that no record names and that this ask may have launched."""
    wanted = asks.parameters(tools, ask.option, ask.image_id, ask.at)
    names = ("InstanceType", "ImageId")
    return [
        instance_id
        for instance_id, one in found.items()
        if instance_id not in known.launched
        and all(one.get(name) == wanted[name] for name in names)
        and (one.get("VpcAttributes") or {}).get("VSwitchId") == wanted["VSwitchId"]
    ]


def _searched(tools: Tools, known: Asks) -> tuple[Asks, list[str]]:
    """What the records name once every instance with our tag was looked at, and those that nothing proves ours.

    The last RunInstances of another call is sent once more only where its answer would settle whose an instance is.
    """
    found = tagged(tools)
    others = replace(known, last={number: ask for number, ask in known.last.items() if number != tools.attempt})
    for ask in others.unanswered():
        if _suspects(tools, ask, found, known) and asks.can_be_repeated(tools, ask):
            _prove(tools, ask)
            known = asks.read(tools)
    return known, sorted(set(found) - set(known.launched))


def _prove(tools: Tools, ask: Ask) -> None:
    """Send it again; the answer becomes a record. A refusal says that this call launched nothing."""
    try:
        _run(tools, ask)
    except CloudError as error:
        if ends_round(error):
            raise


def _delete(tools: Tools, instance_id: str) -> None:
    """Delete a surplus replacement (a new instance refuses for its first minute), and record that it is gone."""
    try:
        tools.ecs.call(
            "DeleteInstance", instance_id, {"InstanceId": instance_id, "Force": True}, retry=DELETE_CONFLICTS
        )
    except CloudError as error:
        if error.code != ALREADY_GONE:
            raise
    tools.episode.record(f"deleted-{instance_id}", {"at": tools.clock.now()})
