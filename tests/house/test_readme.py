"""What the README and ``docs/`` say is what the repository does, and both languages say the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from unicodedata import normalize

import pytest

from spotkeeper import errors
from spotkeeper.settings.interruption import InterruptionSettings
from spotkeeper.settings.lifecycle_hook import LifecycleHookSettings
from spotkeeper.settings.state_change import StateChangeSettings
from spotkeeper.settings.sweep import SweepSettings
from spotkeeper.settings.variables import KNOWN
from tests.house.pages import (
    CHINESE,
    CHINESE_PAGES,
    ENGLISH,
    ENGLISH_ONLY,
    ENGLISH_PAGES,
    FILES,
    Text,
    anchors,
    each_manual,
    each_markdown,
    each_page,
    each_pair,
    in_english,
    shape,
    skeleton,
    spans,
    target,
)
from tools import build, costs, readme_tables

JOURNAL = {"SPOTKEEPER_JOURNAL": "file:///journal"}
PARSERS: tuple[Callable[[Mapping[str, str]], object], ...] = (
    InterruptionSettings.from_env,
    StateChangeSettings.from_env,
    LifecycleHookSettings.from_env,
    SweepSettings.from_env,
)
MADE = (".venv/", "dist/", "node_modules/", ".cache/", "rescues/", "restarts/", "sweeps/", "alive/", "open/")
"""Folders that commands make, and those of the journal: a fresh clone has none of them."""
README_LINES = 200
NOTICE_END = 300


@pytest.fixture(scope="module")
def drill() -> str:
    """What the drill prints."""
    run = subprocess.run([sys.executable, "-m", "tools", "drill"], cwd=build.ROOT, capture_output=True, check=True)
    return run.stdout.decode()


def test_languages() -> None:
    """Every page is there in both languages, but for those that are English by intent."""
    assert sorted([*map(in_english, CHINESE_PAGES), *ENGLISH_ONLY]) == sorted(ENGLISH_PAGES)


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_readme_is_short(readme: str) -> None:
    """What it is, whom it fits and how to see it; everything else has a page."""
    text = Text((readme,)).text
    assert len(text.splitlines()) <= README_LINES
    assert text.index("make drill") < text.index("\n## ")


@each_manual
def test_drill_output(manual: Text, drill: str) -> None:
    """The README shows the drill's real output, to the letter."""
    assert f"```\n{drill}```" in manual.blocks


@each_manual
def test_drill_diagram(manual: Text, drill: str) -> None:
    """The moments in the diagram are those of the drill, in whole seconds, and the notice's end."""
    diagram = next(block for block in manual.blocks if "\ngantt\n" in block)
    drawn = {int(moment) for tail in re.findall(r" : (.*)", diagram) for moment in re.findall(r"\d+", tail)}
    steps = re.findall(r"^ +([\d.]+) s  \w.*?([\d.]+) s$", drill, re.MULTILINE)
    assert steps
    played = {int(float(at)) for at, _ in steps} | {round(float(at) + float(seconds)) for at, seconds in steps}
    assert drawn - played == {0, NOTICE_END}


@each_manual
def test_drill_calls(manual: Text, drill: str) -> None:
    """The number of API calls of a plain rescue is the drill's."""
    calls = re.findall(r"(\d+) API calls .*: a plain rescue", drill)
    assert re.findall(r"(\d+) (?:API calls where nothing|次 API 调用)", manual.prose) == calls


@each_manual
def test_checks(manual: Text) -> None:
    """The table has every check with its parameters, their defaults and longest waits."""
    catalogue = json.loads((build.ROOT / "functions/lifecycle_hook/checks/checks.json").read_text(encoding="utf-8"))
    rows = {spans(name)[0]: normalize("NFKC", parameters) for name, _, parameters in manual.table("headroom")}
    told = {name: dict(re.findall(r"`([a-z-]+)` ?\(([^)]*)\)", text)) for name, text in rows.items()}
    assert {name: {one: _values(text) for one, text in parameters.items()} for name, parameters in told.items()} == {
        name: {one: _declared(parameter) for one, parameter in check["parameters"].items()}
        for name, check in catalogue.items()
    }


def _values(text: str) -> list[str]:
    """Default and longest wait, as far as there are any."""
    return re.findall(r"\d+|(?<=`)[^`]+(?=`)", text)


def _declared(parameter: Mapping[str, object]) -> list[str]:
    longest = [str(parameter["to"])] if parameter["accepts"] == "seconds" else []
    return [*([str(parameter["default"])] if "default" in parameter else []), *longest]


@each_manual
def test_settings(manual: Text) -> None:
    """Every setting of the functions is in the table, and nothing else that looks like a setting is in the text."""
    table = {name for row in manual.table("SPOTKEEPER_JOURNAL") for name in spans(row[0])}
    named = set(re.findall(r"SPOTKEEPER_[A-Z_]+", manual.text)) - {"SPOTKEEPER_"}
    assert named == KNOWN
    assert {name for name in table if name.startswith("SPOTKEEPER_")} == KNOWN


def defaults(manual: Text) -> Iterator[tuple[str, str]]:
    """Name and default of the settings whose default the table gives."""
    for names, default, *_ in manual.table("SPOTKEEPER_JOURNAL"):
        values = spans(default)
        yield from zip(spans(names), values, strict=bool(values))


@each_manual
def test_defaults(manual: Text) -> None:
    """A setting that is set to the default in the table changes nothing."""
    given = dict(defaults(manual))
    assert len(given) > 10
    for parse in PARSERS:
        assert parse({**JOURNAL, **given}) == parse(JOURNAL)


@each_manual
def test_values(manual: Text) -> None:
    """Where the text sets a setting, the functions accept the value."""
    given = dict(one.split("=", 1) for one in manual.spans if re.match(r"SPOTKEEPER_\w+=", one))
    assert given
    for parse in PARSERS:
        parse({**JOURNAL, **given})


@each_manual
def test_errors(manual: Text) -> None:
    """The table of errors names the classes that exist."""
    named = {name for row in manual.table("MalformedEvent") for name in spans(row[0])}
    known = {name for name in vars(errors) if name[0].isupper()}
    assert named == known - {"SpotkeeperError", "UnreadableRecord", "WaitFailed", "Any"}


@each_manual
def test_tags(manual: Text) -> None:
    """The table of tags has every tag that the code knows."""
    code = [path for folder in ("functions", "shared") for path in (build.ROOT / folder).rglob("*.py")]
    sources = "".join(path.read_text(encoding="utf-8") for path in code)
    known = set(re.findall(r'"(spotkeeper:[a-z-]+)', sources))
    named = (spans(row[0])[0] for row in manual.table("spotkeeper:hold"))
    assert {re.split("=|:<", one)[0] for one in named} == known


PRINTED = {
    "operations that the simulator covers": (readme_tables.covered, Text(("docs/simulator.md",))),
    "permissions": (readme_tables.permissions, ENGLISH),
    "permissions, in Chinese": (readme_tables.permissions, CHINESE),
    "costs in words": (costs.lines, ENGLISH),
}


@pytest.mark.parametrize(("rows", "page"), PRINTED.values(), ids=PRINTED)
def test_rows_of_tools(rows: Callable[[], Iterable[str]], page: Text) -> None:
    """They stand there as the tool prints them."""
    lines = page.text.splitlines()
    assert [row for row in rows() if row not in lines] == []


@each_manual
def test_costs(manual: Text) -> None:
    """What the functions cost stands there in the order of the tool, the cases in words of the page's language."""
    rows = [row.strip("| ").split(" | ")[1:] for row in costs.lines()]
    page = next(table for table in manual.tables if len(table[0]) == 3 and any("$" in cell for cell in table[1]))
    assert [row[1:] for row in page[1:]] == rows


@each_markdown
def test_links(page: str) -> None:
    """Every link inside the repository leads to a file or folder, and to a heading of it where it names a heading."""
    links = [link for link in Text((page,)).links if not link.startswith("https://")]
    assert [link for link in links if not target(page, link).exists()] == []
    to_headings = [link for link in links if "#" in link]
    assert [link for link in to_headings if link.partition("#")[2] not in anchors(target(page, link))] == []


@each_markdown
def test_files_exist(page: str) -> None:
    """Every file and folder that is named exists, with its whole path or with the end of it."""
    named = {one for one in Text((page,)).spans if not one.startswith(MADE)}
    folders = {one.rstrip("/") for one in named if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", one) and "/" in one}
    bare = {one for one in named if re.fullmatch(r"[\w-]+\.(py|json|in|yaml)", one)}
    known = {f"/{path.relative_to(build.ROOT).as_posix()}" for path in [*build.ROOT.iterdir(), *FILES]}
    ends = {path[at:] for path in known for at, letter in enumerate(path) if letter == "/"}
    assert {one for one in folders | bare if f"/{one}" not in ends} == set()


@each_page
def test_links_keep_the_language(page: str) -> None:
    """A page leads to pages of its own language, its other version and the pages in English alone excepted."""
    foreign = ENGLISH_PAGES if page in CHINESE_PAGES else CHINESE_PAGES
    linked = {target(page, link).resolve() for link in Text((page,)).links}
    abroad = {one for one in foreign if (build.ROOT / one).resolve() in linked} - {*ENGLISH_ONLY}
    assert {in_english(one) for one in abroad} <= {in_english(page)}


@each_pair
def test_links_to_each_other(english: Text, chinese: Text) -> None:
    """Each version leads to the other at its top."""
    for one, other in ((english, chinese), (chinese, english)):
        assert f"({other.names[0].rpartition('/')[2]})" in "".join(one.text.splitlines()[:3])


SAME: dict[str, Callable[[Text], object]] = {
    "sections, in order and depth": lambda page: page.headings,
    "commands, outputs and diagrams": lambda page: [skeleton(block) for block in page.blocks],
    "names in backticks": lambda page: page.spans,
    "tables, with rows, names and figures": lambda page: [[shape(row) for row in rows] for rows in page.tables],
}


@pytest.mark.parametrize("part", SAME.values(), ids=SAME)
@each_pair
def test_same(english: Text, chinese: Text, part: Callable[[Text], object]) -> None:
    """What does not depend on the language is the same in both, to the letter; of diagrams all but their labels."""
    assert part(chinese) == part(english)


@each_pair
def test_same_links(english: Text, chinese: Text) -> None:
    """Both link to the same places."""
    own = {in_english(one.names[0]).rpartition("/")[2] for one in (english, chinese)}
    found = [sorted({*map(in_english, one.links)} - own) for one in (english, chinese)]
    assert found[0] == found[1]


def test_chinese_tables() -> None:
    """No cell of a Chinese table is left in English: three English words in a row are a sentence."""
    cells = [re.sub(r"`[^`]+`", "", cell) for rows in CHINESE.tables for row in rows for cell in row]
    assert [cell for cell in cells if re.search(r"\b[a-z]{2,} [a-z]+ [a-z]+\b", cell)] == []
