"""What others find first: how to contribute, what has changed, and the forms for issues and pull requests."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from spotkeeper import __version__
from tests.house.pages import Text
from tools import build

FORMS = sorted(path for path in (build.ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
CONTRIBUTING = Text(("CONTRIBUTING.md",))


def test_contributing_names_every_function() -> None:
    """Each has a row: where its steps, its actions and their tests are."""
    rows = CONTRIBUTING.table("interruption")
    assert [name.partition("`")[2].partition("`")[0] for name, *_ in rows] == [
        "interruption",
        "state_change",
        "lifecycle_hook",
        "sweep",
    ]
    assert len(rows) == len(build.functions(build.ROOT))
    assert all("/decide.py`" in steps for _, steps, *_ in rows)


def test_changelog() -> None:
    """What is unreleased stands first, then the versions, the newest first, each with its day."""
    headings = re.findall(r"^## (.*)", Text(("CHANGELOG.md",)).text, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    found = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d\d-\d\d)", heading) for heading in headings[1:]]
    releases = [(*map(int, one.groups()[:3]), date.fromisoformat(one[4])) for one in found if one]
    assert len(releases) == len(headings) - 1 > 0
    assert releases == sorted(releases, reverse=True)
    assert __version__ == ".".join(map(str, releases[0][:3]))


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_issue_form(form: Path) -> None:
    """GitHub refuses a form with a key missing, two fields of one id or nothing to fill in."""
    document = YAML(typ="safe").load(form)
    assert {"name", "description", "body"} <= document.keys()
    fields = [field for field in document["body"] if field["type"] != "markdown"]
    assert fields
    assert len({field["id"] for field in fields}) == len(fields)
    assert {field["type"] for field in document["body"]} <= {"markdown", "input", "textarea", "dropdown"}
    assert all(field["attributes"].get("label") for field in fields)


def test_bug_form_names_every_function() -> None:
    """A bug is in one of the functions, or elsewhere."""
    body = YAML(typ="safe").load(build.ROOT / ".github/ISSUE_TEMPLATE/bug.yml")["body"]
    parts = next(field["attributes"]["options"] for field in body if field.get("id") == "part")
    assert {*build.functions(build.ROOT)} <= {*parts}
