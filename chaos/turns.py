"""Calls side by side that take turns: at any moment one of them runs, and they change at API-call boundaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Condition, Thread


class Turns:
    """``turns`` are (whose turn, for how many API calls); after the last one each runs to its end, in their order."""

    def __init__(self, turns: Sequence[tuple[str, int]]) -> None:
        self.names = list(dict.fromkeys(name for name, _ in turns))
        self._turns: list[tuple[str, float]] = [*turns, *((name, float("inf")) for name in self.names)]
        self._changed = Condition()

    def run(self, act: Callable[[str], None]) -> None:
        """Let each of the names act in a thread of its own, to its end."""
        threads = [Thread(target=self._acting, args=(name, act), daemon=True) for name in self.names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _acting(self, name: str, act: Callable[[str], None]) -> None:
        """Nothing runs before its first turn, and what has ended needs no turn any more."""
        with self._changed:
            self._wait_for(name)
        try:
            act(name)
        finally:
            with self._changed:
                self._turns = [turn for turn in self._turns if turn[0] != name]
                self._changed.notify_all()

    def before_call(self, name: str) -> None:
        """Hold a call up until it is its invocation's turn."""
        with self._changed:
            self._wait_for(name)
            while (left := self._turns[0][1]) <= 0:
                self._turns.pop(0)
                self._changed.notify_all()
                self._wait_for(name)
            self._turns[0] = (name, left - 1)

    def _wait_for(self, name: str) -> None:
        self._changed.wait_for(lambda: self._turns[0][0] == name)
