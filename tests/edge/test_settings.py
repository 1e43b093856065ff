"""Settings of every function with a journal: defaults, every accepted spelling, and errors that name the variable."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotkeeper.errors import BadSetting
from spotkeeper.settings import (
    KNOWN,
    DirectoryLocation,
    Endpoint,
    Endpoints,
    HandBackSettings,
    InterruptionSettings,
    OssLocation,
    Relaunch,
    RestartRules,
    RetainDisks,
    StateChangeSettings,
    StopSource,
    SweepSettings,
    TagFilter,
    UserData,
)
from tests.sweep.stage import stage

JOURNAL = {"SPOTKEEPER_JOURNAL": "oss://bucket/journal"}


ENDPOINTS = {"ECS_ENDPOINT", "SLB_ENDPOINT", "OSS_ENDPOINT", "FUNCTION_COMPUTE_ENDPOINT"}
NAMES = sorted(KNOWN | ENDPOINTS)
FUNCTIONS: list[Any] = [InterruptionSettings, StateChangeSettings, SweepSettings]
READERS: dict[str, Any] = {
    **dict.fromkeys(("SWEEP", "IMAGE", "INTERRUPTION"), SweepSettings),
    "RESTART": StateChangeSettings,
}
"""Second word of a variable -> the settings that read it, where those are not of ``interruption``."""


def parsed(of: Any = InterruptionSettings, **variables: str) -> Any:
    """The settings of a function in an environment with a journal and ``variables``."""
    return of.from_env({**JOURNAL, **variables})


def refusal(of: Any = InterruptionSettings, **variables: str) -> str:
    """The error for ``variables``."""
    with pytest.raises(BadSetting) as caught:
        parsed(of, **variables)
    return str(caught.value)


DEFAULTS = InterruptionSettings(
    journal=OssLocation("bucket", "journal"),
    endpoints=Endpoints(),
    managed_tag=TagFilter("spotkeeper:managed", "true"),
    dry_run=False,
    require_recycling_lock=True,
    drain_seconds=10.0,
    stop_source=StopSource.NEVER,
    retain_disks=RetainDisks.UNTIL_IMAGE,
    relaunch=Relaunch.FROM_IMAGE,
    fallback_instance_types=(),
    fallback_vswitch_ids=(),
    fallback_on_demand=True,
    user_data=UserData.KEEP,
)
SWEEP = SweepSettings(
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
RULES = RestartRules(TagFilter("spotkeeper:auto-restart", "true"), 3, 3600.0)
RESTARTS = StateChangeSettings(OssLocation("bucket", "journal"), Endpoints(), dry_run=False, restart=RULES)
ALL_DEFAULTS = pytest.mark.parametrize("defaults", [DEFAULTS, RESTARTS, SWEEP], ids=lambda each: type(each).__name__)


@ALL_DEFAULTS
def test_defaults(defaults: Any) -> None:
    """Only the journal must be set. Setting a variable to nothing is the same as not setting it, but for the tags."""
    names = set(NAMES) - {"SPOTKEEPER_JOURNAL", "SPOTKEEPER_MANAGED_TAG", "SPOTKEEPER_RESTART_TAG"}
    assert parsed(type(defaults)) == defaults
    assert parsed(type(defaults), **dict.fromkeys(names, "")) == defaults


@ALL_DEFAULTS
def test_other_functions_settings_are_known(defaults: Any) -> None:
    """All functions may share one environment, whatever the variables of the others hold."""
    own = {
        RESTARTS: {"SPOTKEEPER_RELAUNCH": "?", "SPOTKEEPER_SWEEP_LIMIT": "?"},
        DEFAULTS: {"SPOTKEEPER_SWEEP_LIMIT": "?"},
    }
    others = own.get(defaults, {"SPOTKEEPER_RELAUNCH": "?", "SLB_ENDPOINT": "?"})
    assert parsed(type(defaults), **others, ALIBABA_CLOUD_ACCESS_KEY_ID="x") == defaults


def test_no_restart_tag_is_no_instance() -> None:
    """An empty managed tag is every instance, an empty restart tag none."""
    assert parsed(StateChangeSettings, SPOTKEEPER_RESTART_TAG="").restart.tag is None


JOURNAL_SET = ("journal", {"SPOTKEEPER_JOURNAL": "file:///var/journal"}, DirectoryLocation(Path("/var/journal")))
DRY_SET = ("dry_run", {"SPOTKEEPER_DRY_RUN": "true"}, True)
TAG_SET = ("managed_tag", {"SPOTKEEPER_MANAGED_TAG": "team"}, TagFilter("team"))
RESTART_SET = (
    "restart",
    {
        "SPOTKEEPER_RESTART_TAG": "keep",
        "SPOTKEEPER_RESTART_LIMIT": "5",
        "SPOTKEEPER_RESTART_WINDOW_SECONDS": "600",
    },
    RestartRules(TagFilter("keep"), 5, 600.0),
)
ECS, SLB = {"ECS_ENDPOINT": "http://127.0.0.1:8080"}, {"SLB_ENDPOINT": "slb.aliyuncs.com"}
OSS, FC = {"OSS_ENDPOINT": "https://oss.aliyuncs.com"}, {"FUNCTION_COMPUTE_ENDPOINT": "1690701.fc.aliyuncs.com"}
POINTS = Endpoints(ecs=Endpoint("http", "127.0.0.1:8080"), oss=Endpoint("https", "oss.aliyuncs.com"))
WITH_SLB = replace(POINTS, slb=Endpoint("https", "slb.aliyuncs.com"))
TYPES, VSWITCHES = "ecs.g7.large, ecs.gn6i-c4g1.xlarge,ecs.g7.large", "vsw-bp1s5fnvk4gn2tws0,vsw-1"

EVERYTHING: list[tuple[Any, list[tuple[str, dict[str, str], Any]]]] = [
    (InterruptionSettings, [
        JOURNAL_SET, DRY_SET, TAG_SET,
        ("endpoints", {**ECS, **SLB, **OSS}, WITH_SLB),
        ("require_recycling_lock", {"SPOTKEEPER_REQUIRE_RECYCLING_LOCK": "false"}, False),
        ("drain_seconds", {"SPOTKEEPER_DRAIN_SECONDS": "2.5"}, 2.5),
        ("stop_source", {"SPOTKEEPER_STOP_SOURCE": "before-image"}, StopSource.BEFORE_IMAGE),
        ("retain_disks", {"SPOTKEEPER_RETAIN_DISKS": "never"}, RetainDisks.NEVER),
        ("relaunch", {"SPOTKEEPER_RELAUNCH": "at-once"}, Relaunch.AT_ONCE),
        ("fallback_instance_types", {"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": TYPES},
         ("ecs.g7.large", "ecs.gn6i-c4g1.xlarge")),
        ("fallback_vswitch_ids", {"SPOTKEEPER_FALLBACK_VSWITCH_IDS": VSWITCHES}, ("vsw-bp1s5fnvk4gn2tws0", "vsw-1")),
        ("fallback_on_demand", {"SPOTKEEPER_FALLBACK_ON_DEMAND": "false"}, False),
        ("user_data", {"SPOTKEEPER_USER_DATA": "drop"}, UserData.DROP),
    ]),
    (SweepSettings, [
        JOURNAL_SET, DRY_SET, TAG_SET,
        ("endpoints", {**ECS, **OSS, **FC}, replace(POINTS, fc=Endpoint("https", "1690701.fc.aliyuncs.com"))),
        ("interruption_function", {"SPOTKEEPER_INTERRUPTION_FUNCTION": "_Rescue-2"}, "_Rescue-2"),
        ("limit", {"SPOTKEEPER_SWEEP_LIMIT": "1000"}, 1000),
        ("delete", {"SPOTKEEPER_SWEEP_DELETE": "true"}, True),
        ("image_ttl_days", {"SPOTKEEPER_IMAGE_TTL_DAYS": "0.5"}, 0.5),
        ("image_quota", {"SPOTKEEPER_IMAGE_QUOTA": "250"}, 250),
    ]),
    (StateChangeSettings, [JOURNAL_SET, DRY_SET, ("endpoints", {**ECS, **SLB, **OSS}, WITH_SLB), RESTART_SET]),
    (HandBackSettings, [
        RESTART_SET, ("state_change_function", {"SPOTKEEPER_STATE_CHANGE_FUNCTION": "other"}, "other"),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("of", "rows"), EVERYTHING, ids=[of.__name__ for of, _ in EVERYTHING])
def test_everything_set(of: Any, rows: list[tuple[str, dict[str, str], Any]]) -> None:
    """Each variable reaches its field, and no other field is left."""
    environ = {name: text for _, variables, _ in rows for name, text in variables.items()}
    assert asdict(of.from_env({**environ, "PATH": "/usr/bin"})) == asdict(of(**{row[0]: row[2] for row in rows}))


def test_the_sweep_reads_the_rules_of_restarts() -> None:
    """With the defaults of state_change."""
    assert HandBackSettings.from_env({}) == HandBackSettings("spotkeeper-state-change", RULES)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SPOTKEEPER_DRYRUN", "; did you mean SPOTKEEPER_DRY_RUN?"),
        ("SPOTKEEPER_FALLBACK_VSWITCHES", "; did you mean SPOTKEEPER_FALLBACK_VSWITCH_IDS?"),
        ("SPOTKEEPER_", ""),
        ("SPOTKEEPER_SWEEP_DELTE", "; did you mean SPOTKEEPER_SWEEP_DELETE?"),
        ("SPOTKEEPER_SWEEPLIMIT", "; did you mean SPOTKEEPER_SWEEP_LIMIT?"),
        ("SPOTKEEPER_IMAGE_TTL", "; did you mean SPOTKEEPER_IMAGE_TTL_DAYS?"),
    ],
)
def test_unknown_setting(name: str, hint: str) -> None:
    """A misspelt variable is an error that names it, and the one that was probably meant."""
    assert {refusal(each, **{name: ""}) for each in FUNCTIONS} == {f"{name} is not a setting{hint}"}


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("SPOTKEEPER_DRY_RUN", "yes", "true or false"),
        ("SPOTKEEPER_DRY_RUN", "True", "true or false"),
        ("SPOTKEEPER_REQUIRE_RECYCLING_LOCK", "false ", "true or false"),
        ("SPOTKEEPER_FALLBACK_ON_DEMAND", "0", "true or false"),
        ("SPOTKEEPER_DRAIN_SECONDS", "-1", "from 0 to 240"),
        ("SPOTKEEPER_DRAIN_SECONDS", "241", "from 0 to 240"),
        ("SPOTKEEPER_DRAIN_SECONDS", "nan", "from 0 to 240"),
        ("SPOTKEEPER_DRAIN_SECONDS", "1e1", "from 0 to 240"),
        ("SPOTKEEPER_DRAIN_SECONDS", "\u0661", "from 0 to 240"),
        ("SPOTKEEPER_DRAIN_SECONDS", "10s", "from 0 to 240"),
        ("SPOTKEEPER_STOP_SOURCE", "always", "before-image, before-relaunch, never"),
        ("SPOTKEEPER_RETAIN_DISKS", "until_image", "until-image, never"),
        ("SPOTKEEPER_RELAUNCH", "NONE", "from-image, at-once, none"),
        ("SPOTKEEPER_USER_DATA", "true", "keep, drop"),
        ("SPOTKEEPER_FALLBACK_INSTANCE_TYPES", "g7.large", "ecs.g7.large"),
        ("SPOTKEEPER_FALLBACK_INSTANCE_TYPES", "ecs.g7.large,,ecs.g6.large", "comma-separated"),
        ("SPOTKEEPER_FALLBACK_INSTANCE_TYPES", "ecs.g7.large;ecs.g6.large", "comma-separated"),
        ("SPOTKEEPER_FALLBACK_VSWITCH_IDS", "vpc-1", "vSwitch ids"),
        ("SPOTKEEPER_MANAGED_TAG", "=true", "key=value"),
        ("SPOTKEEPER_JOURNAL", "/var/journal", "oss://bucket/prefix or file:///directory"),
        ("SPOTKEEPER_JOURNAL", "oss://bucket", "oss://bucket/prefix"),
        ("SPOTKEEPER_JOURNAL", "oss://bucket/", "oss://bucket/prefix"),
        ("SPOTKEEPER_JOURNAL", "oss://Bucket/prefix", "oss://bucket/prefix"),
        ("SPOTKEEPER_JOURNAL", "oss://b/prefix", "oss://bucket/prefix"),
        ("SPOTKEEPER_JOURNAL", "oss://bucket//prefix", "oss://bucket/prefix"),
        ("SPOTKEEPER_JOURNAL", "oss://bucket/a/../b", "oss://bucket/prefix"),
        ("SPOTKEEPER_JOURNAL", "oss://bucket/..", "oss://bucket/prefix"),
        ("SPOTKEEPER_JOURNAL", "file://host/directory", "file:///directory"),
        ("SPOTKEEPER_JOURNAL", "file:///", "file:///directory"),
        ("SPOTKEEPER_JOURNAL", "file:///a/../b", "file:///directory"),
        ("SPOTKEEPER_JOURNAL", "file:/directory", "file:///directory"),
        ("SPOTKEEPER_JOURNAL", "s3://bucket/prefix", "oss://bucket/prefix"),
        ("SPOTKEEPER_SWEEP_DELETE", "yes", "true or false"),
        ("SPOTKEEPER_SWEEP_DELETE", "True", "true or false"),
        ("SPOTKEEPER_SWEEP_DELETE", "1", "true or false"),
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
        ("SPOTKEEPER_RESTART_LIMIT", "-1", "from 0 to"),
        ("SPOTKEEPER_RESTART_LIMIT", "1.5", "whole number"),
        ("SPOTKEEPER_RESTART_LIMIT", "many", "from 0 to"),
        ("SPOTKEEPER_RESTART_WINDOW_SECONDS", "1h", "from "),
        ("SPOTKEEPER_RESTART_TAG", "=true", "key=value"),
    ],
)
def test_refused_value(name: str, value: str, accepted: str) -> None:
    """The error says which variable, what it accepts and what was given."""
    readers = {
        "SWEEP": SweepSettings,
        "IMAGE": SweepSettings,
        "INTERRUPTION": SweepSettings,
        "RESTART": StateChangeSettings,
    }
    message = refusal(readers.get(name.split("_")[1], InterruptionSettings), **{name: value})

    assert message.startswith(f"{name} accepts ")
    assert accepted in message
    assert message.endswith(f", not {value!r}")


@pytest.mark.parametrize("environ", [{}, {"SPOTKEEPER_JOURNAL": ""}])
def test_missing_journal(environ: dict[str, str]) -> None:
    """There is no default place for the journal."""
    for each in FUNCTIONS:
        with pytest.raises(
            BadSetting, match="SPOTKEEPER_JOURNAL is required; it accepts oss://bucket/prefix or file:///"
        ):
            each.from_env(environ)


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("oss://bucket/a/b-1/.c_2", OssLocation("bucket", "a/b-1/.c_2")),
        ("oss://bucket/prefix/", OssLocation("bucket", "prefix")),
        ("file:///a/b%20c", DirectoryLocation(Path("/a/b c"))),
        ("file:///a/", DirectoryLocation(Path("/a"))),
    ],
)
def test_journal(url: str, location: object) -> None:
    """Both kinds of journal, in every spelling."""
    assert location == parsed(SPOTKEEPER_JOURNAL=url).journal


@pytest.mark.parametrize(
    ("value", "endpoint"),
    [
        ("ecs.cn-hangzhou.aliyuncs.com", Endpoint("https", "ecs.cn-hangzhou.aliyuncs.com")),
        ("ecs.example.com:8443", Endpoint("https", "ecs.example.com:8443")),
        ("127.0.0.1:8080", Endpoint("https", "127.0.0.1:8080")),
        ("https://ECS.example.com/", Endpoint("https", "ecs.example.com")),
        ("HTTP://localhost:1", Endpoint("http", "localhost:1")),
        ("http://127.8.9.10", Endpoint("http", "127.8.9.10")),
        ("http://[::1]:65535", Endpoint("http", "[::1]:65535")),
        ("https://[2001:db8::1]", Endpoint("https", "[2001:db8::1]")),
    ],
)
def test_endpoint(value: str, endpoint: Endpoint) -> None:
    """A host, a host with port, or a URL; http only on this machine."""
    assert endpoint == parsed(ECS_ENDPOINT=value).endpoints.ecs


@pytest.mark.parametrize(
    "value",
    [
        "http://ecs.aliyuncs.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://127.1",
        "http://0.0.0.0:80",
        "http://10.0.0.1",
        "http://[::2]",
        "http://2130706433",
        "ftp://localhost",
        "//localhost",
        "https://",
        "localhost:0",
        "localhost:65536",
        "localhost:",
        "localhost:port",
        "https://host/path",
        "-host",
        "host..name",
        "host name",
        "host\n",
        "http://localhost\n",
        "ho\u0455t",
        "https://host#fragment",
        "https://host\\@evil",
        "a" * 64,
    ],
)
def test_refused_endpoint(value: str) -> None:
    """Everything else is refused by name, with the value."""
    assert refusal(SLB_ENDPOINT=value).startswith("SLB_ENDPOINT accepts ")
    assert refusal(SweepSettings, FUNCTION_COMPUTE_ENDPOINT=value).startswith("FUNCTION_COMPUTE_ENDPOINT accepts ")


@pytest.mark.parametrize("value", ["https://user:hunter2@host", "https://host/?Signature=hunter2", "user:hunter2@host"])
def test_passwords_are_not_repeated(value: str) -> None:
    """A refused value that may hold a secret stays out of the message."""
    message = refusal(OSS_ENDPOINT=value)

    assert "OSS_ENDPOINT" in message
    assert "hunter2" not in message


def test_tags() -> None:
    """The value begins after the first equals sign; a bare key is any value; nothing is all."""
    assert TagFilter("a", "b=c") == parsed(SPOTKEEPER_MANAGED_TAG="a=b=c").managed_tag
    assert TagFilter("a", "") == parsed(SPOTKEEPER_MANAGED_TAG="a=").managed_tag
    assert TagFilter("a") == parsed(SPOTKEEPER_MANAGED_TAG="a").managed_tag
    assert parsed(SPOTKEEPER_MANAGED_TAG="").managed_tag is None


def test_tag_filter() -> None:
    """A filter compares exactly, and reads as it is written in the setting."""
    assert TagFilter("a", "b").matches({"a": "b", "c": "d"})
    assert TagFilter("a").matches({"a": ""})
    assert TagFilter("a", "").matches({"a": ""})
    assert not TagFilter("a", "").matches({"a": "b"})
    assert not TagFilter("a", "B").matches({"a": "b"})
    assert not TagFilter("A").matches({"a": "b"})
    assert not TagFilter("a", "b").matches({})
    assert [str(TagFilter("a", "b")), str(TagFilter("a", "")), str(TagFilter("a"))] == ["a=b", "a=", "a"]


@settings(max_examples=50)
@given(st.sampled_from(FUNCTIONS), st.dictionaries(st.sampled_from(NAMES), st.text(max_size=30)))
def test_anything_is_settings_or_names_the_variable(function: Any, environ: dict[str, str]) -> None:
    """Any environment is accepted, or refused with an error that begins with a variable's name."""
    message = None
    try:
        function.from_env(environ)
    except BadSetting as error:
        message = str(error)
    assert message is None or message.split()[0] in NAMES


def test_a_bad_setting_sweeps_nothing() -> None:
    """The handler raises before it asks the cloud anything."""
    here = stage()
    with pytest.raises(BadSetting, match="SPOTKEEPER_SWEEP_LIMIT accepts"):
        here.sweep(SPOTKEEPER_SWEEP_LIMIT="many")
    assert here.cloud.calls == []
