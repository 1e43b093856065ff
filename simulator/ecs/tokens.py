"""ClientToken: the same call again gets the same answer, another call with the same token is refused.

How long the cloud remembers a token is not documented ("How to ensure idempotence" says: "in use"); here it is for
ever, unless ``life`` is set: then the same call makes another resource once that is over. A resource that was deleted
meanwhile comes back in the answer as if it were still there: nothing says that the cloud looks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.actions import Answer, Parameters, invalid
from simulator.wire import ApiError

LONGEST = 64


class ClientTokens:
    """The tokens of one product's creating calls, each remembered for ``life`` seconds (None: for ever)."""

    def __init__(self, now: Callable[[], float], life: float | None = None) -> None:
        self.life = life
        self._now = now
        self._seen: dict[tuple[str, str], tuple[dict[str, Any], Answer, float]] = {}

    def recall(self, action: str, p: Parameters, mismatch: ApiError) -> Answer | None:
        """The answer that this call got before, or None.

        Raises ``mismatch`` where the token came with other parameters, ApiError where it is no token.
        """
        token = p.get("ClientToken")
        if token is None:
            return None
        if len(token) > LONGEST or not token.isascii():
            raise invalid("ClientToken", f"it must be at most {LONGEST} ASCII characters")
        if (action, token) not in self._seen:
            return None
        parameters, answer, at = self._seen[action, token]
        if self.life is not None and self._now() >= at + self.life:
            return None
        if parameters != p.plain():
            raise mismatch
        p.covers(*parameters)
        return answer

    def remember(self, action: str, p: Parameters, answer: Answer) -> Answer:
        """Keep the answer of a call that succeeded, and hand it on. Refused calls leave their token unused."""
        token = p.get("ClientToken")
        if token is not None:
            self._seen[action, token] = (p.plain(), answer, self._now())
        return answer
