"""A load balancer in trouble for a whole minute must cost neither the data nor the memberships."""

from __future__ import annotations

import pytest

from simulator.slb.refusals import CONFLICTS
from tests.rescue.reading import WRITES, deliver_until_done, fault, moment, places
from tests.rescue.stage import SOURCE, Stage, stage

MINUTE = 60.0
DRAIN = 10.0
HOLD_UP = 30.0
BUSY = (*CONFLICTS, "Throttling", "InternalError")


def from_first(here: Stage, kind: str, code: str) -> None:
    """All calls of CLB of this kind (``write`` or ``any``) are refused from the first one on for a minute."""
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


@pytest.mark.parametrize("code", BUSY)
def test_writes_refused_for_a_minute(code: str) -> None:
    """CreateImage comes within 30 s + drain of the first refusal, and the one call ends in the right state."""
    here = stage()
    from_first(here, "write", code)
    assert here.deliver()["outcome"] == "done"
    assert moment(here, "CreateImage") <= first_refusal(here) + HOLD_UP + DRAIN
    assert here.shortcomings() == []


@pytest.mark.parametrize("code", ["SystemBusy", "ServiceUnavailable", "Throttling", "InternalError"])
def test_everything_refused_for_a_minute(code: str) -> None:
    """What refuses reads as well (the service itself is in trouble) is waited out in the same way."""
    here = stage()
    from_first(here, "any", code)
    assert here.deliver()["outcome"] == "done"
    assert moment(here, "CreateImage") <= first_refusal(here) + HOLD_UP + DRAIN
    assert here.shortcomings() == []


@pytest.mark.parametrize("code", CONFLICTS)
def test_reads_refused_with_a_conflict(code: str) -> None:
    """No document says that reads are never refused for a conflict: then, too, the image is made in time."""
    here = stage()
    from_first(here, "any", code)
    deliver_until_done(here, most=3)
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


def test_busy_after_each_write() -> None:
    """A CLB that is busy for three seconds after every change it accepts gets one change at a time."""
    here = stage()
    here.cloud.slb.configuring_seconds = 3.0
    assert here.deliver()["outcome"] == "done"
    assert here.shortcomings() == []


def test_down_for_good() -> None:
    """With no CLB at all the image is made; the error names the refusal, and no replacement is lost or doubled."""
    here = stage(timeout=600)
    busy = fault(here, "slb:*", "code:ServiceUnavailable", times=None)
    _, errors = _deliver_twice(here, busy)
    assert "ServiceUnavailable" in str(errors[0])
    assert moment(here, "CreateImage") <= HOLD_UP + DRAIN
    assert here.shortcomings() == []
    assert places(here, SOURCE) == 0


def _deliver_twice(here: Stage, busy: object) -> tuple[dict[str, object], list[Exception]]:
    errors: list[Exception] = []
    try:
        here.deliver()
    except Exception as error:  # noqa: BLE001 - which one is for the caller to say
        errors.append(error)
    here.cloud.faults.added.remove(busy)  # type: ignore[arg-type]
    return here.deliver(), errors


def test_stale_and_missing_containers() -> None:
    """A CLB that leaves empty lists out of its answers is read as one without members."""
    here = stage()
    here.cloud.slb.omits_empty_lists = True
    here.cloud.slb.add_load_balancer("empty")
    assert here.deliver()["outcome"] == "done"
    assert here.shortcomings() == []
