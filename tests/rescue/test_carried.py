"""Every field that Describe shows and every parameter that RunInstances takes is in a table of what is carried."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from alibabacloud_ecs20140526 import models

from rescue.launch_spec import disk_settings, instance_settings
from tests.rescue import settings_tables
from tests.rescue.settings_tables import names

INSTANCE = "DescribeInstancesResponseBodyInstancesInstance"
DISK = "DescribeDisksResponseBodyDisksDisk"
SAMPLES: dict[str, Any] = {"str": "x", "int": 1, "bool": True, "float": 1.5}

FIELDS = {
    INSTANCE: (
        instance_settings.PLAIN,
        settings_tables.INSTANCE_COMPUTED,
        instance_settings.LISTED,
        settings_tables.INSTANCE_LISTED_BY_CODE,
        names(settings_tables.INSTANCE_NOT_CARRIED),
    ),
    DISK: (
        disk_settings.PLAIN,
        disk_settings.OF_CATEGORY,
        settings_tables.DISK_COMPUTED,
        disk_settings.LISTED,
        settings_tables.DISK_LISTED_BY_CODE,
        names(settings_tables.DISK_NOT_CARRIED),
    ),
}
"""Response model -> its tables."""
SENT_BY_THE_RESCUE = {"Amount", "ClientToken", "RegionId", "PasswordInherit", "UserData", "RamRoleName"}
"""Parameters that are not made of a field of DescribeInstances or DescribeDisks."""


def filled(model: str) -> dict[str, Any]:
    """A model of the SDK with a value in every attribute, under the API's own names."""
    kind = getattr(models, model)
    made = kind()
    for name, parameter in inspect.signature(kind.__init__).parameters.items():
        if name != "self":
            setattr(made, name, _sample(str(parameter.annotation)))
    return dict(made.to_map())


def _sample(annotation: str) -> Any:
    if annotation.startswith("List["):
        return [_sample(annotation[5:-1])]
    if annotation.startswith("main_models."):
        inner = annotation.removeprefix("main_models.")
        return getattr(models, inner)().from_map(filled(inner))
    return SAMPLES[annotation]


def leaves(document: Any, path: str = "") -> Iterable[str]:
    """The paths of all values, lists passed through."""
    if isinstance(document, Mapping):
        for name, inner in document.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(document, list):
        for inner in document:
            yield from leaves(inner, path)
    else:
        yield path


def known(path: str, table: Iterable[str]) -> bool:
    """Whether a table has a path or something above it."""
    return any(path == item or path.startswith(f"{item}.") for item in table)


CASES = [
    pytest.param(model, path, id=f"{kind}-{path}")
    for kind, model in (("instance", INSTANCE), ("disk", DISK))
    for path in sorted(set(leaves(filled(model))))
]


@pytest.mark.parametrize(("model", "path"), CASES)
def test_every_field_of_a_response_is_carried_listed_or_no_setting(model: str, path: str) -> None:
    """A field that a newer SDK shows is in no table: say what becomes of it."""
    assert any(known(path, table) for table in FIELDS[model]), f"{path} is neither carried nor listed"


@pytest.mark.parametrize("model", FIELDS)
def test_no_table_knows_what_the_sdk_does_not(model: str) -> None:
    """A misspelt field would never be found in an answer."""
    shown = set(leaves(filled(model)))
    named = {path for table in FIELDS[model] for path in table}
    assert [path for path in named if not any(known(item, [path]) for item in shown)] == []


@pytest.mark.parametrize("model", FIELDS)
def test_no_field_is_carried_and_not(model: str) -> None:
    """A carried field is no loss, and a field that is no setting is neither (a disk's flags are carried or listed)."""
    tables = [set(table) for table in FIELDS[model]]
    twice = {path for number, table in enumerate(tables) for other in tables[number + 1 :] for path in table & other}
    assert twice <= {"DeleteWithInstance", "Device"}


def _sent() -> set[str]:
    disk = {*disk_settings.PLAIN, *disk_settings.OF_CATEGORY, "Encrypted", "KMSKeyId"}
    members = {f"{name}.{member}" for name in ("SystemDisk", "DataDisk") for member in disk}
    of_instances = {*instance_settings.PLAIN.values(), *settings_tables.INSTANCE_COMPUTED.values()}
    return of_instances | members | {"DataDisk.Device", "DataDisk.DeleteWithInstance"} | SENT_BY_THE_RESCUE


def _not_sent() -> set[str]:
    disk = names(settings_tables.DISK_NOT_REQUESTED)
    members = {f"{name}.{member}" for name in ("SystemDisk", "DataDisk") for member in disk}
    return names(settings_tables.NOT_REQUESTED) | members


@pytest.mark.parametrize("path", sorted(set(leaves(filled("RunInstancesRequest")))))
def test_every_parameter_of_run_instances_is_sent_or_has_a_reason(path: str) -> None:
    """A parameter that a newer SDK has could carry something: say what becomes of it."""
    assert known(path, _sent()) != known(path, _not_sent()), f"{path} is neither sent nor explained, or both"


def test_what_may_be_refused_is_sent() -> None:
    """Only what is sent can be left out."""
    assert {name for name in instance_settings.DOUBTFUL if not any(known(path, [name]) for path in _sent())} == set()
    assert set(instance_settings.BOUND_TO_TYPE) <= set(instance_settings.DOUBTFUL)


@pytest.mark.parametrize("path", sorted(instance_settings.UNSET))
def test_values_that_mean_not_set(path: str) -> None:
    """They are looked up by paths that are carried or listed."""
    assert path in {**instance_settings.PLAIN, **instance_settings.LISTED}
