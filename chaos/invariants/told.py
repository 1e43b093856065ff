"""When a rescue could have succeeded."""

from __future__ import annotations

import itertools
import math
import re

from chaos.story import Forgery, Run, Story
from simulator import proof

IN_TIME = 60.0
SETTLED_FOR = 120.0
"""Seconds that are enough for the data once nobody throttles any more: the next minute, and one more."""
THROTTLED_FOR = 60.0
ATTEMPTS, DESCRIBED = r"attempt-\d+", r"disks|launch-spec|memberships(-\d+)?|usable"
"""Records that nobody needs, and records that say what Describe says too while the source stands."""
LISTS = ("DescribeVServerGroupAttribute",)
BELIEVED_AFTER = 30.0
"""So many seconds a group may be refused before the journal is believed about it."""
WEIGHTS = ("SetBackendServers", "SetVServerGroupAttribute")
PASSING = ("throttle", "code:Throttling", "code:Rejected.Throttling", "code:IncorrectDiskStatus")


def told_in_time(story: Story) -> bool:
    """A call that was not killed began at least 60 s before the release, and ECS refused nothing.

    What has passed two minutes before the release is no excuse for a call that still ran then, or came later.
    """
    if story.released_at is None:
        return False
    passed = _passed(story, "ecs")
    if passed is None or passed > story.released_at - SETTLED_FOR:
        return False
    runs = [one for one in story.runs_of("interruption") if not one.killed and one.ended > passed]
    return any(one.began <= story.released_at - IN_TIME and not _expires(story, one, passed) for one in runs)


def _expires(story: Story, run: Run, passed: float) -> bool:
    """Whether a throttled call had no credentials or no time left at the next minute, at which it tries again."""
    lasts = min(story.scenario.timeout, story.scenario.credentials_seconds if run is story.runs[0] else math.inf)
    return story.start < passed and run.began + lasts < passed + THROTTLED_FOR


def excused(story: Story, *products: str) -> bool:
    """Whether calls of these products were refused or lost otherwise than by throttling that passed early enough."""
    moments = [_passed(story, product) for product in products]
    if story.released_at is None:
        return story.disturbed(*products)
    return any(one is None or one > story.released_at - SETTLED_FOR for one in moments)


def _passed(story: Story, product: str) -> float | None:
    """When a product last throttled a call; the beginning where it never did, None where something else happened."""
    last = story.start
    for number, hit in story.hits.items():
        if hit.cell.product != product or hit.cell.effect.startswith("kill-"):
            continue
        if not hit.cell.effect.startswith(PASSING):
            return None
        last = max(last, story.calls[number - 1].at)
    return last


def last_ended(story: Story) -> Run | None:
    """The last call of a rescue that was not killed."""
    runs = [run for run in story.runs_of("interruption") if not run.killed]
    return runs[-1] if runs else None


def blocked(story: Story, run: Run | None) -> bool:
    """Whether a call raised because of a record of somebody else's that a human has to move away, and names it.

    What Describe can tell anew is no reason to stop while the source stands; see ``_told_anew``.
    """
    if run is None or "BrokenRecord" not in run.ancestors:
        return False
    return any(
        f"/{one.name} " in run.error or _names_what_is_in(story, one, run)
        for one in story.forgeries
        if not _told_anew(story, one)
    )


def reported(story: Story) -> bool:
    """Whether the last sweep names a record of somebody else's that a human has to move away."""
    sweeps = [run for run in story.runs_of("sweep") if run.answer]
    warned = str(sweeps[-1].answer["warnings"]) if sweeps and sweeps[-1].answer else ""
    return any(f"/{one.name} " in warned for one in story.forgeries if not _told_anew(story, one))


def blind(story: Story, run: Run) -> bool:
    """Whether a call could not read a record that it cannot do without; one that was killed had no time to say so."""
    standing = (one for one in story.forgeries if one.at <= run.ended and not _told_anew(story, one))
    return blocked(story, run) or (run.killed and any(standing))


def _names_what_is_in(story: Story, one: Forgery, run: Run) -> bool:
    """Of a record that cannot be true the instance is named that it is about."""
    found = one.name.removeprefix("launched-")
    instance_id = str(story.first.get(one.name, {}).get("instance_id", found if found != one.name else ""))
    return one.what.startswith("forged-") and bool(instance_id) and instance_id in run.error


def _told_anew(story: Story, one: Forgery) -> bool:
    """Whether the rescue can do without a record that somebody else has overwritten, or written in its place.

    An attempt is for the sweep. Launch spec, flags, memberships and image are compared with Describe and superseded;
    but the memberships not once the source may have left its groups, and nothing of a source that is (almost) released.
    """
    if re.fullmatch(ATTEMPTS, one.name) or story.recorded(rf"{re.escape(one.name)}\.\d+") is not None:
        return True
    gone = story.released_at is not None and not (told_in_time(story) and _called_after(story, one))
    left = one.name.startswith("memberships") and (after_the_drain(story, one) or _weights_unknown(story))
    return bool(re.fullmatch(DESCRIBED, one.name)) and not gone and not left


def _weights_unknown(story: Story) -> bool:
    """Whether a call after the first may have found a weight 0: only the record tells whether a call has set it.

    An attempt that somebody else wrote makes the first call look like the second.
    """
    members = itertools.chain(*proof.memberships(story.before).values())
    has_weight_0 = any(
        weight == 0 for server, _, weight, *_ in members if server == story.source_id or server[:4] == "eni-"
    )
    set_weight_0 = any(call.action in WEIGHTS for call in story.calls)
    return story.recorded(r"attempt-([2-9]|\d\d+)") is not None and (has_weight_0 or set_weight_0)


def _called_after(story: Story, one: Forgery) -> bool:
    """Whether a call that was not killed began after a record was forged, at least 60 s before the release.

    A call whose journal takes no record cannot supersede another.
    """
    runs = [run for run in story.runs_of("interruption") if not run.killed and run.began >= one.at]
    runs = [run for run in runs if not run.error.startswith("JournalUnavailable:")]
    return any(run.began <= (story.released_at or run.began) - IN_TIME for run in runs)


def after_the_drain(story: Story, one: Forgery) -> bool:
    """Whether a record was forged when the source may have left its groups: no list tells any more what is true.

    As good as that is one that nobody has read between, since it overwrote what a call had written and went on with.
    """
    numbers = [number for name in ("drained", "removing") if (number := story.recorded(name)) is not None]
    written = story.recorded(re.escape(one.name))
    if not numbers or written is None or one.calls < written:
        return False
    return not any(one.calls < begun < min(numbers) for begun in story.begun("interruption"))


def undetectable(story: Story) -> bool:
    """Whether somebody changed a port in the memberships when no list could contradict it any more."""
    ports = (one for one in story.forgeries if one.what == "forged-port")
    return any(after_the_drain(story, one) or _unlisted(story, one) for one in ports)


def never_compared(story: Story) -> bool:
    """Whether a launch spec was written by somebody that no call could compare until the release.

    Each call reads the source's settings in one go: without the user data, none of them is known.
    """
    reads = [call.number for call in story.calls if call.action == "DescribeUserData" and not call.code]
    reads = [number for number in reads if number not in story.hits]
    return any(not any(number > one.calls for number in reads) for one in story.forged("launch-spec"))


def _unlisted(story: Story, one: Forgery) -> bool:
    """Whether a group was refused to every call between a forgery and the first write to the group, for 30 s.

    Before the first attempt was recorded there can be no record but a forged record.
    """
    begun = story.recorded("attempt-1")
    if begun is None or one.calls < begun:
        return False
    later = [call for call in story.calls if call.number > one.calls and "VServerGroupId" in call.parameters]
    for group in {call.parameters["VServerGroupId"] for call in later}:
        of_group = [call for call in later if call.parameters["VServerGroupId"] == group]
        refused = list(itertools.takewhile(lambda call: call.action in LISTS and call.number in story.hits, of_group))
        first = of_group[len(refused)] if len(refused) < len(of_group) else None
        if refused and first is not None and first.action not in LISTS and first.at - refused[0].at >= BELIEVED_AFTER:
            return True
    return False
