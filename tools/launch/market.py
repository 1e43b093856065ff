"""Images, prices and stock, as ECS reports them now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spotkeeper.clients import Api, items
from spotkeeper.errors import CloudError
from spotkeeper.instances import describe_images
from tools.errors import NothingDone
from tools.launch.options import LaunchOptions

FAMILY = "acs:alibaba_cloud_linux_3_2104_lts_x64"
"""Alibaba Cloud Linux 3 ("Overview of public images")."""


def newest_image(ecs: Api) -> str:
    """The latest public image of the family. Raises NothingDone where there is none."""
    found = describe_images(ecs, FAMILY, {"ImageFamily": FAMILY, "ImageOwnerAlias": "system"})
    if not found:
        raise NothingDone(f"no public image of the family {FAMILY} in {ecs.region}: name an image, IMAGE=…")
    return str(max(found, key=lambda image: str(image.get("CreationTime")))["ImageId"])


def zones_with_stock(ecs: Api, options: LaunchOptions) -> list[str]:
    """The zones of the region that have the type as a spot instance now."""
    parameters = {
        "DestinationResource": "InstanceType",
        "InstanceChargeType": "PostPaid",
        "SpotStrategy": options.strategy,
        "SpotDuration": int(options.protection),
        "InstanceType": options.type,
        "IoOptimized": "optimized",
    }
    answer = ecs.call("DescribeAvailableResource", options.type, parameters)
    return [str(zone["ZoneId"]) for zone in items(answer, "AvailableZones", "AvailableZone") if _offers(zone, options)]


def _offers(zone: dict[str, Any], options: LaunchOptions) -> bool:
    resources = items(zone, "AvailableResources", "AvailableResource")
    types = [kind for resource in resources for kind in items(resource, "SupportedResources", "SupportedResource")]
    return any(kind.get("Value") == options.type and kind.get("Status") == "Available" for kind in types)


def prices(ecs: Api, options: LaunchOptions) -> str:
    """The latest market price of each zone in words, or why ECS does not report it."""
    parameters = {"NetworkType": "vpc", "InstanceType": options.type, "SpotDuration": int(options.protection)}
    try:
        answer = ecs.call("DescribeSpotPriceHistory", options.type, parameters)
    except CloudError as error:
        return f"not known ({error.code} for DescribeSpotPriceHistory; the ECS console shows it)"
    latest = dict(sorted(_points(answer)))
    shown = {zone: price for zone, (_, price) in latest.items() if not options.zone or zone == options.zone}
    currency = answer.get("Currency") or ""
    return ", ".join(f"{zone} {price} {currency}".strip() for zone, price in shown.items()) or "no history"


def _points(answer: dict[str, Any]) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Zone with time and price; sorted, the latest of a zone comes last."""
    for price in items(answer, "SpotPrices", "SpotPriceType"):
        yield str(price.get("ZoneId")), (str(price.get("Timestamp")), price.get("SpotPrice"))
