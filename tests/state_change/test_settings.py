"""What ``state_change``, and ``sweep`` for it, read from the environment."""

from __future__ import annotations

import pytest

from spotkeeper.errors import BadSetting
from spotkeeper.settings import (
    Endpoint,
    Endpoints,
    HandBackSettings,
    OssLocation,
    RestartRules,
    StateChangeSettings,
    TagFilter,
)

JOURNAL = {"SPOTKEEPER_JOURNAL": "oss://bucket/journal"}
RULES = RestartRules(TagFilter("spotkeeper:auto-restart", "true"), 3, 3600.0)
SET = {
    "SPOTKEEPER_RESTART_TAG": "keep",
    "SPOTKEEPER_RESTART_LIMIT": "5",
    "SPOTKEEPER_RESTART_WINDOW_SECONDS": "600",
}


def test_defaults() -> None:
    """Only the journal must be set."""
    assert StateChangeSettings.from_env(JOURNAL) == StateChangeSettings(
        OssLocation("bucket", "journal"), Endpoints(), dry_run=False, restart=RULES
    )
    assert HandBackSettings.from_env({}) == HandBackSettings("spotkeeper-state-change", RULES)


def test_everything_set() -> None:
    """Each variable reaches its field."""
    endpoints = dict.fromkeys(("ECS_ENDPOINT", "SLB_ENDPOINT", "OSS_ENDPOINT"), "http://127.0.0.1:1")
    settings = StateChangeSettings.from_env({**JOURNAL, **SET, **endpoints, "SPOTKEEPER_DRY_RUN": "true"})
    here = Endpoint("http", "127.0.0.1:1")
    assert (settings.endpoints, settings.dry_run) == (Endpoints(ecs=here, slb=here, oss=here), True)
    assert settings.restart == RestartRules(TagFilter("keep"), 5, 600.0)
    back = HandBackSettings.from_env({**SET, "SPOTKEEPER_STATE_CHANGE_FUNCTION": "other"})
    assert back == HandBackSettings("other", settings.restart)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPOTKEEPER_RESTART_LIMIT", "-1"),
        ("SPOTKEEPER_RESTART_LIMIT", "1.5"),
        ("SPOTKEEPER_RESTART_LIMIT", "many"),
        ("SPOTKEEPER_RESTART_WINDOW_SECONDS", "1h"),
        ("SPOTKEEPER_RESTART_TAG", "=true"),
        ("SPOTKEEPER_RESTART_TAGS", "keep"),
    ],
)
def test_refused(name: str, value: str) -> None:
    """The error names the variable, for either function."""
    for settings in (StateChangeSettings, HandBackSettings):
        with pytest.raises(BadSetting, match=name):
            settings.from_env({**JOURNAL, name: value})


def test_the_journal_is_required() -> None:
    """Restarts are counted there."""
    with pytest.raises(BadSetting, match="SPOTKEEPER_JOURNAL is required"):
        StateChangeSettings.from_env({})


def test_no_tag_is_no_instance() -> None:
    """The other variable in which nothing means something."""
    assert StateChangeSettings.from_env({**JOURNAL, "SPOTKEEPER_RESTART_TAG": ""}).restart.tag is None
