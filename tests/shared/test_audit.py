"""The audit: its published form, and the five questions that operators ask."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from simulator import fleet
from spotkeeper.audit import RECORD, Audit
from spotkeeper.clock import Clock
from tests.lifecycle_hook.stage import failing
from tests.rescue.stage import SOURCE
from tests.state_change.stage import stage as state_stage

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "audit.schema.json").read_text(encoding="utf-8"))
SECRETS = ("EmbeddedCloudAccessKeySecret", fleet.USER_DATA, "Signature=")


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The records of an instance's life, from its start to its rescue and release; and of a lifecycle hook."""
    caplog.set_level(logging.INFO, logger="spotkeeper.audit")
    here = state_stage()
    here.changed("Running")
    here.shut_down()
    here.changed("Stopped")
    here.changed("Running")
    here.interrupt()
    here.advance(400)
    here.changed("Deleted")
    failing().deliver()
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "spotkeeper.audit"]


def test_the_published_form(records: list[dict[str, Any]]) -> None:
    """Every record is valid under the schema, and the schema has no key that no record has."""
    assert len(records) > 20
    for record in records:
        jsonschema.validate(record, SCHEMA)
    assert list(RECORD) == SCHEMA["required"] == list(SCHEMA["properties"])


def test_no_secret_and_no_user_data(records: list[dict[str, Any]]) -> None:
    """Whoever may read the log learns nothing that opens a door."""
    text = json.dumps(records)
    assert not any(secret in text for secret in SECRETS)


def ask(records: list[dict[str, Any]], query: str) -> list[tuple[Any, ...]]:
    """The query over a table of the records (SQLite's JSON functions stand for the Simple Log Service's)."""
    with sqlite3.connect(":memory:") as table:
        table.execute("CREATE TABLE audit (record TEXT)")
        table.executemany("INSERT INTO audit VALUES (?)", [(json.dumps(record),) for record in records])
        return table.execute(query).fetchall()


def documented(title: str) -> str:
    """A query of docs/audit-queries.md, in SQLite's words."""
    text = (ROOT / "docs" / "audit-queries.md").read_text(encoding="utf-8")
    found = re.search(rf"## {re.escape(title)}\n\n```sql\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found[1].replace("json_extract_scalar(", "json_extract(").replace("json_format(", "(")


def test_who_was_released(records: list[dict[str, Any]]) -> None:
    """The released instance, and what it was: caught while it existed."""
    rows = ask(records, documented("Who was released in the last week, and what was it?"))
    assert [row[0] for row in rows] == [SOURCE]
    what_it_was = json.loads(rows[0][3])
    assert what_it_was["instance_type"] == "ecs.g7.large"
    assert what_it_was["tags"]["spotkeeper:managed"] == "true"


def test_everything_of_one_instance(records: list[dict[str, Any]]) -> None:
    """From the first event to the last, in order."""
    rows = ask(
        records, documented("Everything that happened to one instance").replace("i-bp1ecr012345675go2go", SOURCE)
    )
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    actions = [row[2] for row in rows]
    assert {"receive", "make the image", "launch the replacement", "add the replacement to the groups"} <= set(actions)


def test_rescues_and_their_margins(records: list[dict[str, Any]]) -> None:
    """One rescue, done, with its margin."""
    [row] = ask(records, documented("Rescues, their margins and failures"))
    assert row[:2] == (SOURCE, "done")
    assert row[2] > 250


@pytest.mark.parametrize(
    ("title", "row"),
    [
        ("Restarts per day", ("2019-04-09", 1)),
        ("Interruptions per type and zone", ("ecs.g7.large", "cn-hangzhou-h", 1)),
    ],
)
def test_counts(records: list[dict[str, Any]], title: str, row: tuple[Any, ...]) -> None:
    """One restart on the day of the sample event; one interruption of the fleet's type in its zone."""
    assert ask(records, documented(title)) == [row]


def test_a_field_that_the_schema_lacks() -> None:
    """A new field is a new version of the schema, not an accident."""
    with pytest.raises(KeyError, match="colour"):
        Audit(Clock()).record("receive", "seen", "because", colour="red")
