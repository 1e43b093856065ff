"""The journal in a directory: for drills, tests and a single machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from spotkeeper.errors import JournalUnavailable
from spotkeeper.journal.protocol import Journal
from spotkeeper.records import parse, written


class DirectoryJournal(Journal):
    """A file for each record.

    A record is written to a temporary file and then linked: a link fails where the name exists, and no reader sees half
    a record.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self, key: str, record: dict[str, Any]) -> dict[str, Any]:
        self.hint(key, record)
        standing = self.read(key)
        if standing is None:
            raise JournalUnavailable(f"journal record {key} in {self._root} vanished after it was written")
        return standing

    def read(self, key: str) -> dict[str, Any] | None:
        with self._errors("read", key):
            try:
                content = self._path(key).read_bytes()
            except FileNotFoundError:
                return None
        return parse(content, key)

    def keys(self, prefix: str, *, most: int | None = None) -> list[str]:
        folder = self._root / prefix.rpartition("/")[0]
        found: list[str] = []
        with self._errors("list", prefix):
            for path, _, names in os.walk(folder, onerror=self._listing_failed):
                files = (Path(path) / name for name in names if name.endswith(".json"))
                found += [file.relative_to(self._root).as_posix().removesuffix(".json") for file in files]
        return sorted(key for key in found if key.startswith(prefix))[:most]

    def hint(self, key: str, record: dict[str, Any], *, patience: float = 0.0) -> None:  # noqa: ARG002 - see below
        """An error of a file system does not pass by itself: nothing is tried again."""
        path = self._path(key)
        with self._errors("write", key):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._link(path, written(record))

    def delete(self, key: str, *, patience: float = 0.0) -> None:  # noqa: ARG002 - as above
        with self._errors("delete", key):
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._root / f"{key}.json"

    def _link(self, path: Path, content: bytes) -> None:
        descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            with suppress(FileExistsError):
                os.link(aside, path)
        finally:
            os.unlink(aside)  # noqa: PTH108 - mkstemp returns a text

    def _listing_failed(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    @contextmanager
    def _errors(self, verb: str, key: str) -> Iterator[None]:
        """Raises ``JournalUnavailable`` for an ``OSError``."""
        try:
            yield
        except OSError as error:
            problem = f"cannot {verb} journal record {key} in {self._root}: {error.strerror}"
            raise JournalUnavailable(f"{problem}; check SPOTKEEPER_JOURNAL") from error
