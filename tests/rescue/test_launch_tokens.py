"""ClientTokens: made of the recorded plan alone, and never the same for two different calls."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from rescue.actions.launch_requests import token_of
from rescue.context import Context, subject_of
from rescue.launch_spec.spec import launch_spec, run_parameters
from spotkeeper.episode import Episode
from spotkeeper.settings.interruption import InterruptionSettings
from tests.rescue.test_decide import settings as chosen
from tests.rescue.test_launch_spec import DISKS

TEXT = st.text("abcxyz-", min_size=1, max_size=6)
SOURCES = st.fixed_dictionaries(
    {
        "InstanceType": st.sampled_from(["ecs.g7.large", "ecs.t6-c1m4.large"]),
        "SpotStrategy": st.sampled_from(["SpotAsPriceGo", "SpotWithPriceLimit"]),
        "SpotPriceLimit": st.sampled_from([0.1, 0.25]),
        "VpcAttributes": st.fixed_dictionaries({"VSwitchId": st.sampled_from(["vsw-a", "vsw-b"])}),
        "InstanceName": TEXT,
        "HostName": TEXT,
        "CreditSpecification": st.sampled_from(["", "Unlimited"]),
        "KeyPairName": st.sampled_from(["", "key"]),
        "Tags": st.dictionaries(TEXT, TEXT, max_size=25).map(
            lambda tags: {"Tag": [{"TagKey": key, "TagValue": value} for key, value in tags.items()]}
        ),
    }
)
SETTINGS = st.builds(
    lambda types, places: chosen(FALLBACK_INSTANCE_TYPES=",".join(types), FALLBACK_VSWITCH_IDS=",".join(places)),
    st.lists(st.sampled_from(["ecs.c7.large", "ecs.g7.xlarge"]), unique=True),
    st.lists(st.sampled_from(["vsw-c", "vsw-d"]), unique=True),
)


def token(parameters: dict[str, Any], round_number: int) -> str:
    """The ClientToken of a launch."""
    episode = Episode(lambda: None, "1/cn-hangzhou", "i-1")  # type: ignore[arg-type, return-value]
    unused: dict[str, Any] = dict.fromkeys(
        ("ecs", "load_balancers", "ess", "clock", "deadline", "step_limit", "audit", "event", "call", "signs")
    )
    tools = Context(settings=chosen(), subject=subject_of(episode), instance_id="i-1", episode=episode, **unused)
    return token_of(tools, round_number, parameters)


@given(SOURCES, SETTINGS, st.sampled_from(["m-1", "m-2"]))
@hypothesis_settings(max_examples=60, deadline=None, derandomize=True)
def test_tokens_differ_whenever_parameters_do(source: dict[str, Any], how: InterruptionSettings, image: str) -> None:
    """Within an episode two calls share a token only where they are the same call of the same round."""
    found = launch_spec(source, DISKS, "IyE=", "web", how)
    sent = [
        (run_parameters(found, option, image, "i-1/1", 0.0), number)
        for option in found["launch_options"]
        for number in (1, 2)
    ]
    calls = {json.dumps(item, sort_keys=True): token(*item) for item in sent}
    assert len(set(calls.values())) == len(calls) == len(sent)
    assert all(len(call) <= 64 and call.isascii() for call in calls.values())


@given(SOURCES, SETTINGS)
@hypothesis_settings(max_examples=60, deadline=None, derandomize=True)
def test_parameters_come_from_the_recorded_plan_alone(source: dict[str, Any], how: InterruptionSettings) -> None:
    """After a trip through the journal (JSON) the same parameters, and so the same token, come out."""
    found = launch_spec(source, DISKS, "IyE=", "web", how)
    recorded = json.loads(json.dumps(found))
    for option, again in zip(found["launch_options"], recorded["launch_options"], strict=True):
        first, second = (
            run_parameters(plan, one, "m-1", "i-1/1", 0.0) for plan, one in ((found, option), (recorded, again))
        )
        assert first == second
        assert token(first, 1) == token(second, 1)


@given(SOURCES, SETTINGS)
@hypothesis_settings(max_examples=40, deadline=None, derandomize=True)
def test_a_plan_is_not_changed_by_use(source: dict[str, Any], how: InterruptionSettings) -> None:
    """Making an option's parameters leaves the plan as it was recorded."""
    found = launch_spec(source, DISKS, "IyE=", "web", how)
    before = json.dumps(found, sort_keys=True)
    for option in found["launch_options"]:
        run_parameters(found, option, "m-1", "i-1/1", 0.0)["Tag"].append("spoilt")
    assert json.dumps(found, sort_keys=True) == before
