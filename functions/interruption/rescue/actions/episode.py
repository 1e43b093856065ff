"""The episode in the journal: opened, read, and closed."""

from __future__ import annotations

from rescue import checked_records, kept_disks, report, search, source, succession
from rescue.decide import Decision
from rescue.facts import Facts, Image, Replacement
from rescue.tools import NOTICE_SECONDS, Tools
from spotkeeper import hints
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import RescueFailed, RescueLost
from spotkeeper.instances import server_ids, tags_of


def begin(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """Begin the episode, or join it, and leave word of this call."""
    described = {
        **tools.event,
        "notice_end": facts.notice_end,
        "notice_estimated": facts.notice_estimated,
        "maker": facts.maker,
        "SpotInterruptionBehavior": (facts.source or {}).get("SpotInterruptionBehavior"),
        "launched_by": tags_of(facts.source).get(EPISODE_TAG),
        "server_ids": sorted(server_ids(facts.source, tools.instance_id)),
    }
    hints.begin(tools.episode, described, facts.now)
    tools.attempt = tools.episode.claim("attempt", {**tools.call, "nonce": tools.nonce})
    tools.life.begin(tools.episode, tools.attempt)
    return facts.but(opened=True)


def load(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """What earlier calls of this rescue have left in the journal."""
    event_time = tools.event["time"]
    tools.load(facts.entered if event_time is None else event_time)
    return source.judge_notice(tools, resume(tools, facts.but(loaded=True)))


def unlocked(tools: Tools, _: Facts, __: Decision) -> Facts:
    """The end of a call that finds half a rescue of an instance that is not to be reclaimed any more."""
    raise RescueFailed(
        f"{tools.instance_id} is not under the Recycling lock any more, and its rescue "
        f"{tools.episode.name} is not finished: it may be in no group, at weight 0 or stopped. Its memberships are in "
        f"the journal ({tools.episode.key('memberships')}). "
        "SPOTKEEPER_REQUIRE_RECYCLING_LOCK=false finishes the rescue without the lock"
    )


def no_journal(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """The end of a call that has no journal."""
    image = f" Image {facts.image_id} was asked for." if facts.image_id else ""
    more = f"{image}{kept_disks.kept_without_record(tools, facts)}"
    assert tools.journal_error is not None  # noqa: S101 - only an error of the journal leads here
    raise tools.journal_error.adding(more) from tools.journal_error


def lose(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """Write down that this rescue cannot succeed any more, and say what is left; every later call says it again.

    What a call side by side has written since this one read the journal may be the very thing that was missing.
    """
    if lost := facts.records.get("lost"):
        raise RescueLost(str(lost["reason"]))
    known = tools.episode.records.keys()
    tools.load(facts.entered)
    if tools.episode.records.keys() - known:
        return resume(tools, facts)
    for name, error in tools.episode.broken.items():
        if name not in tools.episode.records:
            raise error  # it may be the very thing that is missing, and a human may bring it back
    image_left = f"The image {facts.image_id} is usable. " if facts.image is Image.USABLE else ""
    left = image_left + kept_disks.way_back(tools)
    reason = f"{tools.instance_id} was released before its rescue was complete. {left}"
    tools.episode.record("lost", {"reason": reason, "at": tools.clock.now()})
    raise RescueLost(reason)


def finish(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """Close the episode with the answer that every later call gives."""
    facts = facts.warn(*facts.unretained)
    closing, leaves = report.closing(tools, facts), bool(facts.image_id)
    leaves = leaves or facts.disks is not None
    if stays := hints.finish(tools.episode, closing, tools.clock.now(), leaves=leaves):
        tools.life.miss(stays)
    return facts.but(strays_checked=True)


def resume(tools: Tools, facts: Facts) -> Facts:
    """The facts that the episode's records hold."""
    records = tools.episode.records
    facts = facts.warn(*(str(error) for error in tools.episode.broken.values()))
    if begun := records.get("event"):
        end = min(float(begun["notice_end"]), facts.entered + NOTICE_SECONDS)  # no notice is longer
        facts = facts.but(notice_end=end, notice_estimated=bool(begun["notice_estimated"]))
    if facts.gone or checked_records.may_have_left(records):  # else the search tells whether they are true
        facts = search.recall(tools, facts)
    if launched := succession.named(records):
        facts = facts.but(replacement=Replacement.STARTING, replacement_id=str(launched["instance_id"]))
    # A call that had no journal may have made an image that no record tells of; only a first call that finds the source
    # standing need not look (its CreateImage has the same token, so it would be given that very image).
    first = facts.source is not None and "event" not in records
    return facts.but(records=dict(records), drained="drained" in records, image=Image.NONE if first else Image.UNKNOWN)
