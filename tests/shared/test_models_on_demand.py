"""The SDKs' models on demand: every class is found where the SDK has it, and nothing else is imported."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from simulator.function_compute import ROOT
from spotkeeper.clients import SDK_PACKAGES
from spotkeeper.models_on_demand import module_of

LOADED = """
import sys
from spotkeeper.models_on_demand import models_on_demand
models = models_on_demand("alibabacloud_ecs20140526")
from alibabacloud_ecs20140526 import client, models as seen_by_user
request = models.DescribeInstancesRequest().from_map({"Tag": [{"Key": "team"}]})
assert client.main_models is seen_by_user is models_on_demand("alibabacloud_ecs20140526") is models
assert request.tag[0].key == "team"
print(*sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith("alibabacloud_ecs20140526.models.")))
"""


@pytest.mark.parametrize("package", sorted({*SDK_PACKAGES.values(), "alibabacloud_fc20230330"}))
def test_every_class_of_the_sdk_is_found(package: str) -> None:
    """Each class is looked for in the module from which the package's own __init__ takes it."""
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    folder = Path(spec.submodule_search_locations[0]) / "models"
    exported = re.findall(r"^from \.(\w+) import (\w+)$", (folder / "__init__.py").read_text("utf-8"), re.MULTILINE)
    modules = [path.stem for path in folder.iterdir()]

    assert len(exported) > 100
    assert [(name, module_of(name, modules)) for module, name in exported if module_of(name, modules) != module] == []


def test_only_what_is_asked_for_is_imported() -> None:
    """A request and what is nested in it are one module, and the SDK's client uses the very same classes."""
    environment = {"PYTHONPATH": str(ROOT / "shared")}
    loaded = subprocess.run([sys.executable, "-c", LOADED], env=environment, capture_output=True, check=True, text=True)
    assert loaded.stdout.split() == ["_describe_instances_request"]


def test_what_no_sdk_has() -> None:
    """An operation that does not exist is an AttributeError, as it is in the package itself."""
    with pytest.raises(AttributeError, match="NoSuchRequest"):
        module_of("NoSuchRequest", ["_describe_instances_request"])
