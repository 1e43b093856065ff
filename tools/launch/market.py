"""What ECS says of images, prices and stock right now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spotkeeper.clients import Api, items
from spotkeeper.errors import CloudError
from spotkeeper.instances import describe_images
from tools.launch.errors import CannotLaunch
from tools.launch.wish import Wish

FAMILY = "acs:alibaba_cloud_linux_3_2104_lts_x64"
"""Alibaba Cloud Linux 3 ("Overview of public images")."""


def newest_image(ecs: Api) -> str:
    """The latest public image of the family. Raises CannotLaunch where there is none."""
    found = describe_images(ecs, FAMILY, {"ImageFamily": FAMILY, "ImageOwnerAlias": "system"})
    if not found:
        raise CannotLaunch(f"no public image of the family {FAMILY} in {ecs.region}: name one, IMAGE=…")
    return str(max(found, key=lambda image: str(image.get("CreationTime")))["ImageId"])


def zones_with_stock(ecs: Api, wish: Wish) -> list[str]:
    """The zones of the region in which the type can be had as a spot instance now."""
    asked = {
        "DestinationResource": "InstanceType",
        "InstanceChargeType": "PostPaid",
        "SpotStrategy": wish["STRATEGY"],
        "SpotDuration": int(wish["PROTECTION"]),
        "InstanceType": wish["TYPE"],
        "IoOptimized": "optimized",
    }
    answer = ecs.call("DescribeAvailableResource", wish["TYPE"], asked)
    return [str(zone["ZoneId"]) for zone in items(answer, "AvailableZones", "AvailableZone") if _offers(zone, wish)]


def _offers(zone: dict[str, Any], wish: Wish) -> bool:
    resources = items(zone, "AvailableResources", "AvailableResource")
    offered = [one for resource in resources for one in items(resource, "SupportedResources", "SupportedResource")]
    return any(one.get("Value") == wish["TYPE"] and one.get("Status") == "Available" for one in offered)


def prices(ecs: Api, wish: Wish) -> str:
    """The market price per zone in words, the latest one each; why not, where ECS does not say."""
    asked = {"NetworkType": "vpc", "InstanceType": wish["TYPE"], "SpotDuration": int(wish["PROTECTION"])}
    try:
        answer = ecs.call("DescribeSpotPriceHistory", wish["TYPE"], asked)
    except CloudError as error:
        return f"not known ({error.code} for DescribeSpotPriceHistory; the ECS console shows it)"
    latest = dict(sorted(_points(answer)))
    shown = {zone: price for zone, (_, price) in latest.items() if not wish["ZONE"] or zone == wish["ZONE"]}
    currency = answer.get("Currency") or ""
    return ", ".join(f"{zone} {price} {currency}".strip() for zone, price in shown.items()) or "no history"


def _points(answer: dict[str, Any]) -> Iterator[tuple[str, tuple[str, Any]]]:
    """Zone with time and price; sorted, the latest of a zone comes last."""
    for one in items(answer, "SpotPrices", "SpotPriceType"):
        yield str(one.get("ZoneId")), (str(one.get("Timestamp")), one.get("SpotPrice"))
