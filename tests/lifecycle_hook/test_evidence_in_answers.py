"""The output of a check neither breaks the answer nor shows a secret."""

from __future__ import annotations

import json
import logging
import os
from base64 import b64encode

import pytest

from tests.lifecycle_hook.stage import failing, stage

SECRET = "Secret-of-lifecycle_hook"
OUTPUTS = {
    "binary": os.urandom(24_000),
    "invalid utf-8": b"\xff\xfe\x00" * 8_000,
    "null bytes": b"\0" * 24_000,
    "a secret": b"x" * 300 + SECRET.encode() + b"\n",
    "a secret at the cut": SECRET.encode() + b"y" * (24_000 - 8),
    "a secret in base64": b64encode(SECRET.encode()),
    "more than is kept": b"z" * 100_000,
    "json": b'{"outcome": "done"}',
    "nothing": b"",
}


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=list(OUTPUTS))
def test_any_output(output: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """The answer is JSON and short, and neither it nor a log line holds a secret of the process."""
    caplog.set_level(logging.DEBUG)
    here = stage()
    here.fail(*here.ids, exit_code=1, output=output)
    answer = json.dumps(here.deliver())
    assert json.loads(answer)["result"] == "ABANDON"
    assert len(answer) < 20_000
    logged = answer + "".join(record.getMessage() for record in caplog.records)
    for secret in (SECRET, SECRET[8:], b64encode(SECRET.encode()).decode()):
        assert secret not in logged


def test_the_evidence_is_in_the_audit(caplog: pytest.LogCaptureFixture) -> None:
    """One record per instance and check: exit code, tail of the output, and which action it belongs to."""
    caplog.set_level(logging.INFO, logger="spotkeeper.audit")
    here = failing()
    here.deliver()
    records = [json.loads(record.getMessage()) for record in caplog.records if record.name == "spotkeeper.audit"]
    checks = {record["instance_id"]: record for record in records if record["check"]}
    assert set(checks) == set(here.ids)
    broken = checks[here.ids[0]]
    assert (broken["outcome"], broken["check"]["exit_code"], broken["check"]["output"]) == (
        "failed",
        1,
        "no: it is broken",
    )
    assert broken["lifecycle_hook"]["lifecycle_action_token"] == here.fleet.action.token
    assert [
        record["action"]
        for record in records
        if record["outcome"] == "done" and record["lifecycle_hook"] and not record["check"]
    ][-1] == "complete the lifecycle action"
