"""The parameters of RunInstances that are covered, and where their values go."""

from __future__ import annotations

PLAIN = {
    "InstanceName": "instance_name",
    "HostName": "host_name",
    "Description": "description",
    "Password": "password",
    "KeyPairName": "key_pair_name",
    "RamRoleName": "ram_role_name",
    "UserData": "user_data",
    "SpotStrategy": "spot_strategy",
    "SpotPriceLimit": "spot_price_limit",
    "SpotDuration": "spot_duration",
    "SpotInterruptionBehavior": "spot_interruption_behavior",
    "InternetChargeType": "internet_charge_type",
    "InternetMaxBandwidthOut": "internet_max_bandwidth_out",
    "InternetMaxBandwidthIn": "internet_max_bandwidth_in",
    "DeploymentSetId": "deployment_set_id",
    "DeploymentSetGroupNo": "deployment_set_group_no",
    "HttpEndpoint": "http_endpoint",
    "HttpTokens": "http_tokens",
    "HttpPutResponseHopLimit": "http_put_response_hop_limit",
    "ResourceGroupId": "resource_group_id",
    "CreditSpecification": "credit_specification",
    "SecurityEnhancementStrategy": "security_enhancement_strategy",
    "DeletionProtection": "deletion_protection",
}
"""Parameter -> attribute of ``Instance``."""

SHOWN = {
    "HibernationOptions": "HibernationOptions",
    "PrivateDnsNameOptions": "PrivateDnsNameOptions",
    "SecurityOptions": "SecurityOptions",
    "ClockOptions": "ClockOptions",
    "HpcClusterId": "HpcClusterId",
    "Isp": "ISP",
}
"""Parameter -> field of DescribeInstances, for values that are only stored and shown."""

COVERED = {
    *PLAIN,
    *SHOWN,
    *("RegionId", "ZoneId", "VSwitchId", "PrivateIpAddress", "SecurityGroupId", "SecurityGroupIds"),
    *("ImageId", "InstanceType", "IoOptimized", "Amount", "MinAmount", "InstanceChargeType"),
    *("PasswordInherit", "SystemDisk", "DataDisk", "CpuOptions", "ImageOptions"),
    *("Tag", "ClientToken", "DryRun", "AutoReleaseTime"),
}
"""All others are refused: an instance that silently lacks a requested setting would be worse."""
