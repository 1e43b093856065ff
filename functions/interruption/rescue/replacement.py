"""The instance that takes over: launched once, by whichever call comes first.

An instance is this rescue's where ``asks`` has it on record, or where the recorded RunInstances, repeated, answers with
its id. A tag is no proof: anybody can write it, and the console copies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rescue import asks, succession
from rescue.asks import Ask, Asks
from rescue.context import Context
from rescue.ladder import ABOVE_PRICE_LIMIT, ends_round, is_terminal
from rescue.launches import check_age, run_instances, stands, suspects, tagged
from rescue.state import Replacement, State
from spotkeeper.clock import Deadline
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import CloudError, NoCapacity, RescueFailed, WaitFailed
from spotkeeper.instances import Described, describe_instance, locked
from spotkeeper.polling import ABSENT, Waiter, wait_for

RUNNING = Waiter(
    "replacement",
    success=frozenset({"Running"}),
    retry=frozenset({"Pending", "Starting", "Stopped", ABSENT}),
    longest_pause=5.0,
)
"""Stopped is on the way: RunInstances shows it between Pending and Starting."""

Rung = Mapping[str, Any]
"""A launch option of the recorded plan (see ``launch_spec``)."""


def launch(run: Context, state: State) -> State:
    """One round: what other calls have launched, else the options from where the furthest call came to.

    A round's ClientTokens are its own, so what was refused for want of stock is really asked again. Raises
    ``NoCapacity`` where every option was refused, ``CloudError`` for what no option can change and for what passes by
    itself; the next round then begins with the same call.
    """
    known = asks.read(run)
    found = _named(run, known) or _repeated(run, known)
    return _keep(run, state, *(found or _walk(run, state, known)))


def _named(run: Context, known: Asks) -> tuple[str, Ask] | None:
    """What an earlier answer named, if it still exists; of several the same for every call."""
    alive = (one for one in known.standing if stands(run, one, known.launched[one].at))
    return next(((one, known.launched[one].ask) for one in alive), None)


def _repeated(run: Context, known: Asks) -> tuple[str, Ask] | None:
    """What a call that died has launched without a record, found by sending its last RunInstances once more.

    A cloud that remembers a token may answer with an instance that was released since, so that is looked at.
    """
    for ask in known.unanswered(run.refused):
        if why := asks.why_not_repeated(run, ask):
            _refuse_where_it_may_stand(run, ask, known, why)
            run.refused.add(ask.token)
            continue
        try:
            instance_id = run_instances(run, ask)
        except CloudError as error:
            _unless_next(run, ask, error)
        else:
            if stands(run, instance_id, run.clock.now()):
                return instance_id, ask
    return None


def _refuse_where_it_may_stand(run: Context, ask: Ask, known: Asks, why: str) -> None:
    """Raises ``RescueFailed`` where a call that died may have launched an instance that nothing can prove any more.

    Sent otherwise, or with a forgotten token, it would launch another instance beside it.
    """
    if found := suspects(ask, tagged(run), known):
        raise RescueFailed(
            f"{', '.join(found)} may be the replacement of {run.instance_id}: a call that died asked for such an "
            f"instance, and {why}. Nothing else is launched meanwhile. Delete it, or take "
            f"off its tag {EPISODE_TAG} if it is yours, then invoke the function again with the same event"
        )


def _walk(run: Context, state: State, known: Asks) -> tuple[str, Ask]:
    """Ask for one option after the other. Raises ``NoCapacity`` at the end of the ladder."""
    plan = run.episode.records["launch-spec"]
    image_id = state.image_id or str(plan["own_image"])
    refusals: list[str] = []
    for place in _places(known.furthest, len(plan["rungs"])):
        ask = asks.about_to(run, place, image_id)
        try:
            return run_instances(run, ask), ask
        except CloudError as error:
            _unless_next(run, ask, error)
            option = describe_rung(plan["rungs"][ask.option])
            refusals.append(f"{option}: {error.code} (request id {error.request_id or 'none'})")
            if error.code == ABOVE_PRICE_LIMIT:
                run.too_dear.append(f"{option} costs more than SpotPriceLimit and was skipped ({error.code})")
    safe = f"The image {state.image_id} is safe; the" if state.image_id else "The"
    raise NoCapacity(
        f"no replacement for {run.instance_id} yet: {'; '.join(refusals)}. {safe} next call goes on. More launch "
        "options: SPOTKEEPER_FALLBACK_INSTANCE_TYPES, SPOTKEEPER_FALLBACK_VSWITCH_IDS"
    )


def _places(furthest: tuple[int, int], options: int) -> Iterable[tuple[int, int]]:
    """The rest of the round that the furthest call is in, or the next round where that one is at its end."""
    round_number, option = furthest
    if round_number == 0 or option + 1 >= options:
        return ((round_number + 1, one) for one in range(options))
    return ((round_number, one) for one in range(option + 1, options))


def _unless_next(run: Context, ask: Ask, error: CloudError) -> None:
    """Go on to the next option, unless the refusal concerns all of them: then raise it."""
    if ends_round(error):
        raise error
    run.refused.add(ask.token)
    if is_terminal(error):
        raise error


def describe_rung(rung: Rung) -> str:
    """``spot ecs.g7.large in vsw-…``."""
    add = rung["add"]
    charge = "on-demand" if add["SpotStrategy"] == "NoSpot" else "spot"
    return f"{charge} {add['InstanceType']} in {add['VSwitchId']}"


def _keep(run: Context, state: State, instance_id: str, ask: Ask) -> State:
    """Agree with all other calls on which instance stays. What lost is surplus, and deleted once this one serves."""
    rung = asks.rung(run, ask.option)
    document = {
        "instance_id": instance_id,
        "at": run.clock.now(),
        "asked_at": ask.at,
        "rung": describe_rung(rung),
        "drops": list(rung.get("drops", ())),
    }
    standing = run.episode.record(succession.record_name(run.episode.records), document)
    kept = str(standing["instance_id"])
    here = standing == document
    state = state.replace(replacement=Replacement.STARTING, replacement_id=kept, launched_here=here)
    return state.warn(*run.too_dear)


def wait_until_running(run: Context, state: State, until: Deadline) -> State:
    """Wait until it is Running, and record since when. One that is interrupted itself is for ``succession``."""

    def status() -> tuple[str, Described | None]:
        seen = describe_instance(run.ecs, state.replacement_id)
        if seen is None:
            return ABSENT, None
        check_age(run, seen)
        return "to be reclaimed" if locked(seen) else str(seen.get("Status")), seen

    try:
        wait_for(RUNNING, state.replacement_id, status, run.clock, until)
    except WaitFailed as failure:
        if failure.last is None or locked(failure.last):
            return succession.interrupted(run, state, failure.last)
        image = f"The image {state.image_id} is safe. " if state.image_id else ""
        raise RescueFailed(
            f"{failure}. {image}Find out why it does not run; the memberships to give it are in the journal "
            f"({run.episode.key('memberships')})"
        ) from failure
    run.episode.record("running", {"at": run.clock.now()})
    return state.replace(replacement=Replacement.RUNNING)
