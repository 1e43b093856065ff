"""Parameters that RunInstances takes for some instance types, or from some accounts, only.

Which codes the cloud has for these refusals is not documented; that it takes the parameters only there, is.
"""

from __future__ import annotations

from simulator.actions import Parameters, invalid
from simulator.ecs.stock import INSTANCE_TYPES
from simulator.error_catalogue import refusal

BY_INVITATION = ("HibernationOptions", "Isp", "ClockOptions")
"""In invitational preview or not publicly available (request metadata of RunInstances)."""

ADJUSTABLE_THREADS = ("ecs.g7.", "ecs.c7.", "ecs.r7.", "ecs.g8i.", "ecs.c8i.")
TOPOLOGY = ("ecs.g8i.", "ecs.c8i.")
ENTRY_DISKS = ("ecs.u1-", "ecs.e-")
"""Families that disks of category cloud_essd_entry are for (RunInstances, SystemDisk.Category)."""
SECURE_BOOT = ("ecs.g7.", "ecs.c7.", "ecs.r7.", "ecs.g8i.", "ecs.c8i.")


def check_options(p: Parameters, invitations: set[str]) -> None:
    """Raises ApiError for a parameter that the instance type or the account cannot use."""
    for name in BY_INVITATION:
        if name in p and name not in invitations:
            raise invalid(name, "the account is not invited to use it")
    _check_cpu(p)
    if p.get("SecurityOptions", {}).get("EnableSecureBoot") and not p["InstanceType"].startswith(SECURE_BOOT):
        raise invalid("SecurityOptions.EnableSecureBoot", "the instance type has no secure boot")
    _check_dns(p)
    for disk in (p.get("SystemDisk", {}), *p.list("DataDisk")):
        if disk.get("Category") == "cloud_essd_entry" and not p["InstanceType"].startswith(ENTRY_DISKS):
            raise refusal("InvalidDiskCategory.NotSupported")


def _check_cpu(p: Parameters) -> None:
    options, wanted = p.get("CpuOptions"), p["InstanceType"]
    if options is None:
        return
    if not wanted.startswith(ADJUSTABLE_THREADS):
        raise invalid("CpuOptions", "the CPU options of the instance type cannot be changed")
    if "Numa" in options:
        raise invalid("CpuOptions.Numa", "it is no longer used")
    if options.get("Core", INSTANCE_TYPES[wanted][0] // 2) != INSTANCE_TYPES[wanted][0] // 2:
        raise invalid("CpuOptions.Core", "the instance type has another number of cores")
    if options.get("ThreadsPerCore", 2) not in (1, 2):
        raise invalid("CpuOptions.ThreadsPerCore", "it must be 1 or 2")
    if "TopologyType" in options and not wanted.startswith(TOPOLOGY):
        raise invalid("CpuOptions.TopologyType", "the instance type has no topology to choose")


def _check_dns(p: Parameters) -> None:
    kind = p.get("PrivateDnsNameOptions", {}).get("HostnameType", "Custom")
    if kind not in ("Custom", "IpBased", "InstanceIdBased"):
        raise invalid("PrivateDnsNameOptions.HostnameType", "it must be Custom, IpBased or InstanceIdBased")
    if kind != "Custom" and "HostName" in p:
        raise invalid("HostName", "PrivateDnsNameOptions.HostnameType makes the host name")
