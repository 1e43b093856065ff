"""The sweep's settings: defaults, every accepted spelling, and errors that name the variable."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotkeeper.errors import BadSetting
from spotkeeper.settings import (
    KNOWN,
    DirectoryLocation,
    Endpoint,
    Endpoints,
    OssLocation,
    SweepSettings,
    TagFilter,
)
from tests.sweep.stage import stage

JOURNAL = {"SPOTKEEPER_JOURNAL": "oss://bucket/journal"}
ENDPOINTS = {"ECS_ENDPOINT", "OSS_ENDPOINT", "FUNCTION_COMPUTE_ENDPOINT"}

DEFAULTS = SweepSettings(
    journal=OssLocation("bucket", "journal"),
    endpoints=Endpoints(),
    managed_tag=TagFilter("spotkeeper:managed", "true"),
    dry_run=False,
    interruption_function="spotkeeper-interruption",
    limit=50,
    delete=False,
    image_ttl_days=7,
    image_quota=100,
)


def parsed(**variables: str) -> SweepSettings:
    """The settings in an environment with a journal and ``variables``."""
    return SweepSettings.from_env({**JOURNAL, **variables})


def refusal(**variables: str) -> str:
    """What the error for ``variables`` says."""
    with pytest.raises(BadSetting) as caught:
        parsed(**variables)
    return str(caught.value)


def test_defaults() -> None:
    """Only the journal must be set."""
    assert parsed() == DEFAULTS


def test_empty_is_the_default() -> None:
    """Setting a variable to nothing is the same as not setting it, but for the tag."""
    names = KNOWN - {"SPOTKEEPER_JOURNAL", "SPOTKEEPER_MANAGED_TAG"} | ENDPOINTS
    assert parsed(**dict.fromkeys(names, "")) == DEFAULTS


def test_everything_set() -> None:
    """Each variable reaches its field."""
    everything = SweepSettings.from_env(
        {
            "SPOTKEEPER_JOURNAL": "file:///var/journal",
            "ECS_ENDPOINT": "http://127.0.0.1:8080",
            "OSS_ENDPOINT": "https://oss-cn-hangzhou-internal.aliyuncs.com",
            "FUNCTION_COMPUTE_ENDPOINT": "1690701234567830.cn-hangzhou.fc.aliyuncs.com",
            "SPOTKEEPER_MANAGED_TAG": "team",
            "SPOTKEEPER_DRY_RUN": "true",
            "SPOTKEEPER_INTERRUPTION_FUNCTION": "_Rescue-2",
            "SPOTKEEPER_SWEEP_LIMIT": "1000",
            "SPOTKEEPER_SWEEP_DELETE": "true",
            "SPOTKEEPER_IMAGE_TTL_DAYS": "0.5",
            "SPOTKEEPER_IMAGE_QUOTA": "250",
        }
    )
    assert everything == SweepSettings(
        journal=DirectoryLocation(Path("/var/journal")),
        endpoints=Endpoints(
            ecs=Endpoint("http", "127.0.0.1:8080"),
            oss=Endpoint("https", "oss-cn-hangzhou-internal.aliyuncs.com"),
            fc=Endpoint("https", "1690701234567830.cn-hangzhou.fc.aliyuncs.com"),
        ),
        managed_tag=TagFilter("team"),
        dry_run=True,
        interruption_function="_Rescue-2",
        limit=1000,
        delete=True,
        image_ttl_days=0.5,
        image_quota=250,
    )


def test_no_tag_is_all_instances() -> None:
    """The one variable in which nothing means something."""
    assert parsed(SPOTKEEPER_MANAGED_TAG="").managed_tag is None


def test_other_functions_settings_are_known() -> None:
    """All functions may share one environment, whatever the others' variables hold."""
    assert parsed(SPOTKEEPER_RESTART_LIMIT="?", SPOTKEEPER_RELAUNCH="?", SLB_ENDPOINT="?") == DEFAULTS


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SPOTKEEPER_SWEEP_DELTE", "; did you mean SPOTKEEPER_SWEEP_DELETE?"),
        ("SPOTKEEPER_SWEEPLIMIT", "; did you mean SPOTKEEPER_SWEEP_LIMIT?"),
        ("SPOTKEEPER_IMAGE_TTL", "; did you mean SPOTKEEPER_IMAGE_TTL_DAYS?"),
    ],
)
def test_unknown_setting(name: str, hint: str) -> None:
    """A misspelt variable is an error that names it, and the one that was probably meant."""
    assert refusal(**{name: ""}) == f"{name} is not a setting{hint}"


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("SPOTKEEPER_SWEEP_DELETE", "yes", "true or false"),
        ("SPOTKEEPER_SWEEP_DELETE", "True", "true or false"),
        ("SPOTKEEPER_SWEEP_DELETE", "1", "true or false"),
        ("SPOTKEEPER_DRY_RUN", " true", "true or false"),
        ("SPOTKEEPER_SWEEP_LIMIT", "-1", "from 0 to 1000"),
        ("SPOTKEEPER_SWEEP_LIMIT", "1001", "from 0 to 1000"),
        ("SPOTKEEPER_SWEEP_LIMIT", "all", "from 0 to 1000"),
        ("SPOTKEEPER_SWEEP_LIMIT", "2.5", "whole number"),
        ("SPOTKEEPER_IMAGE_TTL_DAYS", "7d", "from 0 to 3650"),
        ("SPOTKEEPER_IMAGE_TTL_DAYS", "-0.5", "from 0 to 3650"),
        ("SPOTKEEPER_IMAGE_TTL_DAYS", "inf", "from 0 to 3650"),
        ("SPOTKEEPER_IMAGE_QUOTA", "none", "from 0 to 1000000"),
        ("SPOTKEEPER_IMAGE_QUOTA", "0.5", "whole number"),
        ("SPOTKEEPER_INTERRUPTION_FUNCTION", "2nd", "function name"),
        ("SPOTKEEPER_INTERRUPTION_FUNCTION", "-x", "function name"),
        ("SPOTKEEPER_INTERRUPTION_FUNCTION", "service/function", "function name"),
        ("SPOTKEEPER_INTERRUPTION_FUNCTION", "a b", "function name"),
        ("SPOTKEEPER_INTERRUPTION_FUNCTION", "r\u00e9scue", "function name"),
        ("SPOTKEEPER_INTERRUPTION_FUNCTION", "x" * 65, "function name"),
        ("SPOTKEEPER_INTERRUPTION_FUNCTION", "name\n", "function name"),
        ("SPOTKEEPER_MANAGED_TAG", "=true", "key=value"),
        ("SPOTKEEPER_JOURNAL", "oss://bucket", "oss://bucket/prefix"),
    ],
)
def test_refused_value(name: str, value: str, accepted: str) -> None:
    """The error says which variable, what it accepts and what was given."""
    message = refusal(**{name: value})
    assert message.startswith(f"{name} accepts ")
    assert accepted in message
    assert message.endswith(f", not {value!r}")


@pytest.mark.parametrize("value", ["http://fc.aliyuncs.com", "https://host/2023-03-30", "host:0"])
def test_refused_endpoint(value: str) -> None:
    """As for the other endpoints: no plain http but for loopback, no path."""
    assert refusal(FUNCTION_COMPUTE_ENDPOINT=value).startswith("FUNCTION_COMPUTE_ENDPOINT accepts ")


def test_missing_journal() -> None:
    """There is no default place for the journal."""
    with pytest.raises(BadSetting, match="SPOTKEEPER_JOURNAL is required"):
        SweepSettings.from_env({})


def test_a_bad_setting_sweeps_nothing() -> None:
    """The handler raises before it asks the cloud anything."""
    here = stage()
    with pytest.raises(BadSetting, match="SPOTKEEPER_SWEEP_LIMIT accepts"):
        here.sweep(SPOTKEEPER_SWEEP_LIMIT="many")
    assert here.cloud.calls == []


NAMES = sorted(KNOWN | ENDPOINTS)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30)))
def test_anything_is_settings_or_names_the_variable(environ: dict[str, str]) -> None:
    """Any environment is accepted, or refused with an error that begins with a variable's name."""
    message = None
    try:
        SweepSettings.from_env(environ)
    except BadSetting as error:
        message = str(error)
    assert message is None or message.split()[0] in NAMES
