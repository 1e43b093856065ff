"""SpotPriceLimit: what the source's owner was willing to pay an hour, bid for every spot option and never exceeded."""

from __future__ import annotations

from spotkeeper.errors import NoCapacity
from tests.rescue.reading import replacements
from tests.rescue.stage import Stage, stage

HERE, THERE = "vsw-bp1fleet000000000000h", "vsw-bp1fleet000000000000i"
OWN, DEARER, CHEAP = "ecs.g7.large", "ecs.g7.xlarge", "ecs.c7.large"
LIMIT = 0.06
"""Above the market price of the types ``large`` (0.05), below that of ``xlarge`` (0.1)."""
LOWER = "InvalidSpotPriceLimit.LowerThanPublicPrice"


def limited(types: str, sold_out: tuple[tuple[str, str], ...] = (), **settings: str) -> Stage:
    """A source with a price limit in a zone that is sold out of its type, fallback types and a fallback vSwitch."""
    options = {"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": types, "SPOTKEEPER_FALLBACK_VSWITCH_IDS": THERE}
    here = stage(settings={**options, **settings}, spot_price_limit=LIMIT)
    for zone, kind in (("cn-hangzhou-h", OWN), *sold_out):
        here.cloud.ecs.stock[zone, kind, "spot"] = 0
    return here


def bids(here: Stage) -> list[tuple[str, str, str, str]]:
    """Strategy, limit, type and vSwitch of each RunInstances call."""
    calls = [call.parameters for call in here.calls("RunInstances")]
    return [(p["SpotStrategy"], p.get("SpotPriceLimit", ""), p["InstanceType"], p["VSwitchId"]) for p in calls]


def test_an_option_above_the_limit_is_skipped_and_named() -> None:
    """The dearer type is refused; the own type in the other zone is still bought as spot."""
    here = limited(DEARER)
    answer = here.deliver()
    assert [(kind, place) for _, _, kind, place in bids(here)] == [(OWN, HERE), (DEARER, HERE), (OWN, THERE)]
    assert replacements(here)[0]["SpotPriceLimit"] == LIMIT
    assert [text for text in answer["warnings"] if DEARER in text and LOWER in text]


def test_on_demand_comes_after_all_spot_options() -> None:
    """Four spot options, each with the limit, then the first on-demand one."""
    here = limited(DEARER, sold_out=(("cn-hangzhou-i", OWN),))
    here.deliver()
    assert bids(here) == [
        *(
            ("SpotWithPriceLimit", str(LIMIT), kind, place)
            for place, kind in ((HERE, OWN), (HERE, DEARER), (THERE, OWN), (THERE, DEARER))
        ),
        ("NoSpot", "", OWN, HERE),
    ]


def test_without_on_demand_nothing_is_bought_above_the_limit() -> None:
    """The rescue waits for the market, and says which options were refused for their price."""
    here = limited(DEARER, sold_out=(("cn-hangzhou-i", OWN),), SPOTKEEPER_FALLBACK_ON_DEMAND="false")
    here.fails(NoCapacity, match=rf"spot {DEARER} in {THERE}: {LOWER}")
    assert {(strategy, limit) for strategy, limit, _, _ in bids(here)} == {("SpotWithPriceLimit", str(LIMIT))}
