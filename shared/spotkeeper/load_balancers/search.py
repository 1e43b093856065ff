"""The search for a server's memberships: every scope of every product by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from spotkeeper.clock import Deadline
from spotkeeper.errors import CloudError, DeadlineReached
from spotkeeper.load_balancers.membership import Membership
from spotkeeper.load_balancers.product import LoadBalancer
from spotkeeper.retry import passes_by_itself


class MembershipSearch:
    """A search through every scope of a region, which can be interrupted and continued.

    A product stands for its scopes until they are listed. ``elsewhere`` names other sources of memberships (a journal
    record), each with its read.
    """

    def __init__(
        self,
        products: Iterable[LoadBalancer],
        server_ids: frozenset[str],
        elsewhere: Mapping[str, Callable[[], list[Membership]]] | None = None,
    ) -> None:
        self._server_ids = server_ids
        self._elsewhere = elsewhere or {}
        self._products = {product.name: product for product in products}
        self.unlisted = dict(self._products)
        self._listed: set[str] = set()
        self._scopes: dict[str, LoadBalancer] = {}
        self._answers: dict[str, Any] = {}
        self._found: dict[Any, Membership] = {}
        self._searched: dict[str, None] = {}
        self._known: set[str] = set()
        self._pause_at: Deadline | None = None
        self.trusted: dict[str, None] = {}
        self.warnings: list[str] = []

    @property
    def scopes(self) -> Iterator[str]:
        """All scopes to search, in order, also scopes that are listed during the iteration."""
        yield from list(self.unlisted)
        yield from list(self._scopes)
        yield from self._elsewhere

    @property
    def found(self) -> tuple[Membership, ...]:
        """The memberships found up to now, also in scopes that are not searched to the end."""
        return tuple(self._found.values())

    @property
    def progress(self) -> int:
        """Grows with every answer."""
        return len(self._answers) + len(self._searched)

    def trust(self) -> None:
        """The source existed a moment ago: the finished scopes were searched in time."""
        self.trusted |= self._searched

    def may_find(self, membership: Membership) -> bool:
        """Whether a recorded membership that was not found yet may still be found."""
        listed, scope = membership.product in self._listed, membership.scope
        return not listed or (scope in self._scopes and scope not in self.trusted)

    def is_product(self, scope: str) -> bool:
        """Whether the scope is a product: then a forbidden read concerns all of its scopes."""
        return scope in self._products

    def knows(self, scope: str) -> bool:
        """Whether all memberships in a scope are found; its report may be left."""
        return scope in self._known

    def leave_out(self, scope: str, error: CloudError) -> None:
        """End the search of a product, or skip the report of a scope."""
        if scope in self._products:
            self.unlisted.pop(scope, None)
            self._scopes.pop(scope, None)
            self._listed.discard(scope)
            self.warnings.append(f"{scope.upper()} was not searched for memberships: {error}")
        else:
            self.warnings.append(f"{self._scopes[scope].unchanged} of {scope} were not looked at: {error}")
            self._searched[scope] = None

    def look_through(self, scope: str, until: Deadline, pause_at: Deadline | None = None) -> None:
        """Search one scope, or list those of a product; what was read stays known when it raises ``CloudError``.

        Raises ``DeadlineReached`` between two reads from ``pause_at`` on, and what the reads of ``elsewhere`` raise.
        """
        self._pause_at = pause_at
        if product := self.unlisted.get(scope):
            self._scopes |= dict.fromkeys(product.scopes(until), product)
            self._listed.add(scope)
            del self.unlisted[scope]
            return
        if scope in self._searched:
            return
        if scope in self._elsewhere:
            self._keep(self._elsewhere[scope]())
            self.trusted[scope] = None  # it outlives the source
        else:
            found = self._scopes[scope].find(scope, self._server_ids, self._once, until)
            self._keep(member for member in found if member.server_id in self._server_ids)
            self._known.add(scope)
            self._report(scope, until)
        self._searched[scope] = None

    def _keep(self, members: Iterable[Membership]) -> None:
        for member in members:
            self._found.setdefault(member.key, member)

    def _once(self, name: str, read: Callable[[], Any]) -> Any:
        if name not in self._answers:
            if self._pause_at is not None and self._pause_at.remaining() <= 0:
                raise DeadlineReached("the search for memberships pauses")
            self._answers[name] = read()
        return self._answers[name]

    def _report(self, scope: str, until: Deadline) -> None:
        """Groups that no API changes are only reported: a lasting refusal costs only the report."""
        product = self._scopes[scope]
        try:
            texts = product.report(scope, self._server_ids, until)
            self.warnings += [text for text in texts if text not in self.warnings]
        except CloudError as error:
            if passes_by_itself(error, product.retry):
                raise
            self.leave_out(scope, error)
