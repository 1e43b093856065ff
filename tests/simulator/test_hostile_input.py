"""What no client sends that is well: each of it is an error in the cloud's own form, and the cloud goes on."""

from __future__ import annotations

import json
import re
import socket
from contextlib import ExitStack
from threading import Thread
from urllib.parse import quote

import alibabacloud_oss_v2 as oss
import pytest
import requests

from simulator.cloud import Cloud
from simulator.fleet import BUCKET, INSTANCE_ID, Fleet
from simulator.server import Server, serving
from simulator.transport import in_process
from tests.simulator.oss_sdk import oss_client, signed_for_oss
from tests.simulator.sdk import REGION, VERSIONS, signed

DEEP = "[" * 3000 + "]" * 3000
HUGE = "9" * 400


def exchange(url: str, text: str, *, end: bool = False) -> bytes:
    """Send ``text`` as it is (and with ``end`` no more), and read until the server closes."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(text.replace("\n", "\r\n").encode())
        if end:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize("arrives", [0, 5, 10], ids=["nothing arrives", "half arrives", "all arrives"])
def test_a_client_dies_within_put_object_over_http(cloud: Cloud, drill: Fleet, arrives: int) -> None:
    """With less of the body than was announced: no object, no answer, and the cloud serves the next client."""
    headers = signed_for_oss(cloud, "PUT", BUCKET, "half").headers
    with serving(cloud) as url:
        lines = "".join(f"{name}: {text}\n" for name, text in headers.items())
        body = "0123456789"[:arrives]
        answer = exchange(url, f"PUT /{BUCKET}/half HTTP/1.1\n{lines}content-length: 10\n\n{body}", end=True)
        assert requests.get(f"{url}/-/state", timeout=5).status_code == 200

    whole = arrives == 10
    assert answer.startswith(b"HTTP/1.1 200") if whole else answer == b""
    assert ("half" in cloud.oss.buckets[BUCKET].objects) is whole
    assert [(call.action, call.code) for call in cloud.calls] == [("PutObject", "" if whole else "ConnectionDropped")]


def test_a_client_dies_within_put_object_in_the_process(cloud: Cloud, drill: Fleet) -> None:
    """The same announcement, the same half of a body: no object, and the client meets a lost connection."""
    headers = {**signed_for_oss(cloud, "PUT", BUCKET, "half").headers, "content-length": "10"}
    with in_process(cloud) as url, requests.Session() as session:
        request = requests.Request("PUT", f"{url}/{BUCKET}/half", headers=headers, data=b"01234").prepare()
        request.headers["content-length"] = "10"
        with pytest.raises(requests.exceptions.ConnectionError):
            session.send(request)

    assert "half" not in cloud.oss.buckets[BUCKET].objects


@pytest.mark.parametrize(
    ("length", "refusal"),
    [
        (HUGE, (400, "EntityTooLarge")),
        ("9" * 5000, (400, "EntityTooLarge")),
        (str(6 * 1024**3), (400, "EntityTooLarge")),
        (str(4 * 1024**3), (400, "NotCovered")),
        ("-1", (400, "InvalidArgument")),
        ("1e3", (400, "InvalidArgument")),
        ("\u00b2", (400, "InvalidArgument")),
    ],
    ids=["400 digits", "5000 digits", "6 GiB", "4 GiB", "negative", "exponent", "superscript"],
)
@pytest.mark.parametrize("product", ["oss", "ecs"])
def test_absurd_content_lengths(
    cloud: Cloud, drill: Fleet, product: str, length: str, refusal: tuple[int, str]
) -> None:
    """Refused by the head alone, in the product's form; nobody waits for a body, and the connection ends."""
    action = "x-acs-action: DescribeRegions\nx-acs-version: 2014-05-26\n" if product == "ecs" else ""
    with serving(cloud) as url:
        answer = exchange(url, f"PUT /{BUCKET}/k HTTP/1.1\nhost: 127.0.0.1\n{action}content-length: {length}\n\n0123")

    head, _, body = answer.decode().partition("\r\n\r\n")
    found = re.search(r"<Code>(.*)</Code>", body) if product == "oss" else re.search(r'"Code": "(.*?)"', body)
    assert found is not None, answer
    assert (int(head.split()[1]), found[1]) == refusal


COMMAND = f"Type=RunShellScript&CommandContent=a&EnableParameter=true&InstanceId.1={INSTANCE_ID}"
JSON_PARAMETERS = {
    "a JSON string": ("ecs", "DescribeInstances", "InstanceIds="),
    "parameters of a command": ("ecs", "RunCommand", f"{COMMAND}&Parameters="),
    "backend servers": ("slb", "AddVServerGroupBackendServers", "VServerGroupId=rsp-1&BackendServers="),
    "tags of a search": ("slb", "DescribeLoadBalancers", "Tags="),
    "a policy": ("ram", "CreatePolicy", "PolicyName=p&PolicyDocument="),
    "a trust policy": ("ram", "CreateRole", "RoleName=r&AssumeRolePolicyDocument="),
}
ODD = {
    "3000 brackets": DEEP,
    "400 digits": f"[{HUGE}]",
    "an exponent of 400": "[1e400]",
    "no number": "[NaN]",
    "half a character": '"\\ud800"',
    "1": "1",
    "null": "null",
    "an empty object": "{}",
    "a list of lists": "[[]]",
    "a number for an id": '[{"ServerId": 1}]',
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
@pytest.mark.parametrize("where", JSON_PARAMETERS)
@pytest.mark.parametrize("limited", [False, True], ids=["root key", "RAM key"])
def test_json_that_no_client_sends(
    cloud: Cloud,
    drill: Fleet,
    where: str,
    value: str,
    limited: bool,  # noqa: FBT001
) -> None:
    """An answer or an error of the API, whatever stands there."""
    product, action, query = JSON_PARAMETERS[where]
    cloud.access_key.allowed = ("*:*",) if limited else None
    query = f"RegionId={REGION}&{query}{quote(value)}"
    answer = cloud.respond(signed(cloud, action, query, x_acs_version=VERSIONS[product]))

    assert json.loads(answer.body)["RequestId"]
    assert answer.status in (200, 400, 404)


@pytest.mark.parametrize(
    ("action", "query"),
    [
        ("DescribeInstances", f"RegionId={REGION}&PageNumber={HUGE}"),
        ("DescribeInstances", f"RegionId={REGION}&PageSize={HUGE}"),
        ("DescribeInstances", f"RegionId={REGION}&PageSize={'9' * 5000}"),
        ("DescribeInstances", f"RegionId={REGION}&Tag.{HUGE}.Key=a"),
        ("DescribeInstances", f"RegionId={REGION}&MaxResults=1&NextToken=ZnJvbTo5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"),
        ("RunInstances", f"RegionId={REGION}&SpotPriceLimit={HUGE}"),
        ("RunInstances", f"RegionId={REGION}&SystemDisk.Size={HUGE}"),
        ("RunCommand", f"RegionId={REGION}&Type=RunShellScript&CommandContent=a&Timeout={HUGE}"),
    ],
)
def test_numbers_that_no_field_has(cloud: Cloud, drill: Fleet, action: str, query: str) -> None:
    """400, in the cloud's form."""
    answer = cloud.respond(signed(cloud, action, query))

    assert answer.status == 400
    assert json.loads(answer.body)["Code"]


def test_an_object_of_brackets_does_not_spoil_the_state(cloud: Cloud, drill: Fleet) -> None:
    """It is an object as any other; the state shows it without its text."""
    with in_process(cloud) as url:
        client = oss_client(cloud.access_key, url)
        client.put_object(oss.PutObjectRequest(bucket=BUCKET, key="deep", body=DEEP.encode()))

    assert "text" not in cloud.oss.state()[BUCKET]["deep"]


@pytest.mark.parametrize("method", ["OPTIONS", "PATCH"])
def test_other_methods(cloud: Cloud, drill: Fleet, method: str) -> None:
    """They are refused as the product refuses them, not by the web server."""
    with serving(cloud) as url:
        answer = requests.request(method, f"{url}/{BUCKET}/k", timeout=5)

    assert "<Code>" in answer.text


def test_two_hundred_clients_at_once(cloud: Cloud, drill: Fleet) -> None:
    """All of them connect before any is answered, and each gets its answer."""
    with Server(cloud) as server, ExitStack() as open_ones:
        clients = [
            open_ones.enter_context(socket.create_connection(("127.0.0.1", server.server_port), timeout=5))
            for _ in range(200)
        ]
        for client in clients:
            client.sendall(b"GET /-/state HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        answers = [client.recv(12) for client in clients]
        server.shutdown()
        thread.join()

    assert answers == [b"HTTP/1.1 200"] * 200
