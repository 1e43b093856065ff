"""The mutation tests' own changes, and what they do not count."""

from __future__ import annotations

import pytest

from tools.mutants import MODULES, ROOT, mutants_of


def changed(source: str) -> list[str]:
    """What the mutants of one line look like, without spaces."""
    return sorted(mutant.source.strip().replace(" ", "") for mutant in mutants_of(source + "\n"))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 'right'", ["x='XXright'"]),
        ('x = f"is {y} now"', ['x=f"XXis{y}now"', 'x=f"is{y}XXnow"']),
        ("x = (a, b)", ["x=(a,)", "x=(b,)", "x=(b,a,)"]),
        ("x = (a,)", ["x=()"]),
        ("x = {a, b}", ["x={a,}", "x={b,}"]),
        ("x = {a: b, c: d}", []),
        ("x = a and b", ["x=aorb"]),
        ("def f(a: int | None = z) -> str | None: 'Words.'", []),
        ("x: int | str = y", []),
    ],
)
def test_the_changes(source: str, expected: list[str]) -> None:
    """Texts, items and operators change; annotations and docstrings do not count."""
    assert changed(source) == expected


def test_each_module_has_tests() -> None:
    """What is changed exists, and so do the tests that have to notice."""
    assert all((ROOT / path).is_file() and list(ROOT.glob(pattern)) for path, pattern in MODULES.items())
