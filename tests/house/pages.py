"""The README and the pages of ``docs/``, taken apart: what tests compare with each other and with the repository.

``README.md`` and ``docs/<name>.md`` are English; ``README.zh-CN.md`` and ``docs/<name>.zh-CN.md`` are their Chinese
versions. A manual is all pages of a language as one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from tools.build import ROOT

CHINESE_ENDING = ".zh-CN.md"
_BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r'"[^"]*"')
_GANTT = re.compile(r"^( *)(?:section .*|.*(?= : ))", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)]+)\)")
_FIGURE = re.compile(r"\$?[\d.,]+( MB| s)?")

Rows = list[list[str]]


def spans(text: str) -> list[str]:
    """What stands in backticks, each on one line."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


@dataclass(frozen=True)
class Text:
    """Some Markdown files as one text; ``names`` are their paths in the repository."""

    names: tuple[str, ...]

    @cached_property
    def text(self) -> str:
        """All of it."""
        return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in self.names)

    @cached_property
    def prose(self) -> str:
        """Without its fenced blocks."""
        return _BLOCK.sub("", self.text)

    @cached_property
    def blocks(self) -> list[str]:
        """Its fenced blocks, to the letter."""
        return _BLOCK.findall(self.text)

    @cached_property
    def headings(self) -> list[tuple[int, list[str]]]:
        """Level and code spans of each."""
        found = re.findall(r"^(#+) (.*)", self.prose, re.MULTILINE)
        return [(len(level), spans(words)) for level, words in found]

    @cached_property
    def spans(self) -> set[str]:
        """All code spans of the prose."""
        return set(spans(self.prose))

    @cached_property
    def tables(self) -> list[Rows]:
        """The cells of each table, by row, with its head and without the line below that."""
        found = re.findall(r"^\|.*\n(?:\|.*\n)+", self.prose, re.MULTILINE)
        return [list(_cells(table.splitlines())) for table in found]

    @cached_property
    def links(self) -> list[str]:
        """Where its links go."""
        return _LINK.findall(self.prose)

    def table(self, name: str) -> Rows:
        """The rows of the table that has this code span in its first column."""
        return next(rows[1:] for rows in self.tables if any(name in spans(row[0]) for row in rows))

    def commands(self) -> Iterator[str]:
        """Each command, from the fenced blocks and the code spans; continued lines are one."""
        yield from sorted(self.spans)
        for block in self.blocks:
            for line in block.replace("\\\n", " ").splitlines():
                yield from line.strip().removeprefix("$ ").split(" && ")


def _cells(lines: Iterable[str]) -> Iterator[list[str]]:
    for line in lines:
        if not re.fullmatch(r"[|-]+", line):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def shape(row: list[str]) -> tuple[int, list[str], list[str]]:
    """What a row has in any language: so many cells, these code spans and, in cells of their own, these figures."""
    return len(row), sorted(spans(" ".join(row))), [cell for cell in row if _FIGURE.fullmatch(cell)]


def skeleton(block: str) -> str:
    """What a block has in any language: all of it, of a diagram all but its labels."""
    if "```mermaid\n" not in block:
        return block
    return _GANTT.sub(r"\1", _QUOTED.sub('""', block))


def in_english(link: str) -> str:
    """The same link to the English version of a page."""
    return link.replace(CHINESE_ENDING, ".md")


def target(page: str, link: str) -> Path:
    """The file that a page's link leads to."""
    path = link.partition("#")[0]
    return (ROOT / page).parent / path if path else ROOT / page


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)", _BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


DOORS = ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"]
"""For those who change or report something; in English, where GitHub looks for them."""
PAGES = ["README.md", "README.zh-CN.md", *DOORS, *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
CHINESE_PAGES = [name for name in PAGES if name.endswith(CHINESE_ENDING)]
ENGLISH_ONLY = [*DOORS, "docs/audit-queries.md", "docs/design.md", "docs/mutants.md", "docs/simulator.md"]
"""Pages for those who change the code, and the queries, which are code themselves."""
ENGLISH_PAGES = [name for name in PAGES if name not in CHINESE_PAGES]
FOLDERS = (".github", "chaos", "docs", "events", "functions", "ram", "shared", "simulator", "tests", "tools")
FILES = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if "__pycache__" not in path.parts]
"""What is in the folders of a fresh clone."""
MARKDOWN = sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *FILES] if path.suffix == ".md")

CHINESE, ENGLISH = Text(tuple(CHINESE_PAGES)), Text(tuple(ENGLISH_PAGES))

each_manual = pytest.mark.parametrize("manual", [ENGLISH, CHINESE], ids=["English", "Chinese"])
each_page = pytest.mark.parametrize("page", PAGES)
each_markdown = pytest.mark.parametrize("page", MARKDOWN)
each_pair = pytest.mark.parametrize(
    ("english", "chinese"), [(Text((in_english(name),)), Text((name,))) for name in CHINESE_PAGES], ids=CHINESE_PAGES
)
