"""The steps of a lifecycle action, and the decision for a step."""

from __future__ import annotations

from dataclasses import dataclass

from spotkeeper import loop
from spotkeeper.events.kinds import HookResult
from spotkeeper.loop import QUIET, WRITES


class Step(loop.Step):
    """Every step of a lifecycle action."""

    READ = "read the hook"
    LOOK = "look at the lifecycle action"
    CHOOSE = "choose the checks"
    OBSERVE = "look at the progress of the checks", QUIET
    RUN = "run a check", WRITES
    GIVE_UP = "stop waiting"
    CHECK_MIN_SIZE = "check whether the group can spare the failed instances"
    HEARTBEAT = "keep the hook alive", WRITES
    RECORD_LIFE = "record how long the hook lives", WRITES
    MARK = "mark the failed instances", WRITES
    COMPLETE = "complete the lifecycle action", WRITES
    VERIFY = "verify that it is completed", QUIET
    RECALL = "look for failed instances that stayed"
    REMOVE = "remove the failed instances", WRITES
    TIDY = "remove the tags", WRITES, QUIET
    WAIT = "wait for the next try of a refused call", QUIET
    LEAVE = "leave the rest to the next call"
    FAIL = "fail"
    SKIP = "skip"
    DONE = "done"


@dataclass(frozen=True)
class Decision(loop.Decision):
    """The next step and its reason; ``result`` is the result of the completion."""

    result: HookResult | None = None
