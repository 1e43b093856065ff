"""A function as the official samples are written, which is what Spotkeeper's cold start is compared with.

All clients at the top, both made in the handler, then the first call. ``stage`` puts it beside the packages.
"""

from __future__ import annotations

import json
import logging
import os
from typing import Any

from alibabacloud_ecs20140526 import models as ecs_models
from alibabacloud_ecs20140526.client import Client as EcsClient
from alibabacloud_slb20140515 import models as slb_models
from alibabacloud_slb20140515.client import Client as SlbClient
from alibabacloud_tea_openapi import models as open_api_models

LOGGER = logging.getLogger()


def handler(event: bytes, context: Any) -> str:
    """Look the interrupted instance up, and take its weight away."""
    notification = json.loads(event)
    instance_id = notification["content"]["instanceId"]
    ecs, slb = EcsClient(_config("ECS", context)), SlbClient(_config("SLB", context))
    request = ecs_models.DescribeInstancesRequest(region_id=context.region, instance_ids=json.dumps([instance_id]))
    instances = ecs.describe_instances(request).body.instances.instance
    LOGGER.info("%s is interrupted", instances[0].instance_name)
    balancers = slb.describe_load_balancers(slb_models.DescribeLoadBalancersRequest(region_id=context.region))
    for balancer in balancers.body.load_balancers.load_balancer:
        servers = json.dumps([{"ServerId": instance_id, "Weight": "0"}])
        slb.set_backend_servers(
            slb_models.SetBackendServersRequest(
                load_balancer_id=balancer.load_balancer_id, region_id=context.region, backend_servers=servers
            )
        )
    return "ok"


def _config(product: str, context: Any) -> open_api_models.Config:
    return open_api_models.Config(
        access_key_id=context.credentials.access_key_id,
        access_key_secret=context.credentials.access_key_secret,
        security_token=context.credentials.security_token,
        region_id=context.region,
        protocol="http",
        endpoint=os.environ[f"{product}_ENDPOINT"].removeprefix("http://"),
    )
