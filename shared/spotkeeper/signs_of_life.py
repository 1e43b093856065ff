"""Signs of life of the calls that work on a rescue: keys in the journal.

    <account>/<region>/alive/<instance>/<episode>/<attempt>-<time>[-<ending>]

A sign is a hint and never proof. After some silence the sweep invokes the function again (``sweeping.decide``); it also
removes stale signs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from spotkeeper.episode import EPISODE, EpisodeKey
from spotkeeper.journal import Journal

SIGN_SECONDS = 20.0
"""The pause between two signs of life of a call, and its longest sleep."""
AGAIN = "again"
"""Ending of a call whose error passes by itself, or whose time was up."""
HUMAN = "human"
"""Ending of a call whose error needs a human."""
_SIGN = re.compile(rf"{EPISODE}/(?P<attempt>[0-9]{{1,9}})-(?P<at>[0-9]{{1,12}})(?:-(?P<ending>{AGAIN}|{HUMAN}))?")


@dataclass(frozen=True)
class Sign:
    """A sign of life of a call; ``ending`` is empty while it works. ``at``: whole seconds since 1970."""

    episode: EpisodeKey
    attempt: int
    at: int
    ending: str = ""

    def key(self, home: str) -> str:
        """The sign's key; ``home`` is ``<account>/<region>``."""
        ending = f"-{self.ending}" if self.ending else ""
        return f"{home}/alive/{self.episode[0]}/{self.episode[1]}/{self.attempt}-{self.at}{ending}"


def signs(journal: Journal, home: str) -> dict[EpisodeKey, list[Sign]]:
    """All signs of life, by rescue, in the order of their times. Raises ``JournalUnavailable``."""
    prefix = f"{home}/alive/"
    by_rescue: dict[EpisodeKey, list[Sign]] = {}
    for key in journal.keys(prefix):
        if match := _SIGN.fullmatch(key.removeprefix(prefix)):
            rescue = match["instance"], int(match["number"])
            sign = Sign(rescue, int(match["attempt"]), int(match["at"]), match["ending"] or "")
            by_rescue.setdefault(rescue, []).append(sign)
    return {rescue: sorted(found, key=lambda sign: (sign.at, sign.ending)) for rescue, found in by_rescue.items()}
