"""The checks of RunInstances, with the codes of its error table."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from simulator.actions import Parameters, invalid, missing, uncovered
from simulator.ecs.launch_options import check_options
from simulator.ecs.launch_parameters import COVERED
from simulator.ecs.model import Image, VSwitch
from simulator.ecs.stock import BURSTABLE, INSTANCE_TYPES, spot_price
from simulator.ecs.tags import TagActions
from simulator.error_catalogue import refusal
from simulator.wire import ApiError

CATEGORIES = ("cloud", "cloud_efficiency", "cloud_ssd", "cloud_essd", "cloud_auto", "cloud_essd_entry")
LEVELS = ("PL0", "PL1", "PL2", "PL3")
USER_DATA_BYTES = 32 * 1024
_NAME = re.compile(r"[A-Za-z\u4e00-\u9fff][\w.:\-\[\], ]{1,127}\Z")
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9]|[.\-](?![.\-])){0,62}[A-Za-z0-9]\Z")


class LaunchChecks(TagActions):
    """The checks in their order: parameters by themselves, resources that they name, money, stock."""

    def check_launch(self, p: Parameters) -> tuple[Image, VSwitch]:
        """The image and the vSwitch of a launch that nothing but stock stands against."""
        p.covers(*COVERED)
        if set(p) - COVERED:
            raise uncovered(f"parameter {', '.join(sorted(set(p) - COVERED))} of RunInstances")
        _check_texts(p)
        _check_user_data(p)
        _check_spot(p)
        _check_amount(p)
        vswitch = self._vswitch(p)
        self._check_security_groups(p, vswitch)
        self._check_names(p)
        image = self._image(p)
        self._check_instance_type(p)
        check_options(p, self.invitations)
        _check_disks(p, image)
        return image, vswitch

    def _vswitch(self, p: Parameters) -> VSwitch:
        found = self.vswitches.get(p["VSwitchId"])
        if found is None or self.known_region(p) != self.cloud.region:
            raise refusal("InvalidVSwitchId.NotFound")
        if p.get("ZoneId", found.zone_id) != found.zone_id:
            raise refusal("OperationDenied.ZoneNotAllowed", "The VSwitch is in another zone than ZoneId.")
        address = p.get("PrivateIpAddress")
        if address is not None and not str(address).startswith(found.network + "."):
            raise refusal("InvalidPrivateIpAddress.Malformed")
        if address in found.used:
            raise refusal("InvalidPrivateIpAddress.Duplicated")
        if found.free_addresses is not None and found.free_addresses < p.int("Amount", 1):
            raise refusal("QuotaExceeded.PrivateIpAddress")
        return found

    def _check_security_groups(self, p: Parameters, vswitch: VSwitch) -> None:
        if ("SecurityGroupId" in p) == ("SecurityGroupIds" in p):
            if "SecurityGroupId" not in p:
                raise missing("SecurityGroupId")
            raise invalid("SecurityGroupIds", "SecurityGroupId was sent as well")
        for group in p.list("SecurityGroupIds") or [p["SecurityGroupId"]]:
            if group not in self.security_groups:
                raise refusal("InvalidSecurityGroupId.NotFound")
            if self.security_groups[group] != vswitch.vpc_id:
                raise refusal("OperationDenied.InconsistentNetwork")
            if self._full(group, p):
                raise refusal("SecurityGroupInstanceLimitExceed")

    def _full(self, group: str, p: Parameters) -> bool:
        """Whether a security group or deployment set is full; instances count until their release."""
        used = ((*instance.security_group_ids, instance.deployment_set_id) for instance in self.instances.values())
        taken = sum(group in groups for groups in used)
        return group in self.capacities and taken + p.int("Amount", 1) > self.capacities[group]

    def _check_names(self, p: Parameters) -> None:
        """Resources that are only named must exist."""
        for name, known, code in (
            ("KeyPairName", self.key_pairs, "InvalidKeyPairName.NotFound"),
            ("RamRoleName", self.ram_roles, "InvalidRamRole.NotFound"),
            ("DeploymentSetId", self.deployment_sets, "DeploymentSet.NotFound"),
            ("ResourceGroupId", self.resource_groups, "InvalidResourceGroup.NotFound"),
        ):
            if name in p and p[name] not in known:
                raise ApiError(404, code, f"The specified {name} does not exist.")
        if self._full(p.get("DeploymentSetId", ""), p):
            raise refusal("QuotaExceed.DeploymentSetInstanceQuotaFull")

    def _image(self, p: Parameters) -> Image:
        image = self.images.get(p["ImageId"])
        if image is None or image.region != self.known_region(p):
            raise refusal("InvalidImageId.NotFound")
        if not image.ready:
            raise refusal("OperationDenied.ImageNotValid")
        return image

    def _check_instance_type(self, p: Parameters) -> None:
        wanted = p["InstanceType"]
        if wanted not in INSTANCE_TYPES:
            raise refusal("InvalidInstanceType.ValueNotSupported")
        if "CreditSpecification" in p and not wanted.startswith(BURSTABLE):
            # Which code the cloud has for this is not documented; that the parameter is for burstable types only, is.
            raise invalid("CreditSpecification", "the instance type is not burstable")
        limit = p.get("SpotPriceLimit")
        if limit is not None and limit < spot_price(wanted):
            raise refusal("InvalidSpotPriceLimit.LowerThanPublicPrice")


def _check_texts(p: Parameters) -> None:
    if not _NAME.match(p.get("InstanceName", "ok")):
        raise refusal("InvalidInstanceName.Malformed")
    if not _HOST_NAME.match(p.get("HostName", "ok")):
        raise refusal("InvalidHostName.Malformed")
    if not 2 <= len(p.get("Description", "ok")) <= 256:
        raise refusal("InvalidDescription.Malformed")
    if p.bool("PasswordInherit") and "Password" in p:
        raise refusal("InvalidPasswordParam.Mismatch")
    _one_of(p, "InternetChargeType", ("PayByTraffic", "PayByBandwidth"), "InvalidInternetChargeType.ValueNotSupported")
    _one_of(p, "HttpEndpoint", ("enabled", "disabled"), "InvalidHttpEndpoint.NotSupported")
    _one_of(p, "HttpTokens", ("optional", "required"), "InvalidHttpTokens.NotSupported")
    _one_of(p, "CreditSpecification", ("Standard", "Unlimited"), "InvalidParameter")
    if not 1 <= p.int("HttpPutResponseHopLimit", 1) <= 64:
        raise refusal("InvalidHttpPutResponseHopLimit.NotSupported")
    if not 0 <= p.int("InternetMaxBandwidthOut", 0) <= 100:
        raise invalid("InternetMaxBandwidthOut", "it must be from 0 to 100")
    largest = max(10, p.int("InternetMaxBandwidthOut", 0))
    if not 1 <= p.int("InternetMaxBandwidthIn", 1) <= largest:
        raise refusal("InvalidInternetMaxBandwidthIn.ValueNotSupported", f"It must be from 1 to {largest}.")


def _check_user_data(p: Parameters) -> None:
    try:
        raw = base64.b64decode(p.get("UserData", ""), validate=True)
    except (binascii.Error, ValueError):
        raise refusal("InvalidUserData.Base64FormatInvalid") from None
    if len(raw) > USER_DATA_BYTES:
        raise refusal("InvalidUserData.SizeExceeded")


def _check_spot(p: Parameters) -> None:
    _one_of(p, "InstanceChargeType", ("PostPaid",), "InvalidInstanceChargeType.NotFound")
    _one_of(p, "SpotStrategy", ("NoSpot", "SpotWithPriceLimit", "SpotAsPriceGo"), "InvalidSpotStrategy")
    _one_of(p, "SpotInterruptionBehavior", ("Terminate", "Stop"), "InvalidSpotInterruptionBehavior")
    strategy, limit = p.get("SpotStrategy", "NoSpot"), p.get("SpotPriceLimit")
    if strategy == "NoSpot" and {"SpotDuration", "SpotInterruptionBehavior"} & set(p):
        raise refusal("InvalidSpotStrategy", "The specified SpotStrategy does not allow spot parameters.")
    if strategy != "NoSpot" and p.bool("DeletionProtection"):
        raise refusal("InvalidChargeType.ValueNotSupported")
    if p.int("SpotDuration", 1) not in (0, 1):
        raise refusal("InvalidSpotDuration")
    if (limit is not None) != (strategy == "SpotWithPriceLimit"):
        raise refusal("InvalidSpotPriceLimit", "SpotPriceLimit is required with SpotWithPriceLimit, and only then.")
    if limit is not None and (limit <= 0 or round(limit, 3) != limit):
        raise refusal("InvalidSpotPriceLimit", "The specified SpotPriceLimit has more than 3 decimal places.")


def _check_amount(p: Parameters) -> None:
    amount = p.int("Amount", 1)
    if not 1 <= amount <= 100:
        raise invalid("Amount", "it must be from 1 to 100")
    if not 1 <= p.int("MinAmount", amount) <= amount:
        raise invalid("MinAmount", "it must be from 1 to Amount")
    if amount > 1 and "PrivateIpAddress" in p:
        raise invalid("PrivateIpAddress", "Amount is more than 1")


def _check_disks(p: Parameters, image: Image) -> None:
    system = p.get("SystemDisk", {})
    _check_disk(system, "SystemDisk")
    if "Size" in system:
        if not re.fullmatch(r"[0-9]{1,9}", str(system["Size"])) or not 20 <= int(system["Size"]) <= 2048:
            raise refusal("InvalidSystemDiskSize.ValueNotSupported")
        if int(system["Size"]) < image.size:
            raise refusal("InvalidSystemDiskSize.LessThanImageSize")
    sizes = {mapping.device: mapping.size for mapping in image.disks if mapping.type == "data"}
    encrypted = {mapping.device if mapping.type == "data" else "": mapping.encrypted for mapping in image.disks}
    _check_encryption(system, from_encrypted=encrypted.get("", False))
    devices: list[str] = []
    for disk in p.list("DataDisk"):
        _check_disk(disk, "DataDisk")
        _check_data_disk(disk, sizes, devices)
        _check_encryption(disk, from_encrypted=encrypted.get(disk.get("Device", "-"), False))


def _check_encryption(disk: dict[str, Any], *, from_encrypted: bool) -> None:
    if from_encrypted and str(disk.get("Encrypted", "true")).lower() != "true":
        raise refusal("InvalidEncrypted.NotMatchSnapshot")


def _check_disk(disk: dict[str, Any], which: str) -> None:
    category, level = disk.get("Category"), disk.get("PerformanceLevel")
    if category is not None and category not in CATEGORIES:
        raise ApiError(400, f"Invalid{which}Category.ValueNotSupported", f'"{which}.Category" is not valid.')
    if level is not None and (level not in LEVELS or category not in (None, "cloud_essd")):
        raise refusal("InvalidPerformanceLevel.Malformed")
    encrypted = str(disk.get("Encrypted", "")).lower()
    if encrypted not in ("", "true", "false"):
        raise invalid(f"{which}.Encrypted", "it must be true or false")
    if "KMSKeyId" in disk and encrypted != "true":
        raise refusal("InvalidEncrypted.NotMatchKmsKeyId")
    if "ProvisionedIops" in disk and category != "cloud_auto":
        raise refusal("InvalidProvisionedIops.NotSupported")


def _check_data_disk(disk: dict[str, Any], sizes: dict[str, int], devices: list[str]) -> None:
    device = disk.get("Device")
    if device is not None:
        if not re.match(r"/dev/xvd[b-z]\Z", device) or device in devices:
            raise refusal("InvalidDataDevice.Malformed")
        devices.append(device)
    least = sizes.get(device or "", 20)
    size = disk.get("Size")
    if size is None and device not in sizes:
        raise missing("DataDisk.N.Size")
    if size is not None and not least <= size <= 65536:
        raise refusal("InvalidDataDiskSize.ValueNotSupported")


def _one_of(p: Parameters, name: str, values: tuple[str, ...], code: str) -> None:
    if name in p and p[name] not in values:
        raise ApiError(400, code, f'The specified parameter "{name}" is not valid.')
