"""Watching the functions: which calls a fault hit, what is logged, and who goes round in circles."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from chaos.schedule import Cell
from chaos.story import Hit
from simulator.clock import VirtualClock
from simulator.faults import Fault, Faults

MOST_CALLS = 4000
MOST_WAITS = 8000


class RanAwayError(BaseException):
    """A function neither ends nor waits: no ``except`` of it may go on from here."""


class Watch(VirtualClock):
    """A clock that tells who never stops looking at it."""

    waits = 0

    def advance(self, seconds: float) -> float:
        """Move forward.

        Raises RanAwayError.
        """
        self.waits += 1
        if self.waits > MOST_WAITS:
            raise RanAwayError(f"more than {MOST_WAITS} waits")
        return super().advance(seconds)


class Recorder(Faults):
    """Faults that remember which calls they hit."""

    def __init__(self) -> None:
        super().__init__()
        self.hits: dict[int, Hit] = {}

    def hit(self, product: str, action: str, number: int, now: float, said: str) -> Fault | None:
        """The fault that hits this call, if any."""
        found = super().hit(product, action, number, now, said)
        if found is not None:
            effect = found.effect if found.retry_after_ms is None else f"{found.effect}+hint"
            self.hits[number] = Hit(Cell(product, action, effect), self.added.index(found))
        return found


class Logged(logging.Handler):
    """Keeps what is logged, as it would be printed."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.lines.append(self.format(record))


@contextmanager
def kept(outputs: list[str]) -> Iterator[None]:
    """Keep everything that is logged or printed."""
    root, printed = logging.getLogger(), io.StringIO()
    handler, level = Logged(outputs), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
        outputs.append(printed.getvalue())
