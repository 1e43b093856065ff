"""Misbehaviour on command: one mechanism for refusals, throttling, dropped connections and killed callers.

Effects:

``code:<ErrorCode>``  the call is refused with that code
``throttle``          ``Throttling.User``, and the action stays blocked until the next virtual minute begins
``refused``           the connection is refused (over HTTP: drops) before the call was acted upon
``reset-before``      the connection drops before the call was acted upon
``reset-after``       … after it was
``slow``              the call is acted upon, but the answer comes after the client's read timeout: the clock moves on
                      by that much (over HTTP the connection drops)
``kill-before``       the caller dies before the call was acted upon (HTTP 599, header ``x-simulator-kill``)
``kill-after``        … after it was
``garbage``           a proxy answers 502 with HTML
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator import codes
from simulator.wire import AnswerTooLate, ApiError, ConnectionDropped, ConnectionRefused, Response

EFFECTS = ("throttle", "refused", "reset-before", "reset-after", "slow", "kill-before", "kill-after", "garbage")
KILLED = 599
MINUTE = 60

Matcher = Callable[[str, str], bool]


@dataclass
class Fault:
    """One misbehaviour.

    ``action`` is an action's name, ``*``, ``product:*``, ``product:Action`` or a predicate of (product, action).
    ``times`` matching calls are hit (None: all), after ``skip`` were let through; with ``call_number`` only the n-th
    call of all is; from the virtual moment ``until`` on, none is. ``retry_after_ms`` becomes header
    ``x-acs-retry-after`` of a throttled call. ``fired`` counts the calls hit.
    """

    action: str | Matcher
    effect: str
    times: int | None = 1
    skip: int = 0
    call_number: int | None = None
    until: float | None = None
    retry_after_ms: int | None = None
    fired: int = 0
    _blocked_until: dict[str, float] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.effect not in EFFECTS and not self.effect.startswith("code:"):
            raise ValueError(f"effect {self.effect!r} is neither code:<ErrorCode> nor one of {', '.join(EFFECTS)}")

    def hits(self, product: str, action: str, number: int, now: float) -> bool:
        """Whether this call is hit; counts it."""
        if not self._matches(product, action):
            return False
        if now < self._blocked_until.get(action, now):
            self.fired += 1
            return True
        if (self.times is not None and self.times <= 0) or (self.until is not None and now >= self.until):
            return False
        if self.call_number is not None and self.call_number != number:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self._fire(action, now)
        return True

    def before(self) -> Response | None:
        """What happens instead of acting: an answer, or None where the call is acted upon.

        Raises ApiError and ConnectionDropped.
        """
        if self.effect.startswith("code:"):
            raise codes.refusal(self.effect.removeprefix("code:"))
        if self.effect == "throttle":
            headers = {} if self.retry_after_ms is None else {"x-acs-retry-after": str(self.retry_after_ms)}
            throttled = codes.refusal("Throttling.User")
            raise ApiError(throttled.status, throttled.code, throttled.message, headers)
        if self.effect == "refused":
            raise ConnectionRefused
        if self.effect == "reset-before":
            raise ConnectionDropped
        if self.effect == "kill-before":
            return Response(KILLED, headers={"x-simulator-kill": "before"})
        if self.effect == "garbage":
            return Response(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", {"content-type": "text/html"})
        return None

    def after(self, response: Response) -> Response:
        """What the caller gets once the call was acted upon.

        Raises ConnectionDropped.
        """
        if self.effect == "reset-after":
            raise ConnectionDropped
        if self.effect == "slow":
            raise AnswerTooLate
        if self.effect == "kill-after":
            return Response(KILLED, headers={"x-simulator-kill": "after"})
        return response

    def _matches(self, product: str, action: str) -> bool:
        if callable(self.action):
            return self.action(product, action)
        return self.action in ("*", action, f"{product}:*", f"{product}:{action}")

    def _fire(self, action: str, now: float) -> None:
        self.fired += 1
        if self.times is not None:
            self.times -= 1
        if self.effect == "throttle":
            # "counted per minute; throttled in minute T means blocked until T + 1"
            self._blocked_until[action] = (now // MINUTE + 1) * MINUTE


class Faults:
    """The faults of one cloud, matched in the order in which they were added; a call is hit by one at most."""

    def __init__(self) -> None:
        self.added: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Add and return ``fault``."""
        self.added.append(fault)
        return fault

    def hit(self, product: str, action: str, number: int, now: float) -> Fault | None:
        """The fault that hits this call, if any."""
        return next((fault for fault in self.added if fault.hits(product, action, number, now)), None)

    def pending(self) -> list[Fault]:
        """Those that never fired."""
        return [fault for fault in self.added if not fault.fired]
