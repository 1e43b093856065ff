"""Parameters of any kind, for every action: the embedded cloud answers or refuses, and never stumbles."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import schema
from simulator.cloud import Cloud
from simulator.fleet import INSTANCE_ID, drill_fleet
from tests.simulator.sdk import NOON, VERSIONS, signed
from tests.simulator.test_ess_answers import seeded

VALUES = st.sampled_from([
    INSTANCE_ID, "cn-hangzhou", "true", "0", "-1", "99", "99999999999999999999", "1.5", "NaN", "é", "null", "ALL",
    "[]", "[1]", '["i-1"]', "{}", '{"DisableLifecycleHook": 1}', '{"IgnoredLifecycleHookIds": [1]}',
    '[{"ServerId": "i-1", "Port": 80}]', "instance", "ecs.g7.large", "vsw-bp1fleet000000000000h", "CONTINUE",
    "d-1", "i-1", "asg-1", "ash-1",
]) | st.text(max_size=8)  # fmt: skip


def flat(name: str, shape: Any) -> list[str]:
    """Wire names of a parameter with all its members."""
    if isinstance(shape, list):
        return flat(f"{name}.1", shape[0]) + flat(f"{name}.2", shape[0])
    if isinstance(shape, dict):
        return [found for member, inner in shape.items() for found in flat(f"{name}.{member.rstrip('!')}", inner)]
    return [name]


@pytest.mark.parametrize("product", ["ecs", "ess", "slb"])
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_nothing_makes_the_cloud_stumble(product: str, data: st.DataObject) -> None:
    """Whatever the parameters, the answer is JSON with a RequestId: 200 or a refusal with a code."""
    cloud = Cloud(NOON)
    drill_fleet(cloud)
    seeded(cloud)
    table = schema.table(product)
    for action in data.draw(st.lists(st.sampled_from(sorted(table)), min_size=1, max_size=4)):
        names = [found for name, shape in table[action].items() for found in flat(name.rstrip("!"), shape)]
        parameters = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=6))
        query = urlencode({"RegionId": "cn-hangzhou", **parameters})
        response = cloud.respond(signed(cloud, action, query, x_acs_version=VERSIONS[product]))
        body = json.loads(response.body)
        assert body["RequestId"]
        assert response.status == 200 or (400 <= response.status < 500 and body["Code"])
        cloud.clock.advance(100)
    json.dumps(cloud.state())
