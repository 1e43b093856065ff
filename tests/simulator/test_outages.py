"""Connections that fail, outages, and credentials that end, as both SDK families meet them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import alibabacloud_oss_v2 as oss
import pytest
from alibabacloud_oss_v2.exceptions import OperationError, RequestError, ResponseError
from darabonba.exceptions import UnretryableException

from simulator.cloud import Cloud
from simulator.faults import Fault
from simulator.fleet import BUCKET, Fleet
from simulator.server import serving
from simulator.transport import in_process
from tests.simulator.oss_sdk import oss_client
from tests.simulator.sdk import Ecs

TAG = {"ResourceType": "instance", "Tag": [{"Key": "a", "Value": "b"}]}


def lost(effect: str, cloud: Cloud, drill: Fleet, ecs: Ecs) -> Exception:
    """What lies under the SDK's error when a call meets ``effect``."""
    cloud.faults.add(Fault("TagResources", effect))
    with pytest.raises(UnretryableException) as caught:
        ecs("TagResources", ResourceId=[drill.source.instance_id], **TAG)
    inner: Exception = caught.value.inner_exception
    return inner


def test_a_connection_is_refused(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Nobody listens: the call was not acted upon, and no time is lost."""
    before = cloud.now()

    assert "refused" in str(lost("refused", cloud, drill, ecs))
    assert "a" not in drill.source.tags.true()
    assert cloud.now() == before


def test_an_answer_comes_too_late(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """The call was acted upon at once; the client meets a read timeout, for which it has waited ten seconds."""
    before = cloud.now()

    assert "read timed out" in str(lost("slow", cloud, drill, ecs))
    assert "a" in drill.source.tags.true()
    assert cloud.now() == before + 10
    assert (cloud.calls[-1].at, cloud.calls[-1].code) == (before, "ConnectionDropped")
    assert ecs("DescribeRegions")


@pytest.mark.parametrize(("effect", "tagged", "waited"), [("refused", False, 0), ("slow", True, 10)])
def test_over_http_a_lost_answer_is_a_dropped_connection(
    drill: Fleet,
    cloud: Cloud,
    effect: str,
    tagged: bool,  # noqa: FBT001
    waited: float,
) -> None:
    """A server that has accepted a connection cannot refuse it, and does not let its client wait for real."""
    before = cloud.now()
    with serving(cloud) as url:
        lost(effect, cloud, drill, Ecs(cloud, url))

    assert ("a" in drill.source.tags.true()) is tagged
    assert cloud.now() == before + waited


@pytest.mark.parametrize("effect", ["refused", "slow", "reset-after"])
def test_oss_meets_the_same(cloud: Cloud, drill: Fleet, effect: str) -> None:
    """The other SDK family gets a network error too; what was acted upon is there."""
    fault = cloud.faults.add(Fault("oss:PutObject", effect))
    with in_process(cloud) as url:
        client = oss_client(cloud.access_key, url)
        with pytest.raises(OperationError) as caught:
            client.put_object(oss.PutObjectRequest(bucket=BUCKET, key="one", body=b"{}"))

    assert isinstance(caught.value.unwrap(), ResponseError if effect == "slow" else RequestError)
    assert fault.fired == 1
    assert ("one" in cloud.oss.buckets[BUCKET].objects) is (effect != "refused")


@pytest.mark.parametrize("served", [in_process, serving], ids=["in-process", "http"])
def test_an_object_s_answer_is_cut(
    cloud: Cloud, drill: Fleet, served: Callable[[Cloud], AbstractContextManager[str]]
) -> None:
    """The connection ends in the middle of the body; the next answer is whole."""
    fault = cloud.faults.add(Fault("oss:GetObject", "cut"))
    with served(cloud) as url:
        client, wanted = oss_client(cloud.access_key, url), oss.GetObjectRequest(bucket=BUCKET, key="one")
        client.put_object(oss.PutObjectRequest(bucket=BUCKET, key="one", body=b'{"a": 1}'))
        answer = client.get_object(wanted)
        with pytest.raises(Exception, match="IncompleteRead"):
            answer.body.read()
        assert (answer.status_code, answer.content_length) == (200, 8)
        whole = client.get_object(wanted).body.content

    assert whole == b'{"a": 1}'
    assert fault.fired == 1
    assert [call.code for call in cloud.calls] == ["", "ConnectionDropped", ""]


def test_an_rpc_answer_is_cut(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """The call was acted upon; half a document is a network error to the SDK."""
    inner = lost("cut", cloud, drill, ecs)

    assert "IncompleteRead" in str(inner)
    assert "a" in drill.source.tags.true()


def test_an_answer_without_a_body_cannot_be_cut_in_it(cloud: Cloud, drill: Fleet) -> None:
    """The connection ends before the answer then."""
    cloud.faults.add(Fault("oss:DeleteObject", "cut"))
    with in_process(cloud) as url:
        client = oss_client(cloud.access_key, url)
        with pytest.raises(OperationError) as caught:
            client.delete_object(oss.DeleteObjectRequest(bucket=BUCKET, key="one"))

    assert isinstance(caught.value.unwrap(), RequestError)
