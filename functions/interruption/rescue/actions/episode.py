"""The episode in the journal: opened, read, and closed."""

from __future__ import annotations

from rescue import answer, checked_records, kept_disks, search, source, succession
from rescue.context import NOTICE_SECONDS, Context
from rescue.decide import Decision
from rescue.state import Image, Replacement, State
from spotkeeper import hints
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import RescueFailed, RescueLost
from spotkeeper.instances import server_ids, tags_of


def begin(run: Context, state: State, _: Decision) -> State:
    """Begin the episode, or join it, and leave word of this call."""
    described = {
        **run.event,
        "notice_end": state.notice_end,
        "notice_estimated": state.notice_estimated,
        "maker": state.maker,
        "SpotInterruptionBehavior": (state.source or {}).get("SpotInterruptionBehavior"),
        "launched_by": tags_of(state.source).get(EPISODE_TAG),
        "server_ids": sorted(server_ids(state.source, run.instance_id)),
    }
    hints.begin(run.episode, described, state.now)
    run.attempt = run.episode.claim("attempt", {**run.call, "nonce": run.nonce})
    run.life.begin(run.episode, run.attempt)
    return state.replace(opened=True)


def load(run: Context, state: State, _: Decision) -> State:
    """What earlier calls of this rescue have left in the journal."""
    event_time = run.event["time"]
    run.load(state.entered if event_time is None else event_time)
    return source.judge_notice(run, resume(run, state.replace(loaded=True)))


def unlocked(run: Context, _: State, __: Decision) -> State:
    """The end of a call that finds half a rescue of an instance that is not to be reclaimed any more."""
    raise RescueFailed(
        f"{run.instance_id} is not under the Recycling lock any more, and its rescue "
        f"{run.episode.name} is not finished: it may be in no group, at weight 0 or stopped. Its memberships are in "
        f"the journal ({run.episode.key('memberships')}). "
        "SPOTKEEPER_REQUIRE_RECYCLING_LOCK=false finishes the rescue without the lock"
    )


def no_journal(run: Context, state: State, _: Decision) -> State:
    """The end of a call that has no journal."""
    image = f" Image {state.image_id} was asked for." if state.image_id else ""
    more = f"{image}{kept_disks.kept_without_record(run, state)}"
    assert run.journal_error is not None  # noqa: S101 - only an error of the journal leads here
    raise run.journal_error.adding(more) from run.journal_error


def lose(run: Context, state: State, _: Decision) -> State:
    """Write down that this rescue cannot succeed any more, and say what is left; every later call says it again.

    What a call side by side has written since this one read the journal may be the very thing that was missing.
    """
    if lost := state.records.get("lost"):
        raise RescueLost(str(lost["reason"]))
    known = run.episode.records.keys()
    run.load(state.entered)
    if run.episode.records.keys() - known:
        return resume(run, state)
    for name, error in run.episode.broken.items():
        if name not in run.episode.records:
            raise error  # it may be the very thing that is missing, and a human may bring it back
    image_left = f"The image {state.image_id} is usable. " if state.image is Image.USABLE else ""
    left = image_left + kept_disks.way_back(run)
    reason = f"{run.instance_id} was released before its rescue was complete. {left}"
    run.episode.record("lost", {"reason": reason, "at": run.clock.now()})
    raise RescueLost(reason)


def finish(run: Context, state: State, _: Decision) -> State:
    """Close the episode with the answer that every later call gives."""
    state = state.warn(*state.unretained)
    closing, leaves = answer.closing(run, state), bool(state.image_id)
    leaves = leaves or state.disks is not None
    if stays := hints.finish(run.episode, closing, run.clock.now(), leaves=leaves):
        run.life.miss(stays)
    return state.replace(strays_checked=True)


def resume(run: Context, state: State) -> State:
    """The state that the episode's records hold."""
    records = run.episode.records
    state = state.warn(*(str(error) for error in run.episode.broken.values()))
    if begun := records.get("event"):
        end = min(float(begun["notice_end"]), state.entered + NOTICE_SECONDS)  # no notice is longer
        state = state.replace(notice_end=end, notice_estimated=bool(begun["notice_estimated"]))
    if state.gone or checked_records.may_have_left(records):  # else the search tells whether they are true
        state = search.recall(run, state)
    if launched := succession.named(records):
        state = state.replace(replacement=Replacement.STARTING, replacement_id=str(launched["instance_id"]))
    # A call that had no journal may have made an image that no record tells of; only a first call that finds the source
    # standing need not look (its CreateImage has the same token, so it would be given that very image).
    first = state.source is not None and "event" not in records
    image = Image.NONE if first else Image.UNKNOWN
    return state.replace(records=dict(records), drained="drained" in records, image=image)
