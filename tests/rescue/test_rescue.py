"""The rescue as a whole."""

from __future__ import annotations

from tests.rescue.stage import stage


def test_plain_rescue() -> None:
    """One delivery: image, replacement, memberships, flags; in at most 32 API calls."""
    here = stage()
    answer = here.deliver()
    assert answer["outcome"] == "done"
    assert here.shortcomings() == []
    assert len(here.calls()) <= 32


def test_three_deliveries() -> None:
    """The same event three times in a row: as once, and the repeats write nothing."""
    here = stage()
    first = here.deliver()
    writes = here.writes()
    for _ in range(2):
        again = here.deliver()
        assert again["outcome"] == "done"
        assert again["replacement_id"] == first["replacement_id"]
    assert here.shortcomings() == []
    assert here.writes() == writes
