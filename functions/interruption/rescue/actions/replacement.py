"""The replacement: launched once, by the first call that comes to it, and waited for.

An instance is this rescue's if ``launch_requests`` has it on record, or if the recorded RunInstances, repeated, answers
with its id. A tag is no proof: anybody can write it, and the console copies it.
"""

from __future__ import annotations

from rescue.actions import interrupted_replacement, launch_requests
from rescue.actions.launch_refusals import ABOVE_PRICE_LIMIT, OTHER_PARAMETERS, ends_round, is_terminal
from rescue.actions.launch_requests import LaunchRecords, LaunchRequest, Position
from rescue.actions.run_instances import check_age, exists, possible_launches, run_instances, tagged_instances
from rescue.context import Context
from rescue.decide import Decision
from rescue.launch_spec.options import describe_option
from rescue.state import Replacement, State
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import CloudError, NoCapacity, RescueFailed, WaitFailed
from spotkeeper.instances import Described, describe_instance, locked
from spotkeeper.polling import ABSENT, Waiter, wait_for

RUNNING_WAITER = Waiter(
    "replacement",
    success=frozenset({"Running"}),
    retry=frozenset({"Pending", "Starting", "Stopped", ABSENT}),
    longest_pause=5.0,
)
"""RunInstances shows Stopped between Pending and Starting; see ``_stays_stopped``."""
STAYS_STOPPED = "Stopped and does not start"
STARTED = frozenset({"Starting", "Running"})
STOPPED_SECONDS = 60.0
START_SECONDS = 300.0
"""A replacement that is Stopped for ``STOPPED_SECONDS`` does not start if it has started before, or if it was launched
more than ``START_SECONDS`` ago."""


def launch(run: Context, state: State, _: Decision) -> State:
    """One round: adopt an instance that another call has launched, else try the options after the furthest call.

    Each round has ClientTokens of its own, so an option without stock is really requested again. Raises ``NoCapacity``
    if every option was refused, ``CloudError`` for a refusal that concerns all options or passes by itself; the next
    round then begins with the same call.
    """
    known = launch_requests.read(run)
    found = _recorded(run, known) or _repeated(run, known)
    return _keep(run, state, *(found or _try_options(run, state, known)))


def _recorded(run: Context, known: LaunchRecords) -> tuple[str, LaunchRequest] | None:
    """A recorded instance that still exists; the same for every call."""
    existing = (found for found in known.candidates if exists(run, found, known.launched_at[found]))
    return next(((found, known.launched[found]) for found in existing), None)


def _repeated(run: Context, known: LaunchRecords) -> tuple[str, LaunchRequest] | None:
    """An instance that a call has launched before it died without a record, found by repeating its last RunInstances.

    A cloud that remembers the token may answer with an instance that was released since, so the instance is read.
    """
    for request in known.unanswered(known.refused | run.refused_tokens):
        if why := launch_requests.why_not_repeated(run, request):
            _fail_if_launched(run, request, known, why)
            run.refused_tokens.add(request.token)
            continue
        try:
            instance_id = run_instances(run, request)
        except CloudError as error:
            # No document says whether permissions and bills are checked before the ClientToken. If they are, a terminal
            # refusal does not tell what the request has launched.
            if ends_round(error) or is_terminal(error):
                raise
            launch_requests.record_refusal(run, request, error)
        else:
            if exists(run, instance_id, run.clock.now()):
                return instance_id, request
    return None


def _fail_if_launched(run: Context, request: LaunchRequest, known: LaunchRecords, why: str) -> None:
    """Raises ``RescueFailed`` if a call that died may have launched an instance without any proof left.

    Another RunInstances would launch a second instance beside it.
    """
    if found := possible_launches(request, tagged_instances(run), known):
        raise RescueFailed(
            f"{', '.join(found)} may be the replacement of {run.instance_id}: a call that died requested such an "
            f"instance, and {why}. No other instance is launched meanwhile. Delete the instance, or remove its tag "
            f"{EPISODE_TAG} if it is yours, then invoke the function again with the same event"
        )


def _try_options(run: Context, state: State, known: LaunchRecords) -> tuple[str, LaunchRequest]:
    """Request the launch options in order. Raises ``NoCapacity`` after the last option."""
    spec = run.episode.records["launch-spec"]
    image_id = state.image_id or str(spec["own_image"])
    refusals: list[str] = []
    positions = _positions(known, len(spec["launch_options"]))
    for position in positions:
        request = launch_requests.record_request(run, position, image_id)
        try:
            return run_instances(run, request), request
        except CloudError as error:
            _raise_unless_next(run, request, error)
            if position == positions[-1]:
                launch_requests.record_refusal(run, request, error)
            option = describe_option(spec["launch_options"][request.option])
            refusals.append(f"{option}: {error.code} (request id {error.request_id or 'none'})")
            if error.code == ABOVE_PRICE_LIMIT:
                run.above_price_limit.append(f"{option} costs more than SpotPriceLimit and was skipped ({error.code})")
    safe = f"The image {state.image_id} is safe; the" if state.image_id else "The"
    raise NoCapacity(
        f"no replacement for {run.instance_id} yet: {'; '.join(refusals)}. {safe} next call goes on. More launch "
        "options: SPOTKEEPER_FALLBACK_INSTANCE_TYPES, SPOTKEEPER_FALLBACK_VSWITCH_IDS"
    )


def _positions(known: LaunchRecords, options: int) -> list[Position]:
    """The rest of the furthest call's round, or the next round after its last option or after its end."""
    round_number, option = known.furthest
    if round_number <= known.ended_round or option + 1 >= options:
        return [(round_number + 1, number) for number in range(options)]
    return [(round_number, number) for number in range(option + 1, options)]


def _raise_unless_next(run: Context, request: LaunchRequest, error: CloudError) -> None:
    """Raise a refusal of a first request that concerns all options; after any other, the next option is tried."""
    if ends_round(error):
        raise error
    run.refused_tokens.add(request.token)
    if is_terminal(error):
        if error.code != OTHER_PARAMETERS and not _is_shared(run, request):
            launch_requests.record_refusal(run, request, error)
        raise error


def _is_shared(run: Context, request: LaunchRequest) -> bool:
    """Whether another call has the same request on record, and may have launched an instance with it."""
    last = launch_requests.read(run).last.items()
    return any(other.token == request.token for attempt, other in last if attempt != run.attempt)


def _keep(run: Context, state: State, instance_id: str, request: LaunchRequest) -> State:
    """Agree with all other calls on the replacement. Any other launched instance is a duplicate, deleted later."""
    option = launch_requests.launch_option(run, request.option)
    document = {
        "instance_id": instance_id,
        "at": run.clock.now(),
        "requested_at": request.at,
        "launch_option": describe_option(option),
        "drops": list(option.get("drops", ())),
    }
    standing = run.episode.record(interrupted_replacement.record_name(run.episode.records), document)
    return state.replace(
        replacement=Replacement.STARTING,
        replacement_id=str(standing["instance_id"]),
        launched_here=standing == document,
    ).warn(*run.above_price_limit)


def wait_until_running(run: Context, state: State, _: Decision) -> State:
    """Wait until the replacement is Running, and record since when; see ``interrupted_replacement`` for its release.

    Raises ``RescueFailed`` if it does not start. A Stopped replacement is not started: somebody may have stopped it.
    """

    def status() -> tuple[str, Described | None]:
        seen = describe_instance(run.ecs, state.replacement_id)
        if seen is None:
            return ABSENT, None
        check_age(run, seen)
        if locked(seen):
            return "to be reclaimed", seen
        return STAYS_STOPPED if _stays_stopped(run, state, seen) else str(seen.get("Status")), seen

    try:
        wait_for(RUNNING_WAITER, state.replacement_id, status, run.step_limit.until)
    except WaitFailed as failure:
        if failure.last is None or locked(failure.last):
            return interrupted_replacement.interrupted(run, state, failure.last)
        image = f"The image {state.image_id} is safe. " if state.image_id else ""
        raise RescueFailed(
            f"{failure}. {image}Find out why the replacement does not run. Start it, or delete it so that another "
            "replacement is launched; then invoke the function again with the same event. Its memberships are in the "
            f"journal ({run.episode.key('memberships')})"
        ) from failure
    run.episode.record("running", {"at": run.clock.now()})
    return state.replace(replacement=Replacement.RUNNING)


def _stays_stopped(run: Context, state: State, seen: Described) -> bool:
    """Whether the replacement is Stopped and does not start by itself any more."""
    status, now, replacement_id = seen.get("Status"), run.clock.now(), state.replacement_id
    if status in STARTED:
        run.started.add(replacement_id)
    if status != "Stopped":
        run.stopped_since.pop(replacement_id, None)
        return False
    since = run.stopped_since.setdefault(replacement_id, now)
    launched = interrupted_replacement.launched(run.episode.records) or {}
    started = replacement_id in run.started or now - float(launched.get("at", now)) > START_SECONDS
    return started and now - since >= STOPPED_SECONDS
