"""The steps that there are, and a decision for one of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from spotkeeper.events import HookResult


class Step(Enum):
    """Every step there is; the value is its name in the audit."""

    READ = "read the hook"
    LOOK = "look at the lifecycle action"
    PLAN = "choose the checks"
    OBSERVE = "see how far the checks are"
    RUN = "run a check"
    GIVE_UP = "stop waiting"
    SPARE = "see whether the group can spare the failed instances"
    HEARTBEAT = "keep the hook alive"
    REMEMBER = "write down how long the hook lives"
    MARK = "mark the failed instances"
    COMPLETE = "complete the lifecycle action"
    VERIFY = "see that it is completed"
    RECALL = "look for failed instances that stayed"
    REMOVE = "remove the failed instances"
    TIDY = "take away the tags"
    WAIT = "wait until a refused call may be tried again"
    LEAVE = "leave the rest to the next call"
    FAIL = "fail"
    SKIP = "skip"
    DONE = "done"


WRITES = frozenset(
    {Step.RUN, Step.HEARTBEAT, Step.REMEMBER, Step.MARK, Step.COMPLETE, Step.REMOVE, Step.TIDY},
)


@dataclass(frozen=True)
class Decision:
    """The next step and its reason in words; ``result`` is what a lifecycle action is completed with."""

    step: Step
    reason: str
    result: HookResult | None = None
