"""The journal in a directory: for drills, tests and a single machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from spotkeeper.errors import JournalUnavailable
from spotkeeper.records import parse, written


class DirectoryJournal:
    """One file per record.

    A record is written aside and then linked into place: a link fails where the name exists, and nobody ever sees half
    a record.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self, key: str, record: dict[str, Any]) -> dict[str, Any]:
        """See ``Journal.create``."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._link(path, written(record))
        except OSError as error:
            raise self._unavailable("write", key, error) from error
        standing = self.read(key)
        if standing is None:
            raise JournalUnavailable(f"journal record {key} in {self._root} vanished after it was written")
        return standing

    def read(self, key: str) -> dict[str, Any] | None:
        """See ``Journal.read``."""
        try:
            content = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unavailable("read", key, error) from error
        return parse(content, key)

    def keys(self, prefix: str, *, most: int | None = None) -> list[str]:
        """See ``Journal.keys``."""
        folder = self._root / prefix.rpartition("/")[0]
        found: list[str] = []
        for path, _, names in os.walk(folder, onerror=self._listing_failed):
            found += [
                (Path(path) / name).relative_to(self._root).as_posix().removesuffix(".json")
                for name in names
                if name.endswith(".json")
            ]
        return sorted(key for key in found if key.startswith(prefix))[:most]

    def hint(self, key: str, record: dict[str, Any], *, patience: float = 0.0) -> None:  # noqa: ARG002 - see below
        """See ``Journal.hint``. A file system that refuses goes on refusing: nothing is tried again."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._link(path, written(record))
        except OSError as error:
            raise self._unavailable("write", key, error) from error

    def delete(self, key: str, *, patience: float = 0.0) -> None:  # noqa: ARG002 - as above
        """See ``Journal.delete``."""
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise self._unavailable("delete", key, error) from error

    def _path(self, key: str) -> Path:
        return self._root / f"{key}.json"

    def _link(self, path: Path, content: bytes) -> None:
        descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            os.unlink(aside)  # noqa: PTH108 - mkstemp speaks in strings

    def _listing_failed(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise self._unavailable("list", "", error) from error

    def _unavailable(self, verb: str, key: str, error: OSError) -> JournalUnavailable:
        return JournalUnavailable(
            f"cannot {verb} journal record {key or '(listing)'} in {self._root}: {error.strerror}; "
            "check SPOTKEEPER_JOURNAL"
        )
