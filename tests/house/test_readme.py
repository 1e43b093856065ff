"""What both READMEs say is what the repository does, and both say the same."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest

from simulator.cloud import Cloud
from spotkeeper import errors, settings
from tests.house.readme import CHINESE, ENGLISH, Readme, each_readme, shape, spans
from tools import build, costs, readme_tables

JOURNAL = {"SPOTKEEPER_JOURNAL": "file:///journal"}
PARSERS: tuple[Callable[[Mapping[str, str]], object], ...] = (
    settings.InterruptionSettings.from_env,
    settings.StateChangeSettings.from_env,
    settings.LifecycleHookSettings.from_env,
    settings.SweepSettings.from_env,
)
MADE = ("dist/", "node_modules/", ".cache/")
"""Folders that commands make: a fresh clone has none of them."""


@pytest.fixture(scope="module")
def drill() -> str:
    """What the drill prints."""
    run = subprocess.run([sys.executable, "-m", "simulator.drill"], cwd=build.ROOT, capture_output=True, check=True)
    return run.stdout.decode()


@each_readme
def test_drill_output(readme: Readme, drill: str) -> None:
    """The first screen shows the drill's real output, to the letter."""
    assert f"```\n{drill}```" in readme.blocks


@each_readme
def test_settings(readme: Readme) -> None:
    """Every setting of the functions is in the table, and nothing else that looks like one is in the text."""
    table = {name for row in readme.table("SPOTKEEPER_JOURNAL") for name in spans(row[0])}
    named = set(re.findall(r"SPOTKEEPER_[A-Z_]+", readme.text))
    assert named == settings.KNOWN
    assert {name for name in table if name.startswith("SPOTKEEPER_")} == settings.KNOWN


def defaults(readme: Readme) -> Iterator[tuple[str, str]]:
    """Name and default of the settings whose default the table gives."""
    for names, default, *_ in readme.table("SPOTKEEPER_JOURNAL"):
        values = spans(default)
        yield from zip(spans(names), values, strict=bool(values))


@each_readme
def test_defaults(readme: Readme) -> None:
    """A setting that is set to the default in the table changes nothing."""
    given = dict(defaults(readme))
    assert len(given) > 10
    for parse in PARSERS:
        assert parse({**JOURNAL, **given}) == parse(JOURNAL)


@each_readme
def test_values(readme: Readme) -> None:
    """Where the text sets a setting, the functions accept the value."""
    given = dict(one.split("=", 1) for one in readme.spans if re.match(r"SPOTKEEPER_\w+=", one))
    assert given
    for parse in PARSERS:
        parse({**JOURNAL, **given})


@each_readme
def test_errors(readme: Readme) -> None:
    """The table of errors names the classes that exist."""
    named = {name for row in readme.table("MalformedEvent") for name in spans(row[0])}
    assert named == {name for name in vars(errors) if name[0].isupper()} - {"SpotkeeperError", "WaitFailed", "Any"}


@each_readme
def test_covered_operations(readme: Readme) -> None:
    """The simulator covers the operations that the README lists."""
    cloud = Cloud(0)
    for product in (cloud.ecs, cloud.slb, cloud.ess):
        operations = ", ".join(sorted(product.actions))
        assert re.search(rf"(?<!, ){operations}(?!,)", readme.text)


@each_readme
def test_generated_rows(readme: Readme) -> None:
    """What the policies allow and what the functions cost stands there as the tools print it, row by row."""
    lines = readme.text.splitlines()
    assert [row for row in [*readme_tables.permissions(), *costs.lines()] if row not in lines] == []


@each_readme
def test_files_exist(readme: Readme) -> None:
    """Every file that is linked or named with its folder exists, and so does every file that is only named."""
    folders = {one for one in readme.spans if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", one) and "/" in one}
    linked = {link.partition("#")[0] for link in readme.links if not link.startswith("https://")}
    paths = linked | {one for one in folders if not one.startswith(MADE)}
    assert [path for path in sorted(paths) if not (build.ROOT / path).exists()] == []
    bare = {one for one in readme.spans if re.fullmatch(r"[\w-]+\.(py|json|in|yaml)", one)}
    known = {path.name for path in [*build.ROOT.iterdir(), *(build.ROOT / "functions").rglob("*")]}
    assert bare - known == set()


def test_links_to_each_other() -> None:
    """Each README leads to the other one at its top."""
    assert CHINESE.text.startswith(f"[English]({ENGLISH.name})\n")
    assert f"({CHINESE.name})" in "".join(ENGLISH.text.splitlines()[:3])


def test_same_headings() -> None:
    """Both have the same sections, in the same order and depth."""
    assert CHINESE.headings == ENGLISH.headings


def test_same_blocks() -> None:
    """Both have the same commands and outputs, to the letter."""
    assert CHINESE.blocks == ENGLISH.blocks


def test_same_links() -> None:
    """Both link to the same places."""
    assert CHINESE.links == ENGLISH.links


def test_same_names() -> None:
    """Commands, settings, API names, tags and files, all that stands in backticks, are the same in both."""
    assert CHINESE.spans == ENGLISH.spans


def test_same_tables() -> None:
    """Both have the same tables with the same rows, names and measured numbers."""
    assert [[shape(row) for row in rows] for rows in CHINESE.tables] == [
        [shape(row) for row in rows] for rows in ENGLISH.tables
    ]
