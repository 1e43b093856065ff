"""A load balancer in trouble for a whole minute must cost neither the data nor the memberships."""

from __future__ import annotations

import pytest

from simulator.slb.refusals import CONFLICTS
from spotkeeper.errors import RescueIncomplete, SpotkeeperError
from tests.rescue.reading import WRITES, deliver_until_done, fault, heal, moment, replacements
from tests.rescue.stage import Stage, stage

MINUTE = 60.0
DRAIN = 10.0
HOLD_UP = 30.0
BUSY = (*CONFLICTS, "Throttling", "InternalError")


def from_first(here: Stage, kind: str, code: str) -> None:
    """All calls of CLB of this kind (``write`` or ``any``) are refused from the first call on for a minute."""
    begun: list[float] = []

    def hit(product: str, action: str) -> bool:
        if product != "slb" or (kind == "write" and not action.startswith(WRITES)):
            return False
        begun.append(here.cloud.now())
        return begun[-1] < begun[0] + MINUTE

    fault(here, hit, f"code:{code}", times=None)


def first_refusal(here: Stage) -> float:
    """In seconds after the beginning."""
    refused: list[float] = [call.at for call in here.calls() if call.product == "slb" and call.code]
    return refused[0] - float(here.before["now"])


OF_THE_SERVICE = ("SystemBusy", "ServiceUnavailable", "Throttling", "InternalError")
REFUSED = [
    *(("write", code, 1) for code in BUSY),
    *(("any", code, 1) for code in OF_THE_SERVICE),
    *(("any", code, 3) for code in CONFLICTS),  # no document says that reads are never refused for a conflict
]
"""Which calls are refused with which code, and how many deliveries that may cost."""


@pytest.mark.parametrize(("kind", "code", "most"), REFUSED)
def test_refused_for_a_minute(kind: str, code: str, most: int) -> None:
    """CreateImage comes within 30 s + drain of the first refusal, and the rescue ends in the right state."""
    here = stage()
    from_first(here, kind, code)
    deliver_until_done(here, most)
    assert moment(here, "CreateImage") <= first_refusal(here) + HOLD_UP + DRAIN
    assert here.shortcomings() == []


@pytest.mark.parametrize("effect", ["reset-before", "reset-after", "garbage"])
def test_no_answer_from_clb_for_a_minute(effect: str) -> None:
    """An endpoint that is down for a minute costs at most one more delivery."""
    here = stage()
    until = here.before["now"] + MINUTE
    fault(here, "slb:*", effect, times=None, until=until)
    deliver_until_done(here, most=2)
    assert moment(here, "CreateImage") <= HOLD_UP + DRAIN
    assert here.shortcomings() == []


def test_down_for_good() -> None:
    """With no CLB at all the image is made; the error says what is left, and no replacement is lost or doubled."""
    here = stage(timeout=600)
    fault(here, "slb:*", "code:ServiceUnavailable", times=None)
    here.fails(SpotkeeperError, match="ServiceUnavailable")
    heal(here)
    here.fails(RescueIncomplete, match="add the replacement by hand")
    assert moment(here, "CreateImage") <= HOLD_UP + DRAIN
    assert len(replacements(here)) == 1
