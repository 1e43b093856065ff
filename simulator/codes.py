"""Refusals that can be injected: error code -> HTTP status and message, as the API's error tables have them."""

from __future__ import annotations

from simulator.fc.refusals import CODES as FUNCTION_COMPUTE
from simulator.slb.refusals import CONFLICTS
from simulator.wire import ApiError

_TABLE: dict[str, tuple[int, str]] = {
    # any product
    "Throttling": (400, "Request was denied due to request throttling."),
    "Throttling.User": (400, "Request was denied due to user flow control."),
    "Throttling.Api": (400, "Request was denied due to api flow control."),
    "Throttling.ConcurrentLimitExceeded": (400, "Request was denied due to concurrency limit."),
    "Rejected.Throttling": (503, "Request was denied due to request throttling."),
    "InternalError": (500, "The request processing has failed due to some unknown error."),
    "Forbidden.RAM": (
        403,
        "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
    ),
    "NoPermission": (403, "You are not authorized to do this action. You should be authorized by RAM."),
    "InvalidSecurityToken.Expired": (400, "Specified SecurityToken is expired."),
    "InvalidAccessKeyId.NotFound": (404, "Specified access key is not found."),
    "IdempotentProcessing": (403, "The previous idempotent request(s) is still processing."),
    # ECS
    "OperationDenied.NoStock": (403, "The resource is out of stock in the specified zone."),
    "Zone.NotOnSale": (403, "The resource in the specified zone is no longer available for sale."),
    "Zone.NotOpen": (403, "The specified zone is not granted to you to buy resources yet."),
    "InvalidInstanceType.ZoneNotSupported": (403, "The specified zone does not support this instancetype."),
    "InvalidInstanceType.NotSupported": (403, "The specified InstanceType is not supported."),
    "ResourceNotAvailable": (400, "Resource you requested is not available in this region or zone."),
    "NodeControllerUnavailable": (403, "The Node Controller is temporarily unavailable."),
    "OperationDenied.ResourceControl": (403, "Resource of the requested type is not available."),
    "QuotaExceed.ElasticQuota": (403, "The quota of the specified instance type is exceeded."),
    "QuotaExceed.AfterpayInstance": (400, "Living afterpay instances quota exceeded."),
    "QuotaExceed.Spot": (400, "Living spot instances quota exceeded."),
    "QuotaExceed.PostPaidDisk": (403, "Living postPaid disks quota exceeded."),
    "QuotaExceed.Image": (403, "The Image Quota exceeds."),
    "QuotaExceed.Snapshot": (403, "The snapshot quota exceeds."),
    "QuotaExceed.Tags": (403, "The maximum number of tags on a resource is exceeded."),
    "InvalidSpotPriceLimit.LowerThanPublicPrice": (
        400,
        "The specified price limit is lower than the public price.",
    ),
    "InvalidSpotAuthorized": (400, "The specified Spot param is unauthorized."),
    "OperationDenied.CreatingConflict": (404, "Another instance is being created."),
    "Account.Arrearage": (400, "Your account has an outstanding payment."),
    "InvalidAccountStatus.NotEnoughBalance": (403, "Your account does not have enough balance."),
    "InvalidUser.PassRoleForbidden": (403, "The RAM user does not have the privilege to pass a role."),
    "ImageNotSupportInstanceType": (403, "The specified image does not support the specified instance type."),
    "OperationDenied.ImageNotValid": (403, "The specified Image is not valid."),
    "OperationDenied.InconsistentNetwork": (403, "The specified security group and vswitch are not in the same vpc."),
    "OperationDenied.ZoneNotAllowed": (403, "The creation of Instance to the specified Zone is not allowed."),
    "OperationDenied.RegionIdNotSupported": (403, "Region not support spot duration instance."),
    "OperationDenied.FlavorNotSupported": (403, "Flavor not support spot duration instance."),
    "OperationDenied.PaygNotAvailable": (403, "Pay-as-you-go instance is not available now."),
    "OperationDenied.CloudSSDNotSupported": (403, "The specified available zone does not offer the cloud_ssd disk."),
    "OperationDenied.PerformanceLevelNotMatch": (
        403,
        "The specified DataDisk.n.PerformanceLevel and DataDisk.n.Size do not match.",
    ),
    "OperationDenied.IllegalPaymentPolicy": (400, "The current payment policy is illegal."),
    "InstanceType.Offline": (403, "The instance type is retired or its resources are insufficient."),
    "InvalidResourceType.NotSupported": (403, "The specified resource combination does not exist."),
    "InvalidInstanceType.NotSupportDiskCategory": (
        403,
        "The instanceType of the specified instance does not support this disk category.",
    ),
    "InvalidDiskCategory.NotSupported": (403, "The specified disk category is not supported."),
    "InvalidDiskCategory.Mismatch": (403, "The specified disk categories combination is not supported."),
    "InvalidPerformanceLevel.ValueNotSupported": (
        400,
        "The current ZoneId or InstanceType does not support PL0 of cloud_essd.",
    ),
    "CategoryNotSupported": (403, "The specified zone does not offer the specified disk category."),
    "InvalidVSwitchId.NotFound": (404, "Specified virtual switch does not exist."),
    "InvalidVpcZone.NotSupported": (400, "Zone of the specified VSwitch is not available for creating."),
    "IncorrectVSwitchStatus": (400, "The current status of vSwitch does not support this operation."),
    "IncorrectVpcStatus": (400, "The current status of vpc does not support this operation."),
    "QuotaExceeded.PrivateIpAddress": (400, "There is not enough private ip in the specified VSwitch."),
    "QuotaExceed.DeploymentSetInstanceQuotaFull": (403, "Instance quota in one deployment set exceeded."),
    "QuotaExceeded.PostpaidDataDiskCapacity": (403, "The quota of postpaid data disk capacity exceeds."),
    "QuotaExceed.DiskCapacity": (400, "The used capacity of disk type has exceeded the quota in the zone."),
    "SecurityGroupInstanceLimitExceed": (403, "The maximum number of instances in a security group is exceeded."),
    "InvalidChargeType.ValueNotSupported": (
        403,
        "Deletion protection is only valid for postPaid instance, not for prePaid or spot instance.",
    ),
    "InvalidEncrypted.NotMatchSnapshot": (
        403,
        "The specified parameter Encrypted must be set to true when creating disks with encrypted snapshots.",
    ),
    "InvalidEncrypted.NotMatchKmsKeyId": (
        400,
        "The specified parameter Encrypted must be true when KmsKeyId is not empty.",
    ),
    "InvalidOperation.PublicIpAddressNoStock": (
        403,
        "The public IP address for the specified Region or ChargeType of the instance is out of stock.",
    ),
    "Throttling.Resource": (429, "The request throttle by resource operation."),
    "InvalidSpotAliUid": (400, "The specified UID is not authorized to use SPOT instance."),
    "InvalidSpotStrategy": (400, "The specified SpotStrategy is not valid."),
    "InvalidSpotDuration": (400, "The specified SpotDuration is not valid."),
    "InvalidSpotPriceLimit": (400, "The specified SpotPriceLimitis not valid."),
    "InvalidSpotInterruptionBehavior.LocalDiskNotSupport": (
        403,
        "The specified SpotInterruptionBehavior does not support local disk instance.",
    ),
    "InsufficientBalance": (403, "Your account does not have enough balance."),
    "InvalidAccountStatus": (403, "Your account status is invalid, please contact customer service."),
    "RealNameAuthenticationError": (403, "Your account has not passed the real-name authentication yet."),
    "SecurityRisk.3DVerification": (403, "We have detected a security risk with your default credit or debit card."),
    "InvalidRamRole.NotFound": (404, "The specified RAMRoleName does not exist."),
    "InvalidRamRole.NotEcsRole": (401, "The specified ram role is not authorized for ecs."),
    "InvalidImageId.NotFound": (404, "The specified ImageId does not exist."),
    "ImageNotSubscribed": (403, "The specified image has not be subscribed."),
    "IncorrectInstanceStatus": (403, "The current status of the resource does not support this operation."),
    "IncorrectDiskStatus": (403, "The current disk status does not support this operation."),
    "IncorrectDiskStatus.CreatingSnapshot": (403, "A previous snapshot creation is in process."),
    "IncorrectDiskStatus.Transferring": (403, "The specified disk is transferring."),
    "QuotaExceed.ConcurrentSnapshotQuota": (
        403,
        "The number of snapshots being created for the disk has exceeded the concurrent quota.",
    ),
    "TooManySnapshot.Unfinished": (403, "There are too many snapshots being created, please wait."),
    "DeleteWithInstance.Conflict": (
        403,
        "The specified disk is not a portable disk and cannot be set to DeleteWithInstance attribute.",
    ),
    "InvalidSnapshotId.NotReady": (403, "The specified snapshot has not completed yet."),
    "InstanceLockedForSecurity": (403, "The instance is locked due to security."),
    "InvalidOperation.InstanceLocked": (403, "The instance is locked."),
    "InstanceNotReady": (403, "The specified instance is not ready for use."),
    "InvalidInstanceId.NotFound": (404, "The specified InstanceId does not exist."),
    "InvalidImageName.Duplicated": (400, "The specified Image name has already been used."),
    # Cloud Assistant
    "InvalidInstance.NotFound": (404, "The specified instance does not exist."),
    "InvalidInstance.NotMatch": (403, "The specified instance type does not match the command."),
    "InvalidCmdType.NotFound": (403, "The specified command type does not exist."),
    "InvalidRepeatMode.NotFound": (404, "The specified repeat mode does not exist."),
    "InvalidTerminationMode.NotFound": (404, "The specified parameter TerminationMode does not exist."),
    "InvalidClientToken.Malformed": (400, "The specified parameter clientToken is not valid."),
    "InvalidCommandContent.DecodeError": (400, "The specified parameter CommandContent can not be Base64 decoded."),
    "MissingParam.InstanceId": (400, "The parameter instanceId is missing or empty."),
    "InstanceIds.ExceedLimit": (403, "The number of instance IDs exceeds the upper limit."),
    "CmdContent.ExceedLimit": (403, "The maximum length of a command is exceeded."),
    "CmdName.ExceedLimit": (403, "The length of the command name exceeds the upper limit."),
    "CmdDesc.ExceedLimit": (403, "The length of the command description exceeds the upper limit."),
    "CmdCount.ExceedQuota": (403, "The total number of commands in the current region exceeds the quota."),
    "Invocation.ExceedQuota": (403, "The invocation quota in the current region has been reached for today."),
    "Username.ExceedLimit": (403, "The length of the username exceeds the upper limit."),
    "InvalidParameter.WorkingDir": (400, "The specified parameter WorkingDir is not valid."),
    "InvalidParameter.Parameters": (400, "The specified parameter Parameters is not valid."),
    "Parameter.Disabled": (
        400,
        "Parameters cannot be passed in when the command customization function is disabled.",
    ),
    "Parameter.MissingValue": (400, "The parameter value of this command is required."),
    "Parameter.NotMatched": (
        403,
        "The passed-in parameters do not match the parameters defined when you created the command.",
    ),
    "ParameterCount.ExceedLimit": (403, "The maximum number of parameters is exceeded."),
    "ParameterKey.ExceedLimit": (403, "The maximum length of a parameter name is exceeded."),
    "ParameterKey.Duplicate": (403, "Parameter names cannot be duplicated."),
    "ParameterType.NotSupported": (403, "The type of parameter value is not supported."),
    "IdempotentParameterMismatch": (
        403,
        "The specified parameter has changed while using an already used clientToken.",
    ),
    "InternalError.Dispatch": (500, "An error occurred when you dispatched the request."),
    # CLB
    **CONFLICTS,
    "ObtainIpFail": (400, "The specified BackendServers is invalid; some of them do not exist or are not running."),
    # Auto Scaling
    "InvalidParamter": (400, "The specified value of parameter is not valid."),
    "LifecycleHookIdAndLifecycleActionToken.Invalid": (
        400,
        (
            "The specified lifecycleActionToken and lifecycleHookId you provided does not match any in process "
            "lifecycle action."
        ),
    ),
    "LifecycleAction.TimeExceeded": (
        400,
        "The specified parameter heartbeatTime exceed lifecycleAction max suspend time.",
    ),
    "LifecycleAction.RecordTimesExceeded": (
        400,
        "The specified lifecycleAction exceed lifecycleAction max record times.",
    ),
    "InvalidScalingGroupId.NotFound": (404, "The specified scaling group does not exist."),
    "Forbidden.Unauthorized": (403, "A required authorization for the specified action is not supplied."),
    "IncorrectScalingGroupStatus": (
        400,
        "The current status of the specified scaling group does not support this action.",
    ),
    "IncorrectLoadBalancerStatus": (
        400,
        "The current status of the specified load balancer does not support this action.",
    ),
    "ScalingActivityInProgress": (
        400,
        (
            "You cannot delete a scaling group or launch a new scaling activity while there is a scaling activity in "
            "progress for the specified scaling group."
        ),
    ),
    "IncorrectCapacity.MinSize": (
        400,
        "To remove the instances, the total capacity will be lesser than the MinSize.",
    ),
    # Function Compute
    **FUNCTION_COMPUTE,
    # OSS
    "AccessDenied": (403, "You have no right to access this object."),
    "NoSuchBucket": (404, "The specified bucket does not exist."),
    "RequestTimeout": (400, "Your socket connection to the server was not read from or written to in time."),
    "FileAlreadyExists": (409, "The object you specified already exists and can not be overwritten."),
}


def refusal(code: str) -> ApiError:
    """The refusal with this code; 400 and a plain message for one that the table lacks."""
    status, message = _TABLE.get(code, (400, f"The request was refused: {code}."))
    return ApiError(status, code, message)
