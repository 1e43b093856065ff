"""The run context of a sweep, with the time budget of the current job."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from spotkeeper.clients import Api
from spotkeeper.clock import TimeLimit
from spotkeeper.credentials import Credentials
from spotkeeper.errors import DeadlineReached
from spotkeeper.invoke import Functions
from spotkeeper.journal import Journal
from spotkeeper.run_context import RunContext
from spotkeeper.settings.sweep import SweepSettings

T = TypeVar("T")

SHARE = 0.5
GOLDEN = 0x9E3779B1
"""The golden section of 2 ** 32: starting points at this distance leave no large gap on a circle."""


@dataclass(kw_only=True)
class Context(RunContext[SweepSettings]):
    """``home`` is ``<account>/<region>``; ``now`` is when the sweep began; ``step_limit`` is the budget of the job.

    The next job gets the rest of a budget.
    """

    credentials: Credentials = field(repr=False)
    journal: Journal
    home: str
    now: float

    @functools.cached_property
    def functions(self) -> Functions:
        """The other functions of this region."""
        return Functions(self.ecs.region, self.credentials, self.settings.endpoints.fc, self.step_limit)

    def begin(self) -> None:
        """The budget of the next job: half of the rest of the call, so that no job starves the next."""
        self.step_limit.until = self.deadline.sooner(max(0.0, self.deadline.remaining()) * SHARE)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Reads end early enough that half of the budget remains for actions."""
        until = self.step_limit.until
        self.step_limit.until = self.deadline.sooner(max(0.0, self.step_limit.remaining()) * (1 - SHARE))
        try:
            yield
        finally:
            self.step_limit.until = until

    def each(self, items: Sequence[T], reserve: float = 0.0) -> Iterator[T]:
        """The items, while more than ``reserve`` seconds of the budget are left."""
        for item in items:
            if self.step_limit.remaining() <= reserve:
                return
            yield item

    def turn(self, name: str) -> int:
        """A sort key that begins elsewhere in each minute.

        Where each sweep has time for a share of the names, all have their turn in little more than 1/share sweeps.
        """
        return (zlib.crc32(name.encode()) + int(self.now // 60) * GOLDEN) % 2**32


class TimedApi(Api):
    """An API that lists nothing once the budget is used up: a job may list many groups in a row."""

    def pages(
        self, action: str, about: str, parameters: Mapping[str, Any], *, until: TimeLimit | None = None
    ) -> Iterator[dict[str, Any]]:
        """See ``Api.pages``. Raises ``DeadlineReached``."""
        if self._deadline.remaining() <= 0:
            raise DeadlineReached(f"{action} on {about} is left to the next sweep")
        yield from super().pages(action, about, parameters, until=until)
