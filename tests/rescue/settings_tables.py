"""The fields of DescribeInstances and DescribeDisks, and the parameters of RunInstances, that no table of the code has.

The test that compares all tables with the SDK's models says when a field or a parameter is in none.
"""

from __future__ import annotations

INSTANCE_COMPUTED = {
    "SecurityGroupIds": "SecurityGroupIds",
    "KeyPairName": "KeyPairName",
    "Tags": "Tag",
    "ImageId": "ImageId",
    "InstanceType": "InstanceType",
    "VpcAttributes.VSwitchId": "VSwitchId",
    "InternetChargeType": "InternetChargeType",
    "InternetMaxBandwidthOut": "InternetMaxBandwidthOut",
    "InternetMaxBandwidthIn": "InternetMaxBandwidthIn",
    "InstanceChargeType": "InstanceChargeType",
    "SpotStrategy": "SpotStrategy",
    "SpotPriceLimit": "SpotPriceLimit",
    "SpotDuration": "SpotDuration",
    "SpotInterruptionBehavior": "SpotInterruptionBehavior",
    "AutoReleaseTime": "AutoReleaseTime",
}
"""Field -> the parameter that ``launch_spec`` makes of it."""
INSTANCE_LISTED_BY_CODE = {
    "NetworkInterfaces.NetworkInterface.NetworkInterfaceId",  # the secondary network cards
    "NetworkInterfaces.NetworkInterface.PrivateIpSets",  # the secondary addresses of the primary network card
}
"""Fields that ``not_carried`` lists under a condition."""

INSTANCE_NOT_CARRIED = {
    "of the instance type": "Cpu Memory GPUAmount GPUSpec InstanceTypeFamily IoOptimized",
    "of the instance type; local disks are listed as disks": "LocalStorageAmount LocalStorageCapacity",
    "of the image": "OSName OSNameEn OSType ImageOptions.CurrentOSNVMeSupported",
    "of this instance: its id, state, or history": "InstanceId SerialNumber Status StoppedMode CreationTime StartTime "
    "DeviceAvailable OperationLocks Recyclable AdditionalInfo.NodeSerialNumber",
    "of subscriptions": "ExpiredTime SaleCycle",
    "follows from the vSwitch": "RegionId ZoneId VpcAttributes.VpcId",
    "of the classic network": "InstanceNetworkType InnerIpAddress VlanId ClusterId",
    "of the EIP, which is listed": "EipAddress.AllocationId EipAddress.Bandwidth EipAddress.InternetChargeType "
    "EipAddress.IsSupportUnassociate",
    "of this network card": "NetworkInterfaces.NetworkInterface.MacAddress",
    "the private address, listed": "NetworkInterfaces.NetworkInterface.PrimaryIpAddress",
    "of the IPv6 address, which is listed": "NetworkInterfaces.NetworkInterface.Ipv6Sets.Ipv6Set.Primary",
    "marks the secondary network cards, which are listed": "NetworkInterfaces.NetworkInterface.Type",
    "of the dedicated host, which is listed": "DedicatedHostAttribute.DedicatedHostName",
    "no longer used (RunInstances)": "CpuOptions.Numa",
}
"""Reason -> fields that are neither carried nor listed."""

NOT_REQUESTED = {
    "no Describe action shows it": "SecurityEnhancementStrategy SecurityOptions.TrustedSystemMode "
    "SecurityOptions.ConfidentialComputingMode LaunchTemplateId LaunchTemplateName LaunchTemplateVersion",
    "no Describe action shows it; without a key pair PasswordInherit keeps that of the image": "Password",
    "traffic modes, queues and further cards: DescribeInstances does not show them": "NetworkInterface "
    "NetworkInterfaceQueueNumber NetworkOptions",
    "IPv6 addresses are listed: a fallback vSwitch may have none": "Ipv6Address Ipv6AddressCount",
    "RunInstances ignores the spot price limit on dedicated hosts": "DedicatedHostId ManagedHostId Tenancy Affinity "
    "SchedulerOptions",
    "capacity reservations are not for spot instances": "PrivatePoolOptions",
    "the source holds it until it is released": "PrivateIpAddress",
    "listed with the disk: bound to its zone": "StorageSetId StorageSetPartitionNumber",
    "listed: a duplicate replacement could not be deleted": "DeletionProtection",
    "for several instances": "HostNames UniqueSuffix MinAmount",
    "for subscriptions": "AutoPay AutoRenew AutoRenewPeriod Period PeriodUnit",
    "SecurityGroupIds, ImageId and VSwitchId are sent instead": "SecurityGroupId ImageFamily ZoneId",
    "follows from the instance type": "IoOptimized",
    "no longer used": "CpuOptions.Numa",
    "not publicly available": "Arn",
    "not of the instance": "OwnerId OwnerAccount ResourceOwnerId ResourceOwnerAccount DryRun",
}
"""Reason -> parameters of RunInstances that are not sent."""

DISK_COMPUTED = {"Encrypted", "KMSKeyId", "Device", "Type", "DeleteWithInstance"}
"""Fields of which a member of SystemDisk or DataDisk is made."""
DISK_LISTED_BY_CODE = {
    "DeleteWithInstance",  # of a system disk that stays
    "Device",  # if there is none
    "Tags",  # those that the instance does not have
    "ResourceGroupId",  # if it is not that of the instance
    "MultiAttach",  # if it is Enabled
    "DiskChargeType",  # if it is PrePaid
    "EnableAutoSnapshot",  # with the snapshot policy
    "DeleteAutoSnapshot",  # with the snapshot policy
}
"""Fields that ``not_carried`` lists under a condition."""

DISK_NOT_CARRIED = {
    "of this disk: its id, state, or history": "DiskId SerialNumber Status CreationTime OperationLocks BdfId "
    "AttachedTime DetachedTime Attachments InstanceId",
    "of this disk; a shared disk is listed": "MountInstances MountInstanceNum",
    "says what the disk was made of": "ImageId SourceSnapshotId SourceDiskId DataSource",
    "follows from the vSwitch": "RegionId ZoneId",
    "follows from category, size and level": "IOPS IOPSRead IOPSWrite Throughput ThroughputRead ThroughputWrite",
    "follows from the category": "Portable",
    "of subscriptions": "ExpiredTime",
    "AutoSnapshotPolicyId has it": "EnableAutomatedSnapshotPolicy",
}
"""Reason -> fields that are neither carried nor listed."""

DISK_NOT_REQUESTED = {
    "listed: RunInstances would refuse a policy that was deleted meanwhile": "AutoSnapshotPolicyId",
    "no Describe action shows it": "EncryptAlgorithm",
    "the image has it": "SnapshotId",
    "listed: bound to its zone": "StorageClusterId",
}
"""Reason -> members of SystemDisk and DataDisk that are not sent."""


def names(table: dict[str, str]) -> set[str]:
    """The fields or parameters of a table by reason."""
    return {name for fields in table.values() for name in fields.split()}
