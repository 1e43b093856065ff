"""Settings of every function with a journal: defaults, every accepted spelling, and errors that name the variable."""

from __future__ import annotations

from dataclasses import asdict, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spotkeeper.errors import BadSetting
from spotkeeper.settings.interruption import InterruptionSettings, Relaunch, RetainDisks, StopSource, UserData
from spotkeeper.settings.state_change import RestartRules, StateChangeSettings
from spotkeeper.settings.sweep import SweepSettings
from spotkeeper.settings.types import DirectoryLocation, Endpoint, Endpoints, OssLocation, TagFilter
from spotkeeper.settings.variables import KNOWN
from tests.sweep.stage import stage

JOURNAL = {"SPOTKEEPER_JOURNAL": "oss://bucket/journal"}
FUNCTIONS: list[Any] = [InterruptionSettings, StateChangeSettings, SweepSettings]
"""The settings with a journal."""


def parsed(of: Any = InterruptionSettings, **variables: str) -> Any:
    """The settings of a function in an environment with a journal and ``variables``."""
    return of.from_env({**JOURNAL, **variables})


def refusal(of: Any = InterruptionSettings, **variables: str) -> str:
    """The error for ``variables``."""
    with pytest.raises(BadSetting) as caught:
        parsed(of, **variables)
    return str(caught.value)


Row = tuple[str, Any, dict[str, str], Any]
"""A field, its default, variables that set it, and its value then."""
JOURNAL_ROW = (
    "journal",
    OssLocation("bucket", "journal"),
    {"SPOTKEEPER_JOURNAL": "file:///var/journal"},
    DirectoryLocation(Path("/var/journal")),
)
DRY_RUN = ("dry_run", False, {"SPOTKEEPER_DRY_RUN": "true"}, True)
TAG = (
    "managed_tag", TagFilter("spotkeeper:managed", "true"), {"SPOTKEEPER_MANAGED_TAG": "team"}, TagFilter("team"),
)  # fmt: skip
RESTART = (
    "restart",
    RestartRules(TagFilter("spotkeeper:auto-restart", "true"), 3, 3600.0),
    {
        "SPOTKEEPER_RESTART_TAG": "keep",
        "SPOTKEEPER_RESTART_LIMIT": "5",
        "SPOTKEEPER_RESTART_WINDOW_SECONDS": "600",
    },
    RestartRules(TagFilter("keep"), 5, 600.0),
)
ECS_AND_OSS = {"ECS_ENDPOINT": "http://127.0.0.1:8080", "OSS_ENDPOINT": "https://oss.aliyuncs.com"}
POINTS = Endpoints(ecs=Endpoint("http", "127.0.0.1:8080"), oss=Endpoint("https", "oss.aliyuncs.com"))
ENDPOINTS = (
    "endpoints",
    Endpoints(),
    {**ECS_AND_OSS, "SLB_ENDPOINT": "slb.aliyuncs.com"},
    replace(POINTS, slb=Endpoint("https", "slb.aliyuncs.com")),
)
SWEEP_ENDPOINTS = (
    "endpoints",
    Endpoints(),
    {**ECS_AND_OSS, "ESS_ENDPOINT": "ess.aliyuncs.com", "FUNCTION_COMPUTE_ENDPOINT": "1690701.fc.aliyuncs.com"},
    replace(POINTS, ess=Endpoint("https", "ess.aliyuncs.com"), fc=Endpoint("https", "1690701.fc.aliyuncs.com")),
)
TYPES, VSWITCHES = "ecs.g7.large, ecs.gn6i-c4g1.xlarge,ecs.g7.large", "vsw-bp1s5fnvk4gn2tws0,vsw-1"
HOOKS = "acs:eventbridge:cn-hangzhou:1690701234567830:eventbus/default"
TARGETS = (HOOKS, "acs:mns:cn-hangzhou:1:topic/t_1", "acs:mns:cn-hangzhou:1:queue/q-1", "acs:ess:cn-hangzhou:1:queue/q")

SETTINGS: dict[Any, list[Row]] = {
    InterruptionSettings: [
        JOURNAL_ROW, DRY_RUN, TAG, ENDPOINTS,
        ("require_recycling_lock", True, {"SPOTKEEPER_REQUIRE_RECYCLING_LOCK": "false"}, False),
        ("drain_seconds", 10.0, {"SPOTKEEPER_DRAIN_SECONDS": "2.5"}, 2.5),
        ("stop_source", StopSource.NEVER, {"SPOTKEEPER_STOP_SOURCE": "before-image"}, StopSource.BEFORE_IMAGE),
        ("retain_disks", RetainDisks.UNTIL_IMAGE, {"SPOTKEEPER_RETAIN_DISKS": "never"}, RetainDisks.NEVER),
        ("relaunch", Relaunch.FROM_IMAGE, {"SPOTKEEPER_RELAUNCH": "at-once"}, Relaunch.AT_ONCE),
        ("fallback_instance_types", (), {"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": TYPES},
         ("ecs.g7.large", "ecs.gn6i-c4g1.xlarge")),
        ("fallback_vswitch_ids", (), {"SPOTKEEPER_FALLBACK_VSWITCH_IDS": VSWITCHES},
         ("vsw-bp1s5fnvk4gn2tws0", "vsw-1")),
        ("fallback_on_demand", True, {"SPOTKEEPER_FALLBACK_ON_DEMAND": "false"}, False),
        ("user_data", UserData.KEEP, {"SPOTKEEPER_USER_DATA": "drop"}, UserData.DROP),
    ],
    StateChangeSettings: [JOURNAL_ROW, DRY_RUN, ENDPOINTS, RESTART],
    SweepSettings: [
        JOURNAL_ROW, DRY_RUN, TAG, SWEEP_ENDPOINTS,
        ("interruption_function", "spotkeeper-interruption",
         {"SPOTKEEPER_INTERRUPTION_FUNCTION": "_Rescue-2"}, "_Rescue-2"),
        ("limit", 50, {"SPOTKEEPER_SWEEP_LIMIT": "1000"}, 1000),
        ("delete", False, {"SPOTKEEPER_SWEEP_DELETE": "true"}, True),
        ("image_ttl_days", 7, {"SPOTKEEPER_IMAGE_TTL_DAYS": "0.5"}, 0.5),
        ("image_quota", 100, {"SPOTKEEPER_IMAGE_QUOTA": "250"}, 250),
        RESTART,
        ("state_change_function", "spotkeeper-state-change", {"SPOTKEEPER_STATE_CHANGE_FUNCTION": "other"}, "other"),
        ("hook_arns", (), {"SPOTKEEPER_HOOK_ARNS": HOOKS}, (HOOKS,)),
        ("lifecycle_hook_function", "spotkeeper-lifecycle-hook",
         {"SPOTKEEPER_LIFECYCLE_HOOK_FUNCTION": "other"}, "other"),
    ],
}  # fmt: skip
OWN = {of: {name: text for _, _, variables, _ in rows for name, text in variables.items()}
       for of, rows in SETTINGS.items()}  # fmt: skip
"""The variables of each, set."""
NAMES = sorted(KNOWN.union(*OWN.values()))
EACH = pytest.mark.parametrize("of", SETTINGS)


@EACH
def test_defaults(of: Any) -> None:
    """Only the journal must be set. Setting a variable to nothing is the same as not setting it, but for the tags."""
    names = set(NAMES) - {"SPOTKEEPER_JOURNAL", "SPOTKEEPER_MANAGED_TAG", "SPOTKEEPER_RESTART_TAG"}
    defaults = of(**{field: default for field, default, _, _ in SETTINGS[of]})
    assert parsed(of) == defaults
    assert parsed(of, **dict.fromkeys(names, "")) == defaults


@EACH
def test_other_functions_settings_are_known(of: Any) -> None:
    """All functions may share one environment, whatever the variables of the others hold."""
    others = dict.fromkeys(set(NAMES) - {*OWN[of], *JOURNAL}, "?")
    assert parsed(of, **others, ALIBABA_CLOUD_ACCESS_KEY_ID="x") == parsed(of)


@EACH
def test_everything_set(of: Any) -> None:
    """Each variable reaches its field, and no other field is left."""
    expected = of(**{field: value for field, _, _, value in SETTINGS[of]})
    assert asdict(of.from_env({**OWN[of], "PATH": "/usr/bin"})) == asdict(expected)


def test_no_restart_tag_is_no_instance() -> None:
    """An empty managed tag is every instance, an empty restart tag none."""
    assert parsed(StateChangeSettings, SPOTKEEPER_RESTART_TAG="").restart.tag is None


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SPOTKEEPER_DRYRUN", "; did you mean SPOTKEEPER_DRY_RUN?"),
        ("SPOTKEEPER_FALLBACK_VSWITCHES", "; did you mean SPOTKEEPER_FALLBACK_VSWITCH_IDS?"),
        ("SPOTKEEPER_", ""),
        ("SPOTKEEPER_SWEEP_DELTE", "; did you mean SPOTKEEPER_SWEEP_DELETE?"),
        ("SPOTKEEPER_IMAGE_TTL", "; did you mean SPOTKEEPER_IMAGE_TTL_DAYS?"),
    ],
)
def test_unknown_setting(name: str, hint: str) -> None:
    """A misspelt variable is an error that names it, and the variable that was probably meant."""
    assert {refusal(each, **{name: ""}) for each in SETTINGS} == {f"{name} is not a setting{hint}"}


REFUSED: list[tuple[str, str, list[str]]] = [
    ("SPOTKEEPER_DRY_RUN", "true or false", ["yes", "True"]),
    ("SPOTKEEPER_REQUIRE_RECYCLING_LOCK", "true or false", ["false "]),
    ("SPOTKEEPER_FALLBACK_ON_DEMAND", "true or false", ["0"]),
    ("SPOTKEEPER_SWEEP_DELETE", "true or false", ["yes", "True", "1"]),
    ("SPOTKEEPER_DRAIN_SECONDS", "from 0 to 240", ["-1", "241", "nan", "1e1", "\u0661", "10s"]),
    ("SPOTKEEPER_STOP_SOURCE", "before-image, before-relaunch, never", ["always"]),
    ("SPOTKEEPER_RETAIN_DISKS", "until-image, never", ["until_image"]),
    ("SPOTKEEPER_RELAUNCH", "from-image, at-once, none", ["NONE"]),
    ("SPOTKEEPER_USER_DATA", "keep, drop", ["true"]),
    ("SPOTKEEPER_FALLBACK_INSTANCE_TYPES", "comma-separated instance types such as ecs.g7.large",
     ["g7.large", "ecs.g7.large,,ecs.g6.large", "ecs.g7.large;ecs.g6.large"]),
    ("SPOTKEEPER_FALLBACK_VSWITCH_IDS", "vSwitch ids", ["vpc-1"]),
    ("SPOTKEEPER_MANAGED_TAG", "key=value", ["=true", " a=b", "a=b ", "a =b", "a= b", "a ", " ", "a=b\n", "a\tb=c",
     "a=http://b", "https://a"]),
    ("SPOTKEEPER_JOURNAL", "oss://bucket/prefix or file:///directory",
     ["/var/journal", "oss://bucket", "oss://bucket/", "oss://Bucket/prefix", "oss://b/prefix", "oss://bucket//prefix",
      "oss://bucket/a/../b", "oss://bucket/..", "file://host/directory", "file:///", "file:///a/../b",
      "file:/directory", "s3://bucket/prefix"]),
    ("SLB_ENDPOINT", "plain http for loopback addresses only",
     ["http://ecs.aliyuncs.com", "http://127.0.0.1.example.com", "http://localhost.example.com", "http://127.1",
      "http://0.0.0.0:80", "http://10.0.0.1", "http://[::2]", "http://2130706433"]),
    ("FUNCTION_COMPUTE_ENDPOINT", "a host, host:port or https://host:port without user, path and query",
     ["ftp://localhost", "//localhost", "https://", "https://host/path", "https://host#fragment", "http://localhost\n",
      "localhost:0", "localhost:65536", "localhost:", "localhost:port", "-host", "host..name", "host name", "host\n",
      "ho\u0455t", "a" * 64]),
    ("SPOTKEEPER_SWEEP_LIMIT", "a whole number from 0 to 1000", ["-1", "1001", "all", "2.5"]),
    ("SPOTKEEPER_IMAGE_TTL_DAYS", "from 0 to 3650", ["7d", "-0.5", "inf"]),
    ("SPOTKEEPER_IMAGE_QUOTA", "a whole number from 0 to 1000000", ["none", "0.5"]),
    ("SPOTKEEPER_INTERRUPTION_FUNCTION", "function name",
     ["2nd", "-x", "service/function", "a b", "r\u00e9scue", "x" * 65, "name\n"]),
    ("SPOTKEEPER_RESTART_LIMIT", "a whole number from 0 to 100", ["-1", "1.5", "many"]),
    ("SPOTKEEPER_RESTART_WINDOW_SECONDS", "from 60 to 2.592e+06", ["1h", "0", "59.9"]),
    ("SPOTKEEPER_RESTART_TAG", "key=value", ["=true"]),
    ("SPOTKEEPER_HOOK_ARNS", "comma-separated notification targets",
     ["eventbus/default", "acs:mns:cn-hangzhou:1:queues/q", "acs:eventbridge:cn-hangzhou:1:topic/t",
      "acs:mns:cn-hangzhou:1:topic/", "acs:mns:cn-hangzhou:1:queue/a/b", "acs:ess:cn-hangzhou:1:null/null",
      "acs:mns:cn-hangzhou:1:eventbus/default"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "accepted"), [(name, value, accepted) for name, accepted, values in REFUSED for value in values]
)
def test_refused_value(name: str, value: str, accepted: str) -> None:
    """The error says which variable, what it accepts and what was given."""
    message = refusal(next(of for of in SETTINGS if name in OWN[of]), **{name: value})

    assert message.startswith(f"{name} accepts ")
    assert accepted in message
    assert message.endswith(f", not {value!r}")


@pytest.mark.parametrize("value", [129 * "k", f"k={129 * 'v'}"])
def test_a_tag_that_is_too_long(value: str) -> None:
    """No instance can have it."""
    assert "128 characters at most" in refusal(SPOTKEEPER_MANAGED_TAG=value)


@pytest.mark.parametrize("environ", [{}, {"SPOTKEEPER_JOURNAL": ""}])
def test_missing_journal(environ: dict[str, str]) -> None:
    """There is no default place for the journal."""
    for each in FUNCTIONS:
        with pytest.raises(
            BadSetting, match="SPOTKEEPER_JOURNAL is required; it accepts oss://bucket/prefix or file:///"
        ):
            each.from_env(environ)


ACCEPTED: dict[str, tuple[str, list[tuple[str, object]]]] = {
    "SPOTKEEPER_JOURNAL": ("journal", [
        ("oss://bucket/a/b-1/.c_2", OssLocation("bucket", "a/b-1/.c_2")),
        ("oss://bucket/prefix/", OssLocation("bucket", "prefix")),
        ("file:///a/b%20c", DirectoryLocation(Path("/a/b c"))),
        ("file:///a/", DirectoryLocation(Path("/a"))),
    ]),
    "ECS_ENDPOINT": ("endpoints.ecs", [
        ("ecs.cn-hangzhou.aliyuncs.com", Endpoint("https", "ecs.cn-hangzhou.aliyuncs.com")),
        ("ecs.example.com:8443", Endpoint("https", "ecs.example.com:8443")),
        ("127.0.0.1:8080", Endpoint("https", "127.0.0.1:8080")),
        ("https://ECS.example.com/", Endpoint("https", "ecs.example.com")),
        ("HTTP://localhost:1", Endpoint("http", "localhost:1")),
        ("http://127.8.9.10", Endpoint("http", "127.8.9.10")),
        ("http://[::1]:65535", Endpoint("http", "[::1]:65535")),
        ("https://[2001:db8::1]", Endpoint("https", "[2001:db8::1]")),
    ]),
    "SPOTKEEPER_HOOK_ARNS": ("hook_arns", [(",".join(TARGETS), TARGETS)]),
    "SPOTKEEPER_RESTART_WINDOW_SECONDS": ("restart.window", [("60", 60.0)]),
    "SPOTKEEPER_MANAGED_TAG": ("managed_tag", [
        ("a=b=c", TagFilter("a", "b=c")),
        ("a=", TagFilter("a", "")),
        ("a", TagFilter("a")),
        ("a b=c d", TagFilter("a b", "c d")),
        (f"{128 * 'k'}={128 * 'v'}", TagFilter(128 * "k", 128 * "v")),
        ("", None),
    ]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "field", "text", "value"),
    [(name, field, text, value) for name, (field, rows) in ACCEPTED.items() for text, value in rows],
)
def test_accepted_spelling(name: str, field: str, text: str, value: object) -> None:
    """Journals; a host, host and port or URL, http only on this machine; a window; a tag, a bare key, or nothing."""
    assert attrgetter(field)(parsed(next(of for of in SETTINGS if name in OWN[of]), **{name: text})) == value


@pytest.mark.parametrize(
    "value",
    ["https://user:hunter2@host", "https://host/?Signature=hunter2", "user:hunter2@host", "https://hunter2\\@evil"],
)
def test_passwords_are_not_repeated(value: str) -> None:
    """A refused value that may hold a secret stays out of the message."""
    message = refusal(OSS_ENDPOINT=value)

    assert "OSS_ENDPOINT" in message
    assert "hunter2" not in message


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
    here.sweep_fails(BadSetting, match="SPOTKEEPER_SWEEP_LIMIT accepts", SPOTKEEPER_SWEEP_LIMIT="many")
    assert here.cloud.calls == []
