"""The two READMEs, taken apart: what tests compare with each other and with the repository."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import pytest

from tools.build import ROOT

_BLOCK = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"[\d.,]+( MB| s)?")

Rows = list[list[str]]


def spans(text: str) -> list[str]:
    """What stands in backticks, each on one line."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


@dataclass(frozen=True)
class Readme:
    """One of them, by its file name."""

    name: str

    @cached_property
    def text(self) -> str:
        """All of it."""
        return (ROOT / self.name).read_text(encoding="utf-8")

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
        """Where its links go, those between the READMEs left out."""
        found = re.findall(r"\]\(([^)]+)\)", self.prose)
        return sorted(link for link in found if link not in NAMES)

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
    """What a row has in any language: so many cells, these code spans and, in cells of their own, these numbers."""
    return len(row), sorted(spans(" ".join(row))), [cell for cell in row if _NUMBER.fullmatch(cell)]


NAMES = ("README.md", "README.zh-CN.md")
ENGLISH, CHINESE = (Readme(name) for name in NAMES)

each_readme = pytest.mark.parametrize("readme", [ENGLISH, CHINESE], ids=NAMES)
