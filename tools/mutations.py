"""Changes that cosmic-ray does not make: of texts, and of the items of tuples, sets and lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from parso.tree import Leaf

Span = tuple[tuple[int, int], tuple[int, int]]
Items = list[str]


class Node(Protocol):
    """What cosmic-ray shows an operator: a node of parso's tree. A leaf has no ``children``."""

    type: str
    children: list[Node]
    start_pos: tuple[int, int]
    end_pos: tuple[int, int]

    def get_code(self, *, include_prefix: bool = True) -> str:
        """Its source; the prefix is the space before it."""


class Operator(Protocol):
    """What cosmic-ray takes for an operator."""

    def mutation_positions(self, node: Node) -> Iterator[Span]:
        """One span for each change that can be made of this very node."""

    def mutate(self, node: Node, index: int) -> Node | Leaf:
        """The node that replaces it for the ``index``-th of them."""


class AlterText:
    """``"text"`` becomes ``"XXtext"``, also between the fields of an f-string."""

    def mutation_positions(self, node: Node) -> Iterator[Span]:
        """Each text."""
        if node.type in {"string", "fstring_string"}:
            yield (node.start_pos, node.end_pos)

    def mutate(self, node: Node, index: int) -> Node | Leaf:  # noqa: ARG002 (a text has one change)
        """The other text."""
        code = node.get_code(include_prefix=False)
        opening = min(code.find(quote) for quote in "\"'" if quote in code) + 1 if node.type == "string" else 0
        return Leaf(f"{code[:opening]}XX{code[opening:]}", node.start_pos, node.get_code()[: -len(code)])


class ChangeItems:
    """Another list of items; ``changes`` gives all alternatives to a list."""

    def __init__(self, changes: Callable[[Items, bool], list[Items]]) -> None:
        self.changes = changes

    def mutation_positions(self, node: Node) -> Iterator[Span]:
        """Each change of each tuple, set or list that has a comma."""
        if found := items_of(node):
            yield from [(node.start_pos, node.end_pos)] * len(self.changes(*found))

    def mutate(self, node: Node, index: int) -> Node | Leaf:
        """The other items, each with a comma, so that a single item is still a tuple."""
        found = items_of(node)
        code = "".join(f"{item}," for item in self.changes(*found)[index]) if found else node.get_code()
        return Leaf(f" {code}", node.start_pos)


def items_of(node: Node) -> tuple[Items, bool] | None:
    """The items of a tuple, set or list and whether their order means something; None for anything else."""
    if node.type not in {"testlist_comp", "testlist_star_expr", "dictorsetmaker"}:
        return None
    if any(comma.get_code().strip() != "," for comma in node.children[1::2]):
        return None
    return [item.get_code() for item in node.children[::2]], node.type != "dictorsetmaker"


def without_one(items: Items, _: bool) -> list[Items]:  # noqa: FBT001 (a set loses items too)
    """Each way to leave an item out."""
    return [items[:gap] + items[gap + 1 :] for gap in range(len(items))]


def with_two_swapped(items: Items, ordered: bool) -> list[Items]:  # noqa: FBT001 (see ``items_of``)
    """Each way to swap two neighbours; a set has none."""
    firsts = range(len(items) - 1 if ordered else 0)
    return [[*items[:first], items[first + 1], items[first], *items[first + 2 :]] for first in firsts]


OURS: dict[str, Operator] = {
    "AlterText": AlterText(),
    "LeaveItemOut": ChangeItems(without_one),
    "SwapItems": ChangeItems(with_two_swapped),
}
