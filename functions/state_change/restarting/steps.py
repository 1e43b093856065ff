"""The steps of a state change."""

from __future__ import annotations

from spotkeeper import loop
from spotkeeper.loop import WRITES


class Step(loop.Step):
    """Every step of a state change."""

    LOOK = "look at the instance"
    SKIP = "skip"
    LOAD = "read the journal"
    REPORT = "report that the limit is reached", WRITES
    RECORD_START = "record that a start was accepted", WRITES
    START = "start the instance", WRITES
    WAIT = "wait until it is running"
    RECORD_RUN = "record that it ran again", WRITES
    SERVE = "return to the groups", WRITES
    FINISH = "close the episode", WRITES
    INCOMPLETE = "end with an incomplete search"
    ANSWER = "answer what the journal says"
    DONE = "done"
