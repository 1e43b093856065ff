"""Want of stock: what is refused is asked for again by the sweep, more and more seldom, and at once by an event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spotkeeper.errors import RestartRefused
from tests.rescue.stage import SOURCE
from tests.state_change.stage import StateStage, stopped

if TYPE_CHECKING:
    import pytest

MINUTE = 60.0


def sold_out() -> StateStage:
    """Stopped, and there is no stock to start it from."""
    here = stopped()
    here.stock(0)
    return here


def asked_at(here: StateStage) -> list[float]:
    """When starts were asked for, in minutes after the first."""
    moments = [call.at for call in here.calls("StartInstance")]
    return [round((moment - moments[0]) / MINUTE) for moment in moments]


def test_the_sweep_backs_off() -> None:
    """After 1, 2, 4, 8 and then every 15 minutes; the line says until when it waits."""
    here = sold_out()
    here.sweeps(65)
    assert asked_at(here) == [0, 1, 3, 7, 15, 30, 45, 60]
    (line,) = here.sweep()["restarts"]
    assert "starts refused in a row: 8; the next is due at" in line


def test_an_event_does_not_wait() -> None:
    """Somebody stopped it again, or the event came twice: the start is asked for at once."""
    here = sold_out()
    here.fails(RestartRefused)
    here.stock(1)
    here.finishes()


def test_the_next_stop_is_another_matter() -> None:
    """It ran meanwhile: nothing is left of the refusals before."""
    here = sold_out()
    here.sweeps(16)
    here.stock(1)
    here.deliver()
    here.advance(10 * MINUTE)
    here.shut_down()
    assert here.sweep()["handed_back"] == [f"{SOURCE}/restart-2"]
    assert here.status == "Running"


def test_a_human_is_wanted_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal does not grow for ever; what has been refused so often is left alone until somebody starts it."""
    monkeypatch.setattr("spotkeeper.restart_records.MOST_TRIES", 5)
    here = sold_out()
    here.sweeps(60)
    assert (len(asked_at(here)), len(here.restarts()["1"])) == (5, 10)
    (warning,) = here.sweep()["warnings"]
    assert "5 starts in a row were refused" in warning
    here.fails(RestartRefused)
    assert len(here.restarts()["1"]) == 10
    here.runs()
    assert here.changed("Running")["outcome"] == "done"
    here.shut_down()
    here.stock(1)
    assert here.sweep()["handed_back"] == [f"{SOURCE}/restart-2"]
