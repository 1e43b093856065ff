from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import schema
from simulator.cloud import Cloud
from simulator.fleet import INSTANCE_ID, drill_fleet
from tests.simulator.sdk import NOON
from tests.simulator.test_rpc import signed

ACTIONS = sorted(Cloud(NOON).ecs.actions)
VALUES = st.one_of(
    st.sampled_from(
        [INSTANCE_ID, "cn-hangzhou", "true", "0", "-1", "99999999999999999999", "1.5", "[]", '["i-1"]', "ALL"]
    ),
    st.sampled_from(["{}", "[1]", "null", "instance", "ecs.g7.large", "d-1", "é", "NaN", "vsw-bp1fleet000000000000h"]),
    st.text(max_size=8),
)


def flat(name: str, shape: Any) -> list[str]:
    """Wire names of a parameter with all its members."""
    if isinstance(shape, list):
        return flat(f"{name}.1", shape[0]) + flat(f"{name}.2", shape[0])
    if isinstance(shape, dict):
        return [found for member, inner in shape.items() for found in flat(f"{name}.{member.rstrip('!')}", inner)]
    return [name]


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, str]]:
    """An action and some of its parameters, with values of any kind."""
    action = draw(st.sampled_from(ACTIONS))
    names = [found for name, shape in schema.table("ecs")[action].items() for found in flat(name.rstrip("!"), shape)]
    chosen = draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=6))
    return action, {"RegionId": "cn-hangzhou", **chosen}


@settings(max_examples=300, deadline=None)
@given(st.lists(calls(), min_size=1, max_size=4))
def test_nothing_makes_the_cloud_stumble(made: list[tuple[str, dict[str, str]]]) -> None:
    """Whatever the parameters, the answer is JSON with a RequestId: 200 or a refusal with a code."""
    cloud = Cloud(NOON)
    drill_fleet(cloud)
    for action, parameters in made:
        response = cloud.respond(signed(cloud, action, urlencode(parameters)))
        body = json.loads(response.body)

        assert body["RequestId"]
        assert response.status == 200 or (400 <= response.status < 500 and body["Code"])
    json.dumps(cloud.state())
