"""An SDK's ``models``, each module of which is imported when one of its classes is first asked for.

The package's own ``__init__`` imports all of them (ECS: 1,152), which takes longer than all other work before the first
request; a call needs three. The SDK's client names the classes in its methods only.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Collection
from pathlib import Path
from types import ModuleType
from typing import Any


def models_on_demand(package: str) -> ModuleType:
    """The ``models`` of an SDK package (``alibabacloud_ecs20140526``). Call it before the SDK's client is imported."""
    if known := sys.modules.get(f"{package}.models"):
        return known
    spec = importlib.util.find_spec(f"{package}.models")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} has no models")
    models = importlib.util.module_from_spec(spec)  # not executed: its execution imports all modules
    modules = [path.stem for path in Path(spec.submodule_search_locations[0]).iterdir()]

    def find(class_name: str) -> Any:
        module = module_of(class_name, modules)
        found = getattr(importlib.import_module(f"{models.__name__}.{module}"), class_name)
        vars(models)[class_name] = found  # the next access finds it here
        return found

    vars(models)["__getattr__"] = find  # PEP 562
    return sys.modules.setdefault(models.__name__, models)


def module_of(class_name: str, modules: Collection[str]) -> str:
    """The module of a class or of its outer class: ``DescribeTagsRequestTag`` -> ``_describe_tags_request``.

    Raises ``AttributeError`` for an unknown class.
    """
    wanted = class_name.lower()
    fitting = [module for module in modules if wanted.startswith(module.replace("_", ""))]
    if not fitting:
        raise AttributeError(class_name)
    return max(fitting, key=len)
