"""The episode in the journal: opened, read, and closed."""

from __future__ import annotations

from rescue import answer
from rescue.actions import interrupted_replacement, membership_search, record_checks, source_disks, source_instance
from rescue.context import NOTICE_SECONDS, Context
from rescue.decide import Decision
from rescue.state import Image, Replacement, State
from spotkeeper import rescue_index
from spotkeeper.episode import EPISODE_TAG, glance
from spotkeeper.errors import RescueFailed, RescueLost
from spotkeeper.instances import locked, server_ids, tags_of
from spotkeeper.load_balancers.membership import is_batch


def begin(run: Context, state: State, _: Decision) -> State:
    """Begin or join the episode, and record this call."""
    described = {
        **run.event,
        "notice_end": state.notice_end,
        "notice_estimated": state.notice_estimated,
        "managed_by": state.managed_by,
        "SpotInterruptionBehavior": (state.source or {}).get("SpotInterruptionBehavior"),
        "launched_by": tags_of(state.source).get(EPISODE_TAG),
        "server_ids": sorted(server_ids(state.source, run.instance_id)),
    }
    rescue_index.begin(run.episode, state.now)
    run.attempt = run.episode.claim("attempt", {**run.call, "nonce": run.nonce})  # before the event: see episode.glance
    run.episode.record("event", described)
    run.signs.begin(run.episode, run.attempt)
    return state.replace(opened=True)


def load(run: Context, state: State, _: Decision) -> State:
    """Read the records of earlier calls."""
    run.load(state.entered, under_lock=locked(state.source))
    return source_instance.extend_notice(resume(run, state.replace(loaded=True)))


def unlocked(run: Context, _: State, __: Decision) -> State:
    """End a call that finds an unfinished rescue of an instance without the lock. Raises ``RescueFailed``."""
    raise RescueFailed(
        f"{run.instance_id} is not under the Recycling lock any more, and its rescue {run.episode.name} is not "
        "finished: the instance may be in no group, at weight 0 or stopped. Its memberships are in the journal "
        f"({run.episode.key('memberships')}). SPOTKEEPER_REQUIRE_RECYCLING_LOCK=false finishes the rescue without the "
        "lock"
    )


def no_journal(run: Context, state: State, _: Decision) -> State:
    """End a call without a journal. Raises ``JournalUnavailable``."""
    image = f" Image {state.image_id} was requested." if state.image_id else ""
    more = f"{image}{source_disks.retained_without_record(run, state)}"
    assert run.journal_error is not None  # noqa: S101 - only an error of the journal leads here
    raise run.journal_error.adding(more) from run.journal_error


def lose(run: Context, state: State, _: Decision) -> State:
    """Record that the rescue is lost, and the resources that remain. This and all later calls raise ``RescueLost``.

    A call side by side may have recorded the missing facts since this call read the journal.
    """
    if lost := state.records.get("lost"):
        raise RescueLost(str(lost["reason"]))
    known = run.episode.records.keys()
    run.load(state.entered)
    if run.episode.records.keys() - known:
        return resume(run, state)
    for name, error in run.episode.broken.items():
        if name not in run.episode.records:
            raise error  # it may hold the missing facts, and a human may repair it
    image = f"The image {state.image_id} is usable. " if state.image is Image.USABLE else ""
    reason = f"{run.instance_id} was released before its rescue was complete. {image}{source_disks.way_back(run)}"
    rescue_index.begin(run.episode, state.now)  # the sweep warns of the losses in its index
    run.episode.record("lost", {"reason": reason, "at": run.clock.now()})
    raise RescueLost(reason)


def finish(run: Context, state: State, _: Decision) -> State:
    """Close the episode with the answer that every later call gives.

    First come the memberships that a call side by side has found since: this call may not have been able to read them.
    """
    if _others_found_memberships(run):
        run.load(state.entered)
        run.search = None
        anew = {"memberships": None, "removed": False, "returned": False, "launched_here": False}
        return resume(run, state.replace(settled=frozenset(), **anew))
    state = state.warn(*state.unretained)
    closing, leaves = answer.closing(run, state), bool(state.image_id) or state.disks is not None
    if remains := rescue_index.finish(run.episode, closing, run.clock.now(), leaves=leaves):
        run.signs.miss(remains)
    return state.replace(duplicates_checked=True)


def _others_found_memberships(run: Context) -> bool:
    """Whether the journal has memberships that this call does not know."""
    known = run.episode.versions
    found = glance(run.episode.journal(), run.episode.home, run.instance_id, run.episode.number).versions
    return any(not set(versions) <= set(known.get(name, ())) for name, versions in found.items() if is_batch(name))


def resume(run: Context, state: State) -> State:
    """The state by the episode's records."""
    records = run.episode.records
    state = state.warn(
        *(str(error) for error in run.episode.broken.values()),
        *(
            f"another program wrote records of {run.instance_id}/{number} before any call: they are ignored, and this "
            f"rescue is {run.episode.name}"
            for number in run.episode.foreign
        ),
    )
    if begun := records.get("event"):
        end = min(float(begun["notice_end"]), state.entered + NOTICE_SECONDS)  # no notice is longer
        state = state.replace(notice_end=end, notice_estimated=bool(begun["notice_estimated"]))
    if state.gone or record_checks.may_have_left(records):  # else the search checks them first
        state = membership_search.recall(run, state)
    if launched := interrupted_replacement.launched(records):
        state = state.replace(replacement=Replacement.STARTING, replacement_id=str(launched["instance_id"]))
    # A call without a journal may have made an image that is not recorded. Only the first call that finds the source
    # need not look: its CreateImage has the same token, so it would get the same image.
    first = state.source is not None and "event" not in records
    image = Image.NONE if first else Image.UNKNOWN
    return state.replace(records=dict(records), drained="drained" in records, image=image)
