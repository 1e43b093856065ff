from __future__ import annotations

import pytest

from tests.deployment.deploy_stage import NEEDED, Deployment


def test_undeploy(deployment: Deployment) -> None:
    """Functions and layer go, functions first; what stays is said beforehand; buckets need not be named for it."""
    deployment.run()
    status, out, err = deployment.without(*NEEDED).run("undeploy")
    assert (status, err) == (0, "")
    assert (deployment.state["functions"], deployment.state["layer"]) == ({}, [])
    assert deployment.changes[-2:] == ["remove", "remove"]
    before, _, after = out.partition("Removed: ")
    assert before.index("What stays") < before.index("spotkeeper:episode")
    assert after


def test_nothing_there(deployment: Deployment) -> None:
    """A second time it finds nothing to do."""
    assert deployment.run("undeploy")[0] == 0
    assert deployment.run("undeploy")[0] == 0


def test_shown_only(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """DRY_RUN=true removes nothing, and neither does a run that nobody has agreed to."""
    deployment.run()
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert deployment.run("undeploy", DRY_RUN="true")[0] == 0
    assert deployment.without("YES").run("undeploy")[0] == 2
    assert "remove" not in deployment.changes


@pytest.mark.parametrize(
    ("fail", "words"),
    [
        ({"remove": "sweep"}, "still deployed: spotkeeper-sweep. s remove says:"),
        ({"info": "AccessDenied: no fc:GetFunction"}, "whether spotkeeper-interruption still exists is unknown"),
        ({"layer remove": "CodeNotReady: the layer is in use"}, "the layer still has versions [1]"),
    ],
)
def test_what_is_still_there(deployment: Deployment, fail: dict[str, str], words: str) -> None:
    """`s remove` ends with 0 all the same: what is there, or unknown, is not called gone, and the layer stays."""
    deployment.run()
    deployment.play(fail=fail)
    status, _, err = deployment.run("undeploy")
    assert status == 1
    assert words in err
    assert deployment.state["layer"]
