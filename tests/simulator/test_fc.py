"""Function Compute, asked by the unmodified SDK."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.exceptions import UnretryableException
from darabonba.runtime import RuntimeOptions
from Tea.exceptions import TeaException

from simulator.cloud import Cloud
from simulator.faults import Fault
from simulator.server import serving
from simulator.signing import AccessKey
from simulator.transport import in_process, invocation
from tests.simulator.sdk import Ecs, Sdk

EVENT = b'{"instance-id": "i-bp1"}'
TASK = "i-bp1_2026-11-20T12-00Z"
NO = ValueError("no")


class Functions(Sdk):
    """Function Compute; ``functions("rescue")`` invokes asynchronously."""

    models = models
    client_type = Client

    def __call__(self, action: str, payload: bytes = EVENT, **parameters: Any) -> Any:
        """Invoke a function; ``parameters`` are fields of ``InvokeFunctionHeaders``, ``qualifier`` of the request."""
        request = models.InvokeFunctionRequest(body=io.BytesIO(payload), qualifier=parameters.pop("qualifier", None))
        headers = models.InvokeFunctionHeaders(**{"x_fc_invocation_type": "Async", **parameters})
        return self.client.invoke_function_with_options(action, request, headers, RuntimeOptions())


@pytest.fixture(params=[in_process, serving], ids=["in-process", "served"])
def functions(request: pytest.FixtureRequest, cloud: Cloud) -> Iterator[Functions]:
    """The SDK's client, without sockets and over HTTP."""
    with request.param(cloud) as url:
        yield Functions(cloud, url)


@pytest.fixture
def payloads(cloud: Cloud) -> list[bytes]:
    """What function ``rescue`` was called with."""
    received: list[bytes] = []
    cloud.fc.register("rescue", received.append)
    return received


def failing(cloud: Cloud, times: int, error: BaseException = NO, **options: Any) -> list[float]:
    """Function ``rescue`` raises so many times; the moments at which it runs."""
    moments: list[float] = []

    def run(_payload: bytes) -> object:
        moments.append(cloud.now())
        if len(moments) <= times:
            raise error
        return {"outcome": "rescued"}

    cloud.fc.register("rescue", run, **options)
    return moments


def test_an_invocation_is_queued_and_run_later(functions: Functions, payloads: list[bytes], cloud: Cloud) -> None:
    """The request answers 202 with its ids and runs nothing; the queue runs when somebody lets it."""
    answer = functions("rescue", x_fc_async_task_id=TASK)

    assert (answer.status_code, answer.body.read()) == (202, b"")
    assert answer.headers["x-fc-async-task-id"] == TASK
    assert answer.headers["x-fc-request-id"] == cloud.calls[-1].request_id
    assert (payloads, [invocation.task_id for invocation in cloud.fc.pending]) == ([], [TASK])
    cloud.fc.run_pending()
    assert (payloads, cloud.fc.pending) == ([EVENT], [])
    (done,) = cloud.fc.finished
    assert (done.outcome, done.attempts, done.error) == ("Succeeded", 1, "")


def test_the_call_is_logged(functions: Functions, payloads: list[bytes], cloud: Cloud) -> None:
    """The log names the function and the task, and has no payload and no signature."""
    functions("rescue", x_fc_async_task_id=TASK)

    (call,) = cloud.calls
    assert (call.product, call.action, call.status) == ("fc", "InvokeFunction", 202)
    assert call.parameters == {
        "path": "/2023-03-30/functions/rescue/invocations",
        "x-fc-invocation-type": "Async",
        "x-fc-async-task-id": TASK,
    }


def test_the_state_is_json(functions: Functions, payloads: list[bytes], cloud: Cloud) -> None:
    """What is queued and what is finished is part of the cloud's state."""
    functions("rescue", x_fc_async_task_id="first")
    cloud.fc.run_pending()
    functions("rescue", b"\xff", x_fc_async_task_id="second")

    state = json.loads(json.dumps(cloud.state()))["fc"]
    assert state["functions"] == ["rescue"]
    assert [
        (invocation["task_id"], invocation["outcome"], invocation["payload"])
        for invocation in state["finished"] + state["pending"]
    ] == [
        ("first", "Succeeded", EVENT.decode()),
        ("second", "", "\N{REPLACEMENT CHARACTER}"),
    ]


def test_a_task_id_is_submitted_once(functions: Functions, payloads: list[bytes], cloud: Cloud) -> None:
    """The same id again is a conflict, queued or finished, for any function; without ids nothing is the same."""
    cloud.fc.register("sweep", payloads.append)
    functions("rescue", x_fc_async_task_id=TASK)
    conflict = (409, "StatefulAsyncInvocationAlreadyExists")

    assert functions.refused("rescue", x_fc_async_task_id=TASK) == conflict
    cloud.fc.run_pending()
    assert functions.refused("rescue", x_fc_async_task_id=TASK) == conflict
    assert functions.refused("sweep", x_fc_async_task_id=TASK) == conflict
    ids = [functions("rescue").headers["x-fc-async-task-id"] for _ in range(2)]
    assert ids == [call.request_id for call in cloud.calls[-2:]]
    cloud.fc.run_pending()
    assert len(payloads) == 3


@pytest.mark.parametrize("task_id", ["1i", "-i", "i.bp1", "i bp1", "i" * 129, ""])
def test_ill_formed_task_ids(functions: Functions, payloads: list[bytes], task_id: str) -> None:
    """A letter or underscore, then letters, digits, underscores, hyphens: 128 at most."""
    assert functions.refused("rescue", x_fc_async_task_id=task_id) == (400, "InvalidArgument")
    assert functions("rescue", x_fc_async_task_id="_" + "z" * 127).status_code == 202


def test_a_payload_has_its_limit(functions: Functions, payloads: list[bytes], cloud: Cloud) -> None:
    """128 KB are taken, a byte more is not."""
    functions("rescue", b"x" * 131_072)

    assert functions.refused("rescue", payload=b"x" * 131_073) == (400, "EntityTooLarge")
    assert len(cloud.fc.pending) == 1


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"x_fc_invocation_type": "Sync"}, (400, "NotCovered")),
        ({"x_fc_invocation_type": None}, (400, "NotCovered")),
        ({"x_fc_invocation_type": "async"}, (400, "InvalidArgument")),
        ({"x_fc_log_type": "Everything"}, (400, "InvalidArgument")),
        ({"qualifier": "prod"}, (400, "NotCovered")),
        ({"common_headers": {"x-fc-async-delay": "5"}}, (400, "NotCovered")),
    ],
)
def test_what_is_refused(
    functions: Functions, payloads: list[bytes], cloud: Cloud, options: dict[str, Any], refusal: tuple[int, str]
) -> None:
    """Values that do not exist, and by name what is left out here."""
    assert functions.refused("rescue", **options) == refusal
    assert cloud.fc.pending == []
    assert functions("rescue", x_fc_log_type="None", qualifier="LATEST").status_code == 202


def test_a_function_must_exist(functions: Functions, payloads: list[bytes]) -> None:
    """An unknown name is not found."""
    assert functions.refused("rescu") == (404, "FunctionNotFound")
    assert functions.refused("../rescue") == (404, "FunctionNotFound")


def test_other_actions_are_refused_by_name(functions: Functions) -> None:
    """Nothing else of Function Compute is covered."""
    with pytest.raises(TeaException, match="action ListFunctions") as caught:
        functions.client.list_functions(models.ListFunctionsRequest())

    assert caught.value.code == "NotCovered"


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"access_key_secret": "another"}, (400, "SignatureDoesNotMatch")),
        ({"access_key_id": "another"}, (404, "InvalidAccessKeyId.NotFound")),
        ({"access_key_id": "reader", "access_key_secret": "s"}, (403, "AccessDenied")),
        (
            {"access_key_id": "sts", "access_key_secret": "s", "security_token": "t"},
            (400, "InvalidSecurityToken.Expired"),
        ),
    ],
)
def test_the_caller_is_verified(
    cloud: Cloud, payloads: list[bytes], options: dict[str, str], refusal: tuple[int, str]
) -> None:
    """Signature, key, policy and token are checked as for the other products."""
    cloud.access_keys["reader"] = AccessKey("reader", "s", allowed=("ecs:*",))
    cloud.access_keys["sts"] = AccessKey("sts", "s", "t", expires_at=cloud.now())
    with in_process(cloud) as url:
        assert Functions(cloud, url, **options).refused("rescue") == refusal
    assert cloud.fc.pending == []


def test_the_signature_covers_path_and_query(cloud: Cloud, payloads: list[bytes]) -> None:
    """A key pair with a token and a name that has to be encoded: the canonical request is the SDK's."""
    cloud.access_keys["sts"] = AccessKey("sts", "s", "t", expires_at=cloud.now() + 1)
    with in_process(cloud) as url:
        client = Functions(cloud, url, access_key_id="sts", access_key_secret="s", security_token="t")
        assert client("rescue", qualifier="LATEST").status_code == 202
        assert client.refused("res cue/é") == (404, "FunctionNotFound")


def test_a_failed_run_is_repeated(functions: Functions, cloud: Cloud) -> None:
    """After an error the function runs again, after a minute, two, four; what it returns in the end is kept."""
    start = cloud.now()
    moments = failing(cloud, 3)
    functions("rescue")
    cloud.fc.run_pending()

    assert [moment - start for moment in moments] == [0, 60, 180, 420]
    (done,) = cloud.fc.finished
    assert (done.outcome, done.attempts, done.error) == ("Succeeded", 4, "")
    assert done.result == {"outcome": "rescued"}


@pytest.mark.parametrize(("attempts", "options"), [(4, {}), (1, {"attempts": 1})])
def test_runs_are_used_up(functions: Functions, cloud: Cloud, attempts: int, options: dict[str, Any]) -> None:
    """Four by default, then the invocation has failed for good."""
    moments = failing(cloud, 9, **options)
    functions("rescue")
    cloud.fc.run_pending()

    (done,) = cloud.fc.finished
    assert len(moments) == attempts
    assert (done.outcome, done.attempts, done.error) == ("Failed", attempts, "ValueError: no")
    assert cloud.fc.pending == []


def test_what_is_due_runs_without_moving_the_clock(functions: Functions, cloud: Cloud) -> None:
    """A retry waits in the queue while others run, until its time has come."""
    moments = failing(cloud, 1)
    others: list[bytes] = []
    cloud.fc.register("other", others.append)
    start = cloud.now()
    functions("rescue", x_fc_async_task_id="first")
    functions("other", x_fc_async_task_id="second")
    cloud.fc.run_due()

    assert (cloud.now(), len(moments), others) == (start, 1, [EVENT])
    assert [(invocation.task_id, invocation.due) for invocation in cloud.fc.pending] == [("first", start + 60)]
    cloud.clock.advance(59)
    cloud.fc.run_due()
    assert len(moments) == 1
    cloud.clock.advance(1)
    cloud.fc.run_due()
    assert [invocation.task_id for invocation in cloud.fc.finished] == ["second", "first"]


def test_a_killed_run_is_a_failed_run(cloud: Cloud) -> None:
    """A function whose process dies during a call is run again, in a new invocation that is alive."""
    with in_process(cloud) as url:
        ecs = Ecs(cloud, url)

        def rescue(_payload: bytes) -> object:
            with invocation():
                return ecs("DescribeRegions")["RequestId"]

        cloud.fc.register("rescue", rescue)
        Functions(cloud, url)("rescue")
        cloud.faults.add(Fault("DescribeRegions", "kill-before"))
        cloud.fc.run_pending()

    (done,) = cloud.fc.finished
    assert (done.outcome, done.attempts) == ("Succeeded", 2)


def test_whoever_stops_the_world_is_not_a_failed_run(functions: Functions, cloud: Cloud) -> None:
    """An interrupt from outside goes through."""
    failing(cloud, 1, KeyboardInterrupt())
    functions("rescue")

    with pytest.raises(KeyboardInterrupt):
        cloud.fc.run_pending()


@pytest.mark.parametrize(
    ("code", "status"),
    [("ResourceExhausted", 429), ("InternalServerError", 500), ("ResourceThrottled", 503), ("FunctionNotFound", 404)],
)
def test_faults_by_code(functions: Functions, payloads: list[bytes], cloud: Cloud, code: str, status: int) -> None:
    """Faults know the codes of Function Compute with their statuses."""
    cloud.faults.add(Fault("fc:InvokeFunction", f"code:{code}"))

    assert functions.refused("rescue") == (status, code)
    assert functions("rescue").status_code == 202


@pytest.mark.parametrize(
    ("effect", "queued"), [("refused", 0), ("reset-before", 0), ("reset-after", 1), ("slow", 1), ("garbage", 0)]
)
def test_no_answer(functions: Functions, payloads: list[bytes], cloud: Cloud, effect: str, queued: int) -> None:
    """The invocation was queued, or not; after a lost answer the same task id tells which."""
    cloud.faults.add(Fault("InvokeFunction", effect))

    with pytest.raises(UnretryableException):
        functions("rescue", x_fc_async_task_id=TASK)

    assert len(cloud.fc.pending) == queued
    if queued:
        assert functions.refused("rescue", x_fc_async_task_id=TASK)[0] == 409
    else:
        functions("rescue", x_fc_async_task_id=TASK)


@pytest.mark.parametrize(("method", "path"), [("PUT", "functions/rescue/invocations"), ("POST", "functions/rescue")])
def test_an_action_has_its_path(
    functions: Functions, payloads: list[bytes], cloud: Cloud, method: str, path: str
) -> None:
    """The path and the method are what counts, whatever action the header names."""
    params = Params(
        action="InvokeFunction",
        version="2023-03-30",
        protocol="HTTP",
        pathname=f"/2023-03-30/{path}",
        method=method,
        auth_type="AK",
        style="ROA",
        req_body_type="json",
        body_type="binary",
    )
    request = OpenApiRequest(headers={"x-fc-invocation-type": "Async"})
    with pytest.raises(TeaException) as caught:
        functions.client.call_api(params, request, RuntimeOptions())

    assert (caught.value.statusCode, caught.value.code) == (400, "PathNotSupported")
    assert cloud.fc.pending == []
