"""The wire of Auto Scaling: answers, parameters, faults, permissions."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from alibabacloud_ess20220222 import models
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import schema
from simulator.cloud import Cloud
from simulator.ess.model import ScalingActivity
from simulator.faults import Fault
from simulator.signing import AccessKey
from simulator.wire import Request, Response
from tests.simulator.ess_sdk import GONE, TOPIC, Ess, lower_pair, pair
from tests.simulator.sdk import NOON
from tests.simulator.test_ecs_answers import mistyped, strangers
from tests.simulator.test_ecs_garbage import flat
from tests.simulator.test_rpc import signed

ACTIONS = sorted(Cloud(NOON).ess.actions)


def seeded(cloud: Cloud) -> ScalingActivity:
    """A group behind a CLB with one instance in service and one that a hook holds up."""
    servers = cloud.slb.add_vserver_group(cloud.slb.add_load_balancer("shop"), "web")
    group = cloud.ess.add_scaling_group(group_id="asg-1", vserver_group=servers)
    cloud.ess.scale_out(group, instance_ids=["i-1"])
    cloud.ess.add_lifecycle_hook(group, hook_id="ash-1", notification_arn=TOPIC)
    return cloud.ess.scale_out(group, instance_ids=["i-2"])


def questions(activity: ScalingActivity) -> dict[str, dict[str, Any]]:
    """Parameters with which each action has much to say; in an order in which each can be answered."""
    removed = {"InstanceIds": ["i-1", "i-9"], "IgnoreInvalidInstance": True}
    return {
        "DescribeScalingGroups": {},
        "DescribeLifecycleHooks": {"ScalingGroupId": "asg-1"},
        "DescribeLifecycleActions": {"ScalingActivityId": activity.id},
        "RecordLifecycleActionHeartbeat": lower_pair(activity.actions[0]),
        "CompleteLifecycleAction": pair(activity.actions[0]),
        "RemoveInstances": {"ScalingGroupId": "asg-1", **removed},
        "DescribeScalingActivities": {"ScalingGroupId": "asg-1"},
        "DescribeScalingInstances": {},
    }


def test_every_answer_fits_the_sdk(cloud: Cloud, ess: Ess, monkeypatch: pytest.MonkeyPatch) -> None:
    """No action answers with a field that the SDK's model drops, or with a value of another type."""
    bodies: list[Response] = []

    def listen(request: Request) -> Response:
        bodies.append(Cloud.respond(cloud, request))
        return bodies[-1]

    monkeypatch.setattr(cloud, "respond", listen)
    asked = questions(seeded(cloud))
    for action, parameters in asked.items():
        ess(action, **parameters)
        body = json.loads(bodies[-1].body)
        model = getattr(models, f"{action}ResponseBody")().from_map(body)

        assert body.pop("RequestId")
        assert strangers(body, model.to_map()) == []
        assert mistyped(model) == []

    assert sorted(asked) == ACTIONS
    json.dumps(cloud.state())


@pytest.mark.parametrize("action", sorted(schema.table("ess")))
def test_the_parameters_are_the_sdks(action: str) -> None:
    """The table takes what the pinned SDK's request model sends, by the same names."""
    request = getattr(models, f"{action}Request")()
    names = [name.rstrip("!") for name in schema.table("ess")[action]]
    filled = {name: {} if name == "LifecycleHookContext" else [] if name in _lists(action) else "x" for name in names}

    assert set(request.from_map(filled).to_map()) == set(names)
    assert len(names) == len([item for item in vars(request) if not item.startswith("_")])


def _lists(action: str) -> list[str]:
    return [name.rstrip("!") for name, shape in schema.table("ess")[action].items() if isinstance(shape, list)]


@pytest.mark.parametrize("action", ["DescribeScalingGroups", "DescribeScalingInstances"])
def test_regions(cloud: Cloud, ess: Ess, action: str) -> None:
    """Another region is empty, one that does not exist is refused."""
    seeded(cloud)

    assert ess(action)["TotalCount"] > 0
    assert ess(action, RegionId="cn-shanghai")["TotalCount"] == 0
    assert ess.refused(action, RegionId="cn-atlantis") == (404, "InvalidRegionId.NotFound")


def test_faults_hit_auto_scaling_too(cloud: Cloud, ess: Ess) -> None:
    """By product and by action, with the documented status; a completion that was acted upon is one."""
    action = seeded(cloud).actions[0]
    cloud.faults.add(Fault("ess:*", "code:ScalingActivityInProgress"))
    cloud.faults.add(Fault("DescribeLifecycleHooks", "code:InternalError"))
    cloud.faults.add(Fault("CompleteLifecycleAction", "reset-after"))

    assert ess.refused("DescribeScalingGroups") == (400, "ScalingActivityInProgress")
    assert ess.refused("DescribeLifecycleHooks", ScalingGroupId="asg-1") == (500, "InternalError")
    with pytest.raises(Exception, match="reset"):
        ess.complete(action, "CONTINUE")
    assert ess.refused("CompleteLifecycleAction", **pair(action)) == GONE
    assert [completion["token"] for completion in cloud.ess.completions] == [action.token]


def test_a_permission_can_be_missing(cloud: Cloud, ess: Ess) -> None:
    """A RAM policy names the product ``ess``."""
    cloud.access_key.allowed = ("ess:Describe*",)
    assert isinstance(cloud.access_key, AccessKey)
    action = seeded(cloud).actions[0]

    assert ess("DescribeScalingGroups")["TotalCount"] == 1
    assert ess.refused("CompleteLifecycleAction", **pair(action)) == (403, "Forbidden.RAM")


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """An action and some of its parameters, with values of any kind."""
    action = draw(st.sampled_from(ACTIONS))
    names = [found for name, shape in schema.table("ess")[action].items() for found in flat(name.rstrip("!"), shape)]
    values = st.one_of(
        st.sampled_from(["asg-1", "ash-1", "i-1", "true", "0", "-1", "99", "{}", "[1]", "null", "cn-hangzhou"]),
        st.sampled_from(['{"DisableLifecycleHook": 1}', '{"IgnoredLifecycleHookIds": [1]}', "CONTINUE", "é"]),
        st.text(max_size=8),
    )
    chosen = draw(st.dictionaries(st.sampled_from(names), values, max_size=6))
    return action, {"RegionId": "cn-hangzhou", **chosen}


@settings(max_examples=150, deadline=None)
@given(st.lists(calls(), min_size=1, max_size=4))
def test_nothing_makes_it_stumble(made: list[tuple[str, dict[str, str]]]) -> None:
    """Whatever the parameters, the answer is JSON with a RequestId: 200 or a refusal with a code."""
    cloud = Cloud(NOON)
    seeded(cloud)
    for action, parameters in made:
        response = cloud.respond(signed(cloud, action, urlencode(parameters), x_acs_version="2022-02-22"))
        body = json.loads(response.body)

        assert body["RequestId"]
        assert response.status == 200 or (400 <= response.status < 500 and body["Code"])
        cloud.clock.advance(100)
    json.dumps(cloud.state())
