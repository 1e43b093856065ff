from __future__ import annotations

from typing import Any

import pytest

from spotkeeper.settings import interruption, lifecycle_hook, state_change, sweep
from spotkeeper.settings.variables import KNOWN
from tests.deployment.stage import FUNCTIONS, props
from tools import build
from tools.check_deployment import environment
from tools.check_deployment.check import ROOT

MODULES = (interruption, lifecycle_hook, state_change, sweep)
CLASSES = {name for module in MODULES for name, member in vars(module).items() if hasattr(member, "from_env")}
"""Every class of settings that there is."""

ACCOUNT = "1690701234567830"


def readers(function: str) -> list[type[Any]]:
    """The settings classes of a function."""
    return [*environment.classes(ROOT / "functions" / function)]


def test_functions() -> None:
    """What is deployed is what is built, and each settings class is found at the function that reads it."""
    assert set(FUNCTIONS) == set(build.functions(ROOT))
    found = {reader.__name__ for function in FUNCTIONS for reader in readers(function)}
    assert found == CLASSES


def test_every_setting() -> None:
    """The functions share all that the settings module knows and all endpoints that it reads, and nothing else."""
    read = set().union(*(environment.read_by(ROOT / "functions" / function) for function in FUNCTIONS))
    assert read >= KNOWN
    assert {name for name in read - KNOWN if not name.endswith("_ENDPOINT")} == set()
    for function in FUNCTIONS:
        assert set(props(function)["environmentVariables"]) == read


@pytest.mark.parametrize("function", FUNCTIONS)
def test_defaults(function: str) -> None:
    """Every value but where hooks notify is the default in the code: deployed or not, a function reads the same."""
    deployed = dict(props(function)["environmentVariables"])
    assert deployed["SPOTKEEPER_JOURNAL"] == "oss://journal-of-ours/spotkeeper"
    # The account's id is known to Serverless Devs alone.
    deployed["SPOTKEEPER_HOOK_ARNS"] = deployed["SPOTKEEPER_HOOK_ARNS"].replace("${config('AccountID')}", ACCOUNT)
    alone = {name: deployed[name] for name in ("SPOTKEEPER_JOURNAL", "SPOTKEEPER_HOOK_ARNS")}
    for reader in readers(function):
        assert reader.from_env(deployed) == reader.from_env(alone)


def test_hooks() -> None:
    """The sweep looks after the hooks that notify the bus of the triggers, without being told."""
    deployed = props("sweep")["environmentVariables"]["SPOTKEEPER_HOOK_ARNS"]
    assert deployed == "acs:eventbridge:cn-hangzhou:${config('AccountID')}:eventbus/default"


def test_names() -> None:
    """The functions are called what sweep's defaults call them."""
    swept = sweep.SweepSettings.from_env({"SPOTKEEPER_JOURNAL": "oss://bucket/prefix"})
    assert props("interruption")["functionName"] == swept.interruption_function
    assert props("state_change")["functionName"] == swept.state_change_function
    assert props("lifecycle_hook")["functionName"] == swept.lifecycle_hook_function


def test_finds_what_is_read() -> None:
    """What a settings class asks an environment for is noted, whatever it has."""
    environ = environment.Recording({"A": "1"})
    assert (environ.get("A"), environ.get("B", "2"), environ.asked) == ("1", "2", {"A", "B"})
