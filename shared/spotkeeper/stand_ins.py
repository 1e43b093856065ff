"""Stand-ins for packages that the SDKs import and a call does not use: each is imported at its first use.

The asynchronous clients, websockets, RSA signatures, a scheduler of the default credential chain and the encrypting OSS
client would take two fifths of the CPU before the first request (``make bench``). ``importlib.util.LazyLoader`` is no
help: the SDKs write ``from aiohttp import ClientResponse``, which it answers by importing the package.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType
from typing import Any

UNUSED = frozenset({"Crypto", "aiofiles", "aiohttp", "apscheduler", "asyncio", "cryptography", "websocket"})


@contextmanager
def stand_ins() -> Iterator[None]:
    """Imports inside get stand-ins for the packages of ``UNUSED`` that are not imported yet."""
    finder = _Finder(UNUSED - sys.modules.keys())
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for package in UNUSED:
            finder.forget(package)


class _Finder(MetaPathFinder, Loader):
    """Finds ``packages`` and their modules, and makes a stand-in for each."""

    def __init__(self, packages: frozenset[str]) -> None:
        self._packages = packages
        self._made: dict[str, ModuleType] = {}

    def find_spec(self, name: str, _path: object, _target: object = None) -> ModuleSpec | None:
        """A package, as far as the import is told: only packages have modules in them."""
        return spec_from_loader(name, self, is_package=True) if _package(name) in self._packages else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The stand-in."""
        return self._made.setdefault(spec.name, _StandInModule(spec.name, self))

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is executed."""

    def forget(self, package: str) -> None:
        """Whoever imports the package from now on gets the package."""
        self._packages -= {package}
        for name, module in self._made.items():
            if _package(name) == package and sys.modules.get(name) is module:
                del sys.modules[name]

    def knows(self, package: str) -> bool:
        """Whether the package still has a stand-in."""
        return package in self._packages

    def used(self, module: str, name: str) -> Any:
        """What the package itself has by this name: an attribute, or a module as in ``from package import module``."""
        self.forget(_package(module))
        found = importlib.import_module(module)
        if not hasattr(found, name):
            with suppress(ModuleNotFoundError):
                return importlib.import_module(f"{module}.{name}")
        return getattr(found, name)


class _StandInModule(ModuleType):
    """A module that is not imported yet."""

    def __init__(self, name: str, finder: _Finder) -> None:
        super().__init__(name)
        self._finder = finder

    def __getattr__(self, name: str) -> Any:
        """A stand-in while the SDK is being imported; after that, the attribute itself."""
        if not self._finder.knows(_package(self.__name__)):
            return self._finder.used(self.__name__, name)
        if name.startswith("__"):
            raise AttributeError(name)
        return _StandIn(self.__name__, name, self._finder)


class _StandIn:
    """A class or function of a module that is not imported yet."""

    def __init__(self, module: str, name: str, finder: _Finder) -> None:
        self._place, self._finder = (module, name), finder

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self._finder.used(*self._place)(*arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder.used(*self._place), name)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._finder.used(*self._place))

    def __mro_entries__(self, _bases: object) -> tuple[Any]:
        return (self._finder.used(*self._place),)


def _package(module: str) -> str:
    return module.partition(".")[0]
