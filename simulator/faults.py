"""Misbehaviour on command: one mechanism for refusals, throttling, dropped connections and killed callers.

Effects:

``code:<ErrorCode>``  the call is refused with that code
``throttle``          ``Throttling.User``, and the action stays blocked until the next virtual minute begins (ECS, CLB)
``throttle-second``   the same by the second, as other quotas are counted: until the next virtual second begins. CLB
                      and Auto Scaling answer ``Throttling`` (their error tables), other products ``Throttling.User``
``refused``           the connection is refused (over HTTP: drops) before the call was acted upon
``reset-before``      the connection drops before the call was acted upon
``reset-after``       … after it was
``slow``              the call is acted upon, but the answer comes after the client's read timeout: the clock moves on
                      by that much (over HTTP the connection drops)
``kill-before``       the caller dies before the call was acted upon (HTTP 599, header ``x-simulator-kill``)
``kill-after``        … after it was
``garbage``           a proxy answers 502 with HTML
``cut``               the call is acted upon, and the connection ends in the middle of the answer's body; where there is
                      no body, before the answer

A load balancer that always refuses is ``Fault("slb:*", "code:Forbidden.RAM", times=None, resource="lb-…")``; a quota of
five calls a second is ``Fault("slb:*", "throttle-second", times=None, rate=5)``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from simulator.error_catalogue import refusal
from simulator.wire import AnswerTooLate, ApiError, ConnectionDropped, ConnectionRefused, Response

WINDOWS = {"throttle": 60, "throttle-second": 1}
"""Seconds in which calls are counted."""
EFFECTS = (
    *(*WINDOWS, "refused", "reset-before", "reset-after", "slow"),
    *("kill-before", "kill-after", "garbage", "cut"),
)
KILLED = 599
THROTTLED = {"slb": "Throttling", "ess": "Throttling"}
"""The code of a quota by the second, where it is not ``Throttling.User``."""

Matcher = Callable[[str, str], bool]


@dataclass
class Fault:
    """One misbehaviour.

    ``action`` is an action's name, ``*``, ``product:*``, ``product:Action`` or a predicate of (product, action).
    ``times`` matching calls are hit (None: all), after ``skip`` were let through; with ``call_number`` only the n-th
    call of all is; from the virtual moment ``until`` on, none is. With ``resource``, an id, only calls
    whose path, query or form mentions it. ``retry_after_ms`` becomes header ``x-acs-retry-after`` of a throttled call.
    With ``rate``, so many calls of an action are let through in each minute (``throttle``) or second
    (``throttle-second``) before a call is throttled. ``fired`` counts the calls hit.
    """

    action: str | Matcher
    effect: str
    times: int | None = 1
    skip: int = 0
    call_number: int | None = None
    until: float | None = None
    retry_after_ms: int | None = None
    resource: str | None = None
    rate: int | None = None
    fired: int = 0
    _blocked_until: dict[str, float] = field(default_factory=dict, repr=False)
    _passed: Counter[tuple[str, int]] = field(default_factory=Counter, repr=False)

    def __post_init__(self) -> None:
        if self.effect not in EFFECTS and not self.effect.startswith("code:"):
            raise ValueError(f"effect {self.effect!r} is neither code:<ErrorCode> nor one of {', '.join(EFFECTS)}")
        if self.rate is not None and self.effect not in WINDOWS:
            raise ValueError(f"a rate belongs to {' or '.join(WINDOWS)}, not to {self.effect}")

    def hits(self, product: str, action: str, number: int, now: float, said: str = "") -> bool:
        """Whether this call is hit; counts it. ``said`` is the request's path, query and form, decoded."""
        if not self._matches(product, action) or not self._concerns(said):
            return False
        if now < self._blocked_until.get(action, now):
            self.fired += 1
            return True
        if self._spent(now) or self.call_number not in (None, number):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.rate is not None and self._within_rate(action, now):
            return False
        self._fire(action, now)
        return True

    def before(self, product: str) -> Response | None:
        """The answer in place of the action, or None where the call is acted upon.

        Raises ApiError and ConnectionDropped.
        """
        if self.effect.startswith("code:"):
            raise refusal(self.effect.removeprefix("code:"))
        if self.effect in WINDOWS:
            raise self._throttled(product)
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
        """The answer once the call was acted upon.

        Raises ConnectionDropped.
        """
        if self.effect == "reset-after":
            raise ConnectionDropped
        if self.effect == "slow":
            raise AnswerTooLate
        if self.effect == "kill-after":
            return Response(KILLED, headers={"x-simulator-kill": "after"})
        if self.effect == "cut":
            if not response.body:
                raise ConnectionDropped
            return replace(response, sent=len(response.body) // 2)
        return response

    def _throttled(self, product: str) -> ApiError:
        by_second = self.effect == "throttle-second"
        refused = refusal(THROTTLED.get(product, "Throttling.User") if by_second else "Throttling.User")
        headers = {} if self.retry_after_ms is None else {"x-acs-retry-after": str(self.retry_after_ms)}
        return ApiError(refused.status, refused.code, refused.message, headers)

    def _concerns(self, said: str) -> bool:
        """An id is mentioned as a whole: ``lb-1`` is not in ``lb-12``."""
        return self.resource is None or bool(re.search(rf"(?<![\w-]){re.escape(self.resource)}(?![\w-])", said))

    def _spent(self, now: float) -> bool:
        return (self.times is not None and self.times <= 0) or (self.until is not None and now >= self.until)

    def _within_rate(self, action: str, now: float) -> bool:
        counted = action, int(now // WINDOWS[self.effect])
        self._passed[counted] += 1
        return self._passed[counted] <= (self.rate or 0)

    def _matches(self, product: str, action: str) -> bool:
        if callable(self.action):
            return self.action(product, action)
        return self.action in ("*", action, f"{product}:*", f"{product}:{action}")

    def _fire(self, action: str, now: float) -> None:
        self.fired += 1
        if self.times is not None:
            self.times -= 1
        if window := WINDOWS.get(self.effect):
            # "counted per minute; throttled in minute T means blocked until T + 1"
            self._blocked_until[action] = (now // window + 1) * window


class Faults:
    """The faults of one cloud, matched in the order in which they were added; at most one fault hits a call."""

    def __init__(self) -> None:
        self.added: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        """Add and return ``fault``."""
        self.added.append(fault)
        return fault

    def hit(self, product: str, action: str, number: int, now: float, said: str) -> Fault | None:
        """The fault that hits this call, if any; ``said`` as in ``Fault.hits``."""
        return next((fault for fault in self.added if fault.hits(product, action, number, now, said)), None)

    def pending(self) -> list[Fault]:
        """Faults that never fired."""
        return [fault for fault in self.added if not fault.fired]
