"""Mutation tests of the pure modules: each is changed in one place at a time, and its tests have to notice.

The changes are those of cosmic-ray, and three that it lacks: a text is altered, an item left out, two items swapped.
What only alters an annotation or a docstring, what does not compile and what has been tried already is not counted.
A changed module lives in a forked process alone; the checkout is never written to.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import os
import resource
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tools.mutations import OURS, Operator

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent

MODULES = {
    "functions/interruption/rescue/decide.py": "tests/rescue/test_decide*.py",
    "functions/interruption/rescue/step_conditions.py": "tests/rescue/test_decide*.py",
    "functions/interruption/rescue/steps.py": "tests/rescue/test_decide*.py",
    "functions/interruption/rescue/actions/launch_refusals.py": "tests/rescue/test_launch_refusals.py",
    "functions/lifecycle_hook/checking/decide.py": "tests/lifecycle_hook/test_decide.py",
    "functions/lifecycle_hook/checking/progress.py": "tests/lifecycle_hook/test_progress.py",
    "functions/state_change/restarting/decide.py": "tests/state_change/test_decide*.py",
    "functions/sweep/sweeping/decide.py": "tests/sweep/test_decide*.py",
    "shared/spotkeeper/restart_decision.py": "tests/state_change/test_[dr]*[es].py",
}
"""The modules to change, and the tests that have to notice."""

ALIVE_AT_MOST = 0.1
"""Share of a module's mutants that may survive."""

CPU_SECONDS = 30
"""After so much work a mutant is in an endless loop; a whole run of the slowest tests takes two."""

PRELOADED = ("spotkeeper.instances", "spotkeeper.settings.variables", "spotkeeper.retry")
"""What the modules import of others: once here instead of once in each process."""

QUIET = (
    "-x",
    "-q",
    "--tb=no",
    "--assert=plain",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
    "-p",
    "no:hypothesispytest",
)


@dataclass(frozen=True)
class Mutant:
    """A change of a module: the whole source, and the operator that made it."""

    operator: str
    source: str


class Instead(MetaPathFinder, InspectLoader):
    """Loads ``source`` wherever the module ``name`` is imported."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source

    def find_spec(self, fullname: str, _: Sequence[str] | None, __: ModuleType | None = None) -> ModuleSpec | None:
        """The spec of the changed module."""
        return spec_from_loader(fullname, self, is_package=False) if fullname == self.name else None

    def get_source(self, _: str) -> str:
        """The changed module."""
        return self.source


def main() -> int:
    """Change every module everywhere and print what the tests did not notice; 1 where that is too much."""
    warnings.simplefilter("ignore", SyntaxWarning)  # some mutants compare literals with `is`
    preload()
    rows = {path: survivors_of(path, pattern) for path, pattern in MODULES.items()}
    print(f"\n{'module':<48}{'mutants':>9}{'killed':>9}{'survived':>9}{'alive':>9}")
    for path, (total, alive) in rows.items():
        print(f"{path:<48}{total:>9}{total - len(alive):>9}{len(alive):>9}{len(alive) / total:>9.1%}")
    untried = {str(path.relative_to(ROOT)) for path in ROOT.glob("functions/*/*/decide.py")} - set(MODULES)
    for path in sorted(untried):
        print(f"{path:<48} not tried: name its tests in MODULES of tools/mutants.py")
    return int(bool(untried) or any(len(alive) > ALIVE_AT_MOST * total for total, alive in rows.values()))


def preload() -> None:
    """Import what never changes before the first fork."""
    sys.path[:0] = [str(ROOT / "shared")]
    for name in PRELOADED:
        importlib.import_module(name)


def survivors_of(path: str, pattern: str) -> tuple[int, list[Mutant]]:
    """How many mutants of a module there are, and those that live, which are printed."""
    source = (ROOT / path).read_text()
    name = ".".join(Path(path).with_suffix("").parts[1 if path.startswith("shared/") else 2 :])
    # the longest names are the narrowest tests: they fail first, and the broad ones need not run
    tests = sorted((str(test.relative_to(ROOT)) for test in ROOT.glob(pattern)), key=len, reverse=True)
    if killed([Mutant("", source), Mutant("", "raise ImportError")], name, tests) != {1}:
        sys.exit(f"{pattern}: these tests must pass on {path} as it is, and fail where it cannot be imported.")
    mutants = list(mutants_of(source))
    noticed = killed(mutants, name, tests)
    alive = [mutant for number, mutant in enumerate(mutants) if number not in noticed]
    print(f"{path}: {len(alive)} of {len(mutants)} survive", flush=True)
    for mutant in alive:
        print(f"  {mutant.operator}\n    {difference(source, mutant.source)}", flush=True)
    return len(mutants), alive


def difference(before: str, after: str) -> str:
    """The changed lines, with the number of the first."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n    ".join(line for line in lines if not line.startswith(("---", "+++")))


def operators() -> Mapping[str, Operator]:
    """All of cosmic-ray that need no arguments, and ours."""
    theirs = {name: get_operator(name) for name in operator_names()}
    return {name: made() for name, made in theirs.items() if not made.arguments()} | OURS


def mutants_of(source: str) -> Iterator[Mutant]:
    """Each program that a single change makes of ``source``, once."""
    nodes = list(ast_nodes(get_ast(source)))
    seen = {meaning(source)}
    for name, operator in operators().items():
        for occurrence in range(sum(1 for node in nodes for _ in operator.mutation_positions(node))):
            changed = mutate_code(source, operator, occurrence)
            if (means := meaning(changed)) and means not in seen:
                seen.add(means)
                yield Mutant(name, changed)


def meaning(source: str) -> str:
    """What a source does: without comments, layout, docstrings and annotations. Empty where it does not compile."""
    try:
        tree = ast.parse(source)
        compile(source, "mutant", "exec")
    except SyntaxError:
        return ""
    return ast.dump(Bare().visit(tree))


class Bare(ast.NodeTransformer):
    """Removes what never runs: texts that stand alone, and annotations, which are texts themselves."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Without the docstrings."""
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """The assignment alone; a field stays a field."""
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """The parameter alone."""
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Without the type that it returns."""
        node.returns = None
        return self.generic_visit(node)


def killed(mutants: Sequence[Mutant], name: str, tests: Sequence[str]) -> set[int]:
    """The numbers of those that the tests notice. As many run at a time as there are cores."""
    running: dict[int, int] = {}
    found = set()
    for number, mutant in enumerate(mutants):
        if len(running) == (os.cpu_count() or 1):
            found |= reap(running)
        running[start(mutant, name, tests)] = number
    while running:
        found |= reap(running)
    return found


def reap(running: dict[int, int]) -> set[int]:
    """Wait for a mutant: its number where its tests failed or were stopped."""
    process, status = os.wait()
    number = running.pop(process)
    return {number} if status else set()


def start(mutant: Mutant, name: str, tests: Sequence[str]) -> int:
    """Run the tests on a mutant in a process of its own, without output; the process id."""
    if process := os.fork():
        return process
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    sys.meta_path[:0] = [Instead(name, mutant.source)]
    os.chdir(ROOT)
    os._exit(int(pytest.main([*QUIET, *tests])))
