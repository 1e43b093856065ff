from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.deployment.deploy_stage import KEYS, SECRET, Deployment
from tests.deployment.stage import FUNCTIONS, said
from tools.check_deployment.resolve import ACCOUNT
from tools.deploy.access import CLI_VARIABLES, KEY_VARIABLE

if TYPE_CHECKING:
    import pytest

LAYER = f"acs:fc:cn-hangzhou:{ACCOUNT}:layers/spotkeeper/versions/"


def test_first_deployment(deployment: Deployment) -> None:
    """It shows the plan, publishes the layer, deploys the functions with it, and reads back what there is."""
    status, out, err = deployment.run()
    assert (status, err) == (0, "")
    assert deployment.changes == ["publish", "deploy"]
    assert list(deployment.state["functions"]) == list(FUNCTIONS)
    assert all(function["layers"] == [f"{LAYER}1"] for function in deployment.state["functions"].values())
    plan, _, made = out.partition("cn-hangzhou has now:")
    assert plan.index("It will create or change") < plan.index("Publishing the layer")
    for name in FUNCTIONS:
        assert f"function  spotkeeper-{name.replace('_', '-')}" in plan
        assert f":functions/spotkeeper-{name.replace('_', '-')}, triggers: {name.replace('_', '-')}" in made
    assert "layer     spotkeeper, version 1" in made
    assert "To undo: make undeploy" in made


def test_zip_as_it_is(deployment: Deployment) -> None:
    """The layer that is published is the zip that was packaged, for the runtime that runs it."""
    deployment.run()
    publish = next(call["arguments"] for call in deployment.calls if "publish" in call["arguments"])
    assert publish[publish.index("--code") + 1] == str(deployment.root / "dist/layer.zip")
    assert publish[publish.index("--compatible-runtime") + 1] == "python3.10"
    assert all((deployment.root / "dist" / f"functions-{name}.zip").is_file() for name in FUNCTIONS), (
        "what s.yaml names as code"
    )


def test_built_elsewhere(deployment: Deployment) -> None:
    """BUILT=true builds nothing and deploys what was handed over, if it is of this checkout."""
    status, _, _ = deployment.run(BUILT="true")
    assert (status, deployment.changes, deployment.build.called) == (0, ["publish", "deploy"], False)
    deployment.run()
    assert deployment.build.called


def test_ci_and_credentials(deployment: Deployment) -> None:
    """Every call has CI=true; keys go over as JSON with their token, and nothing is left that would go before it."""
    deployment.run()
    acting = [call for call in deployment.calls if call["arguments"] != ["-v"]]
    assert len(acting) >= 4
    for call in acting:
        assert call["environ"]["CI"] == "true"
        assert call["arguments"][call["arguments"].index("-a") + 1] == KEY_VARIABLE
        assert json.loads(call["environ"][KEY_VARIABLE]) == KEYS
        assert not set(CLI_VARIABLES) & set(call["environ"])


def test_no_secret_is_printed(deployment: Deployment) -> None:
    """Neither in success nor in failure."""
    assert SECRET not in "".join(deployment.run()[1:])
    deployment.play(fail={"layer publish": "no"})
    assert SECRET not in "".join(deployment.run()[1:])


def test_second_run(deployment: Deployment) -> None:
    """With the same content the layer stays at its version; with another it gets the next."""
    deployment.run()
    status, out, _ = deployment.run()
    assert (status, len(deployment.state["layer"])) == (0, 1)
    assert "layer     spotkeeper, version 1" in out
    (deployment.root / "dist/layer/python/one.txt").write_text("new", encoding="utf-8")
    status, out, _ = deployment.run()
    assert status == 0
    assert "layer     spotkeeper, version 2" in out
    assert all(function["layers"] == [f"{LAYER}2"] for function in deployment.state["functions"].values())


def test_layer_left_in_the_shell(deployment: Deployment) -> None:
    """A layer ARN from an earlier deployment, even of another region, is neither deployed again nor in the way."""
    status, _, _ = deployment.run(DEPLOY_LAYER_ARN="acs:fc:cn-beijing:1690701234567830:layers/old/versions/9")
    assert status == 0
    assert deployment.state["functions"]["sweep"]["layers"] == [f"{LAYER}1"]


def test_elsewhere(deployment: Deployment) -> None:
    """Region and prefix decide names and ARNs."""
    status, out, _ = deployment.run(DEPLOY_REGION="eu-central-1", DEPLOY_PREFIX="rescue", DEPLOY_DRY_RUN="true")
    assert status == 0
    assert "SPOTKEEPER_DRY_RUN is true" in out
    sweep = deployment.state["functions"]["sweep"]
    assert sweep["functionName"] == "rescue-sweep"
    assert sweep["layers"] == [f"acs:fc:eu-central-1:{ACCOUNT}:layers/rescue/versions/1"]


def test_dry_run(deployment: Deployment) -> None:
    """DRY_RUN=true shows the plan and changes nothing."""
    status, out, _ = deployment.run(DRY_RUN="true")
    assert (status, deployment.changes) == (0, [])
    assert "It will create or change" in out
    assert "Nothing was changed" in out


def test_nobody_to_ask(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal somebody has to say yes; at a terminal no means no."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    status, _, err = deployment.without("YES").run()
    assert (status, deployment.changes) == (2, [])
    assert "say YES=true" in err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert deployment.without("YES").run()[0] == 0
    assert deployment.changes == []
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert deployment.without("YES").run()[0] == 0
    assert deployment.changes == ["publish", "deploy"]


def test_publish_fails(deployment: Deployment) -> None:
    """Then no function is touched, and the CLI's own words are there without its advertisement."""
    deployment.play(fail={"layer publish": "AccessDenied: no permission fc:CreateLayerVersion"})
    status, _, err = deployment.run()
    assert (status, deployment.state["functions"]) == (1, {})
    assert "deploy" not in deployment.changes
    assert (
        "the layer was not published, and no function was touched: s cli fc3@0.1.22 layer publish: AccessDenied" in err
    )
    assert "complete log" not in err


def test_deploy_fails_half_way(deployment: Deployment) -> None:
    """It says what is deployed and what is not, and the next run finishes it."""
    deployment.play(fail={"deploy": "lifecycle_hook"})
    status, _, err = deployment.run()
    assert status == 1
    assert "AccessDenied: the caller has no permission fc:UpdateFunction" in err
    assert "Deployed: interruption, state_change; not, or not completely: lifecycle_hook, sweep" in err
    assert "Run make deploy again" in err
    deployment.play(fail={})
    status, out, _ = deployment.run()
    assert (status, list(deployment.state["functions"])) == (0, list(FUNCTIONS))
    assert "layer     spotkeeper, version 1" in out


def test_looked_at_afterwards(deployment: Deployment) -> None:
    """A deployment that ended well and did not make a trigger is a failure."""
    deployment.play(lost_triggers=1)
    status, _, err = deployment.run()
    assert status == 1
    assert "spotkeeper-sweep: trigger sweep is missing" in err


def test_account_left_to_the_cli(deployment: Deployment) -> None:
    """The strict check accepts the layer as it is deployed, the account left for the CLI to fill in."""
    assert said(deployment.root.parent, environ={"DEPLOY_LAYER_ARN": f"{LAYER}3"}) == []
