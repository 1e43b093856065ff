"""Whose keys are used, and that none of them is ever printed."""

from __future__ import annotations

import logging
import os
from typing import Any
from unittest import mock

import pytest

from simulator.function_compute import Context, FunctionMeta, StsCredentials
from simulator.signing import AccessKey
from spotkeeper import credentials
from spotkeeper.credentials import Credentials, find_credentials
from spotkeeper.errors import CloudError, NoCredentials
from tests.rescue.reading import fault
from tests.rescue.stage import EVENT, Stage, stage

KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "env-id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "env-secret"}


def context(given: Any) -> Context:
    """Function Compute's context with these credentials."""
    return Context(FunctionMeta("interruption"), "cn-hangzhou", "1", credentials=given)


def chain(*_: object) -> Credentials:
    """Stands for the default chain."""
    return Credentials("chain-id", "chain-secret")


@pytest.mark.parametrize(
    ("given", "environ", "key_id"),
    [
        (context(StsCredentials("ctx-id", "ctx-secret", "ctx-token")), KEYS, "ctx-id"),
        (context(StsCredentials("ctx-id", "", "")), KEYS, "env-id"),
        (context(StsCredentials("", "", "")), KEYS, "env-id"),
        (context(None), KEYS, "env-id"),
        (object(), KEYS, "env-id"),
        (context(None), {"ALIBABA_CLOUD_ACCESS_KEY_ID": "env-id"}, "chain-id"),
        (context(None), {}, "chain-id"),
    ],
)
def test_who_comes_first(given: Any, environ: dict[str, str], key_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The context (python3.12's has none), else the environment, else the default chain; half a key is none."""
    monkeypatch.setattr(credentials, "_from_default_chain", chain)
    assert find_credentials(given, environ).access_key_id == key_id


def test_tokens_are_not_mixed() -> None:
    """The context's key never comes with the environment's token."""
    environ = {**KEYS, "ALIBABA_CLOUD_SECURITY_TOKEN": "env-token"}
    assert find_credentials(context(StsCredentials("i", "s")), environ).security_token == ""
    assert find_credentials(context(None), environ).security_token == "env-token"


def test_nobody_has_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A typed error that says what to set; no call was made."""
    here = stage()
    no_link_has_a_key = mock.Mock(side_effect=ValueError("nothing here"))
    monkeypatch.setattr("alibabacloud_credentials.client.Client.get_credential", no_link_has_a_key)
    with here.playing():
        for name in KEYS:
            monkeypatch.delenv(name)
        with pytest.raises(NoCredentials, match="ALIBABA_CLOUD_ACCESS_KEY_ID"):
            call(here)
    assert here.cloud.calls == []


def call(here: Stage, key: AccessKey | None = None) -> dict[str, Any]:
    """One call with a key in its context, or none, in a process that is warm."""
    given = StsCredentials(key.access_key_id, key.secret, key.security_token or "") if key else None
    return here.invoke("interruption", EVENT, name="call", credentials=given)


def sts(here: Stage, number: int, expires_in: float) -> AccessKey:
    """A key from STS that the cloud knows for a while."""
    key = AccessKey(f"STS.{number}", f"secret-{number}", f"token-{number}", here.cloud.now() + expires_in)
    here.cloud.access_keys[key.access_key_id] = key
    return key


def test_rotated_keys_are_used_at_the_next_call() -> None:
    """The first call's key has expired by the second, of the same process: nothing of it was kept."""
    here = stage()
    here.cloud.access_keys.clear()
    refused = fault(here, "RunInstances", "code:Account.Arrearage", times=None)
    with here.playing():
        first = sts(here, 1, 100)
        with pytest.raises(CloudError, match=r"Account\.Arrearage"):
            call(here, first)
        here.cloud.faults.added.remove(refused)
        here.advance(101)
        with pytest.raises(CloudError, match="InvalidSecurityToken"):
            call(here, first)
        assert call(here, sts(here, 2, 100))["outcome"] == "done"
    assert here.shortcomings() == []


def test_keys_of_the_environment_are_read_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Function Compute renews the variables of a warm process."""
    here = stage()
    here.cloud.access_keys.clear()
    key = sts(here, 3, 1000)
    with here.playing():
        with pytest.raises(CloudError, match="InvalidAccessKeyId"):
            call(here)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", key.access_key_id)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", key.secret)
        monkeypatch.setenv("ALIBABA_CLOUD_SECURITY_TOKEN", key.security_token or "")
        assert call(here)["outcome"] == "done"


@pytest.mark.parametrize("fails", ["", "code:Forbidden.RAM", "code:Account.Arrearage", "garbage", "reset-after"])
def test_no_secret_is_printed(fails: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """A rescue with DEBUG=sdk, going well or badly: no key, token, signature or user data on any channel."""
    caplog.set_level(logging.DEBUG)
    here = stage()
    here.cloud.access_keys.clear()
    key = sts(here, 4, 1000)
    key.secret = "TheVerySecretKey"
    key.security_token = "TheVerySecretToken"
    error: BaseException | None = None
    answer: dict[str, Any] = {}
    if fails:
        fault(here, "RunInstances", fails, times=None)
    with here.playing():
        os.environ["DEBUG"] = "sdk"
        try:
            answer = call(here, key)
        except CloudError as raised:
            error = raised
    printed = "".join(capfd.readouterr())
    logged = [caplog.text, *(repr(record.__dict__) for record in caplog.records)]
    said = "\n".join([*logged, printed, repr(answer), repr(error), str(error), chained(error)])
    assert bool(error) == bool(fails)
    secrets = [key.secret, key.security_token, "Signature=", here.fleet.source.user_data]
    assert [secret for secret in secrets if secret in said] == []
    assert key.access_key_id not in printed


def chained(error: BaseException | None) -> str:
    """The error as a traceback prints it, with everything behind it."""
    texts = []
    while error is not None:
        texts += [repr(error), str(vars(error))]
        error = None if error.__suppress_context__ and error.__cause__ is None else error.__cause__ or error.__context__
    return " ".join(texts)


def test_no_secret_in_the_journal_or_its_errors(capfd: pytest.CaptureFixture[str]) -> None:
    """No record holds a key, and the error about an unreachable bucket has no key in it."""
    here = stage()
    here.deliver()
    texts = " ".join(item["text"] for item in here.state["oss"]["spotkeeper-journal"].values())
    assert here.cloud.access_key.secret not in texts
    assert here.cloud.access_key.access_key_id not in texts
    broken = stage()
    fault(broken, "oss:*", "code:AccessDenied", times=None)
    raised = broken.fails(Exception, match="SPOTKEEPER_JOURNAL")
    assert broken.cloud.access_key.secret not in str(raised) + chained(raised) + "".join(capfd.readouterr())


def test_repr_keeps_the_secret_parts() -> None:
    """A key in a traceback's locals or a debug line shows its id only."""
    shown = repr(Credentials("id-1", "secret-1", "token-1"))
    assert "id-1" in shown
    assert "secret-1" not in shown
    assert "token-1" not in shown
