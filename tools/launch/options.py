"""The options of a launch, as the typed command has read them."""

from __future__ import annotations

from dataclasses import dataclass

from tools.errors import NothingDone


@dataclass(frozen=True)
class LaunchOptions:
    """Names and values as RunInstances takes them; ``hours`` until the release (0: never), ``disk`` in GB.

    Raises NothingDone for a price limit without its strategy, and the reverse.
    """

    region: str
    vswitch: str
    security_group: str
    type: str
    strategy: str
    protection: str
    behavior: str
    hours: int
    name: str
    disk: int
    bandwidth: int
    zone: str | None = None
    image: str | None = None
    key_pair: str | None = None
    price_limit: str | None = None

    def __post_init__(self) -> None:
        if (self.strategy == "SpotWithPriceLimit") != bool(self.price_limit):
            raise NothingDone("PRICE_LIMIT goes with STRATEGY=SpotWithPriceLimit, and only with it")
