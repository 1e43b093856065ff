from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import typed
from tests.deployment.stage import DEPLOYER, FILE, FUNCTIONS, props, said, text
from tools.check_deployment.check import check
from tools.check_deployment.document import read
from tools.check_deployment.resolve import EXAMPLES
from tools.check_deployment.structure import SCHEMA


def run(*arguments: str) -> tuple[int, str, str]:
    """The check as a command, with nothing set."""
    return typed(["check-deployment", *arguments], {})


def test_right(tmp_path: Path) -> None:
    """The file as it stands is right."""
    assert said(tmp_path) == []


def test_right_elsewhere(tmp_path: Path) -> None:
    """The variables at its top suffice to deploy it to another region under other names."""
    elsewhere = {
        "DEPLOY_REGION": "eu-central-1",
        "DEPLOY_PREFIX": "rescue",
        "DEPLOY_LAYER_ARN": "acs:fc:eu-central-1:1690701234567830:layers/rescue/versions/12",
        "DEPLOY_ROLE_SWEEP": "acs:ram::1690701234567830:role/rescue-sweep",
        "DEPLOY_ALARM_TOPIC": "on-call",
    }
    assert said(tmp_path, environ=elsewhere) == []
    sweep = props("sweep", {**DEPLOYER, **elsewhere})
    assert sweep["functionName"] == "rescue-sweep"
    assert sweep["environmentVariables"]["SPOTKEEPER_INTERRUPTION_FUNCTION"] == "rescue-interruption"
    destination = sweep["asyncInvokeConfig"]["destinationConfig"]["onFailure"]["destination"]
    assert destination == "acs:mns:eu-central-1:${config('AccountID')}:/topics/on-call/messages"


def test_empty_variable() -> None:
    """A variable that is set to nothing counts as not set, as it does for the CLI."""
    assert props("sweep", {**DEPLOYER, "DEPLOY_REGION": ""})["region"] == "cn-hangzhou"


def test_mns_alternative(tmp_path: Path) -> None:
    """The MNS trigger that stands in comments is right once the marks are taken away, beside the other trigger."""
    lines = text().splitlines()
    marked = [
        line for line in lines if line.startswith("        # ") and "For hooks" not in line and "role Ali" not in line
    ]
    assert marked[0].endswith("- triggerName: lifecycle-hook-mns")
    before = "\n".join(marked)
    after = before.replace("        # ", "        ")
    assert "triggerType: mns_topic" in after
    assert said(tmp_path, before, after) == []


def test_first_clone() -> None:
    """Without any variable it is checked with examples, and the command says so: 0."""
    complaints, examples = check(read(FILE), {})
    assert complaints == []
    assert examples.keys() == EXAMPLES.keys()
    status, out, err = run()
    assert status == 0, err
    assert "DEPLOY_LAYER_ARN is not set; checked with acs:fc:cn-hangzhou:" in out
    assert out.endswith("s.yaml: right\n")


def test_mistake_fails(tmp_path: Path) -> None:
    """The command ends with 1 and names the mistake."""
    wrong = tmp_path / "s.yaml"
    wrong.write_text(text("    timeout: 55 ", "    timeout: '55' "), encoding="utf-8")
    status, _, err = run(str(wrong))
    assert status == 1
    assert err.startswith('resources.sweep.props.timeout: "55" is text; accepted: a whole number of seconds')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("edition: [", "is not YAML"),
        ("edition: 3.0.0\nedition: 3.0.0\n", 'found duplicate key "edition"'),
        ("- edition", "is not a mapping"),
        (None, "does not exist"),
    ],
)
def test_unreadable(tmp_path: Path, content: str | None, message: str) -> None:
    """What is no mapping in YAML ends with 2."""
    file = tmp_path / "s.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    status, out, err = run(str(file))
    assert (status, out) == (2, "")
    assert message in err


def test_every_size_is_explained() -> None:
    """Each function says in a comment why it has its vCPU and its timeout."""
    lines = text().splitlines()
    for key in ("cpu", "timeout"):
        places = [index for index, line in enumerate(lines) if line.startswith(f"      {key}: ")]
        assert len(places) == len(FUNCTIONS)
        assert all("# " in lines[index] or lines[index - 1].strip().startswith("# ") for index in places)


def test_schema_says_what_it_accepts() -> None:
    """Everything that can be refused has a description, which the complaint is made of; every mapping is closed."""

    def leaves(schema: Any) -> Iterator[dict[str, Any]]:
        if isinstance(schema, dict):
            if {"type", "const", "enum"} & schema.keys() and not isinstance(schema.get("type", ""), dict):
                yield schema
            for value in schema.values():
                yield from leaves(value)

    for schema in leaves({key: SCHEMA[key] for key in ("properties", "$defs")}):
        if {"if", "then", "triggerType"} & schema.keys() or schema == {"const": schema.get("const")}:
            continue
        assert "description" in schema, json.dumps(schema)[:200]
        if schema.get("type") == "object" and "properties" in schema:
            assert schema["additionalProperties"] is False, json.dumps(schema)[:200]
