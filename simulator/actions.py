"""The base of a product: methods that answer one API action each, and their parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from simulator.error_catalogue import refusal
from simulator.wire import ApiError, from_json, uncovered

__all__ = ["Answer", "Parameters", "Product", "action", "invalid", "missing", "uncovered"]

Answer = dict[str, Any]
Method = TypeVar("Method", bound=Callable[..., Answer])

# Inside ``Parameters`` these names mean its methods.
_Int = int
_Bool = bool
_List = list[Any]

_MARK = "_simulator_action"


class Parameters(Mapping[str, Any]):
    """The parameters of one call, validated and typed (``Tag`` is a list of dicts).

    Parameters that were not sent are absent; empty strings count as not sent. It records which parameters were
    read: a Describe with a filter that is not implemented must not answer as if there were no filter.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)
        self._read: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        """The value. Raises ApiError where the parameter is missing."""
        self._read.add(name)
        if name not in self._values:
            raise missing(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> _Bool:
        self._read.add(str(name))
        return name in self._values

    def get(self, key: str, default: Any = None) -> Any:
        """The value, or ``default`` where it was not sent."""
        self._read.add(key)
        return self._values.get(key, default)

    def int(self, name: str, default: _Int) -> _Int:
        """An integer parameter."""
        return int(self.get(name, default))

    def bool(self, name: str, default: _Bool = False) -> _Bool:  # noqa: FBT002 - reads p.bool("Force")
        """A boolean parameter."""
        return bool(self.get(name, default))

    def list(self, name: str) -> _List:
        """A repeated parameter (``Name.1``, ``Name.2``, …); empty where it was not sent."""
        value = self.get(name, [])
        return value if isinstance(value, list) else [value]

    def json(self, name: str, default: Any = None) -> Any:
        """A string parameter that holds JSON.

        Raises ApiError (400 ``InvalidParameter``) where it does not.
        """
        text = self.get(name)
        if text is None:
            return default
        try:
            return from_json(text)
        except (TypeError, ValueError):
            raise invalid(name, "it is not valid JSON") from None

    def covers(self, *names: str) -> None:
        """Mark parameters as read: filters that are only read where there is something to filter."""
        self._read.update(names)

    def plain(self) -> dict[str, Any]:
        """All values, for comparisons and logs."""
        return dict(self._values)

    def read(self) -> set[str]:
        """Names of the parameters that were read."""
        return set(self._read)

    def unread(self) -> set[str]:
        """Names of the parameters that were sent and never read."""
        return set(self._values) - self._read


def missing(name: str) -> ApiError:
    """The refusal of a call without a mandatory parameter."""
    return refusal(
        "MissingParameter",
        f'The input parameter "{name}" that is mandatory for processing this request is not supplied.',
    )


def invalid(name: str, why: str) -> ApiError:
    """The refusal of a value that cannot be used."""
    return refusal("InvalidParameter", f'The specified parameter "{name}" is not valid: {why}.')


def action(name: str) -> Callable[[Method], Method]:
    """Mark a method of a product as the answer to API action ``name``."""

    def mark(method: Method) -> Method:
        setattr(method, _MARK, name)
        return method

    return mark


class Product:
    """Base of a product: collects its actions by API name.

    Each is called with ``Parameters`` and answers the body without ``RequestId``.
    """

    def __init__(self) -> None:
        self.actions: dict[str, Callable[[Parameters], Answer]] = {}
        for attribute in dir(type(self)):
            name = getattr(getattr(type(self), attribute), _MARK, None)
            if name is not None:
                self.actions[name] = getattr(self, attribute)

    def progress(self) -> None:
        """Bring every state up to the clock's present; called before each action."""
