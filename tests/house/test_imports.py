"""Imports go downwards only: functions know the layer, the layer knows no function, and nothing goes in circles."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent for path in ROOT.glob("functions/*/index.py"))
Imports = dict[str, set[str]]


def modules(folder: Path) -> dict[str, Path]:
    """The modules of a folder that is on the path, by name."""
    paths = {path.relative_to(folder): path for path in folder.rglob("*.py") if path.name != "index.py"}
    return {".".join(path.with_suffix("").parts).removesuffix(".__init__"): full for path, full in paths.items()}


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """The known modules that a module imports, also inside functions, but not for the type checker alone."""
    found: set[str] = set()
    open_nodes: list[ast.AST] = [ast.parse(path.read_text())]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in names}
        open_nodes += ast.iter_child_nodes(node)
    return found & known.keys()


def graph(*folders: Path) -> Imports:
    """Each module of these folders with what it imports of them."""
    known = {name: path for folder in folders for name, path in modules(folder).items()}
    return {name: imports(path, known) - {name} for name, path in known.items()}


@pytest.mark.parametrize("folder", FUNCTIONS, ids=lambda folder: folder.name)
def test_no_circles(folder: Path) -> None:
    """Neither in a function nor in the layer: each module can be read after those that it needs."""
    try:
        TopologicalSorter(graph(folder, ROOT / "shared")).prepare()
    except CycleError as error:
        pytest.fail(f"imports go in a circle: {' -> '.join(error.args[1])}")


def test_the_layer_knows_no_function() -> None:
    """It can be imported where no function is."""
    everything = graph(ROOT / "shared", *FUNCTIONS)
    upwards = [f"{name} imports {one}" for name, found in everything.items() for one in found if upward(name, one)]
    assert upwards == []


def upward(name: str, imported: str) -> bool:
    """Whether a module of the layer imports a function's module, or a function's module that of another function."""
    package, other = name.partition(".")[0], imported.partition(".")[0]
    return other not in {package, "spotkeeper"}
