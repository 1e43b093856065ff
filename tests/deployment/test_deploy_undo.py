from __future__ import annotations

from typing import TYPE_CHECKING

from tests.deployment.deploy_stage import NEEDED, Deployment

if TYPE_CHECKING:
    import pytest


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


def test_failure_that_the_cli_hides(deployment: Deployment) -> None:
    """`s remove` ends with 0 although a function is still there: it is looked at, and the layer stays with it."""
    deployment.run()
    deployment.play(fail={"remove": "sweep"})
    status, _, err = deployment.run("undeploy")
    assert status == 1
    assert "still deployed: spotkeeper-sweep. s remove says:" in err
    assert deployment.state["layer"]


def test_unknown_is_not_gone(deployment: Deployment) -> None:
    """Where it cannot be seen whether a function is there, it is not called gone."""
    deployment.run()
    deployment.play(fail={"info": "AccessDenied: no permission fc:GetFunction"})
    status, _, err = deployment.run("undeploy")
    assert status == 1
    assert "whether spotkeeper-interruption still exists is unknown" in err


def test_layer_that_stays(deployment: Deployment) -> None:
    """So is a layer that could not be removed."""
    deployment.run()
    deployment.play(fail={"layer remove": "CodeNotReady: the layer is in use"})
    status, _, err = deployment.run("undeploy")
    assert status == 1
    assert "the layer still has versions [1]" in err
