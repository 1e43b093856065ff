from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.deployment.deploy_stage import KEYS, SECRET, Deployment
from tests.deployment.loopback import answering
from tests.deployment.serverless_devs import VERSION
from tools.deploy.access import CLI_VARIABLES, KEY_VARIABLE

STS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.NTExample",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET,
    "ALIBABA_CLOUD_SECURITY_TOKEN": f"{SECRET}-token",
}


def refused(deployment: Deployment, **variables: str) -> str:
    """What it says where it refuses: exit code 2, nothing changed, no secret in it."""
    status, out, err = deployment.run(**variables)
    assert (status, deployment.changes) == (2, []), err
    assert SECRET not in out + err
    return err


def test_missing_variables(deployment: Deployment) -> None:
    """They are all named at once, with what they are."""
    err = refused(deployment.without("DEPLOY_JOURNAL_BUCKET", "DEPLOY_LOG_PROJECT"))
    assert err.startswith("spotkeeper deploy: DEPLOY_JOURNAL_BUCKET, DEPLOY_LOG_PROJECT: not set.")
    assert "DEPLOY_JOURNAL_BUCKET: the private, unversioned OSS bucket" in err


def test_misspelt_variable(deployment: Deployment) -> None:
    """A near miss is refused; a variable that is somebody else's is not."""
    assert "DEPLOY_REGON is no variable of s.yaml; did you mean DEPLOY_REGION?" in refused(deployment, DEPLOY_REGON="x")
    assert deployment.run(DRY_RUN="true", DEPLOY_ENV="prod", DEPLOY_TARGET_HOST="web")[0] == 0


@pytest.mark.parametrize(
    ("variables", "wrong"),
    [
        ({"DRY_RUN": "maybe"}, "'maybe' is not a valid boolean"),
        ({"DEPLOY_REGION": "cn-nowhere"}, '"cn-nowhere" is not accepted; accepted: a region of Function Compute'),
        ({"DEPLOY_DRY_RUN": "yes"}, "SPOTKEEPER_DRY_RUN: "),
        ({"DEPLOY_JOURNAL_BUCKET": "No_Bucket"}, "SPOTKEEPER_JOURNAL: "),
    ],
)
def test_bad_values(deployment: Deployment, variables: dict[str, str], wrong: str) -> None:
    """What the strict check refuses is refused before anything is asked."""
    assert wrong in refused(deployment, **variables)


def test_no_cli(deployment: Deployment, tmp_path: Path) -> None:
    """It says which version, and how to get it."""
    err = refused(deployment, PATH=str(tmp_path))
    assert (
        f"there is no Serverless Devs CLI {VERSION} here. Install Node 20 or later (https://nodejs.org), then run:"
        in err
    )


def test_another_cli(deployment: Deployment) -> None:
    """A CLI of another version is named, and not used: s.yaml is checked with the pinned version."""
    deployment.play(version="3.0.0")
    assert f"({deployment.home}/bin/s is 3.0.0)" in refused(deployment)


def test_broken_cli(deployment: Deployment) -> None:
    """So is a CLI that does not run, for want of Node."""
    (deployment.home / "bin/s").write_text("#!/no/such/node\n", encoding="utf-8")
    assert "is no Serverless Devs CLI that runs" in refused(deployment)


def test_no_credentials(deployment: Deployment) -> None:
    """It lists the three ways to give some."""
    err = refused(deployment.without(*CLI_VARIABLES))
    assert "no credentials" in err
    for way in ("npx s config add", "DEPLOY_ACCESS=", "ALIBABA_CLOUD_ACCESS_KEY_ID"):
        assert way in err


def test_aliases(deployment: Deployment) -> None:
    """The default alias of s config is used where nothing is set; a named alias goes before keys, and has to exist."""
    deployment.play(aliases=["default", "prod"])
    assert deployment.without(*CLI_VARIABLES).run()[0] == 0
    assert deployment.calls[-1]["arguments"][-1] == "default"
    assert deployment.run(DEPLOY_ACCESS="prod")[0] == 0
    assert deployment.calls[-1]["arguments"][-1] == "prod"
    assert not {KEY_VARIABLE, *CLI_VARIABLES} & set(deployment.calls[-1]["environ"])
    status, _, err = deployment.run(DEPLOY_ACCESS="test")
    assert status == 2
    assert "DEPLOY_ACCESS is test, and s config has no such alias" in err


def test_sts_role(deployment: Deployment) -> None:
    """STS credentials, as CI has them, are handed over with their token and the account that STS names."""
    with answering(GetCallerIdentity=(200, {"AccountId": "1690701234567830"})) as sts:
        status, out, err = deployment.without(*CLI_VARIABLES).run(**STS, STS_ENDPOINT=sts.url)
    assert (status, err) == (0, "")
    assert [action for action, _ in sts.seen] == ["GetCallerIdentity"]
    assert json.loads(deployment.calls[-1]["environ"][KEY_VARIABLE]) == {**KEYS, "AccessKeyID": "STS.NTExample"}
    assert SECRET not in out


def test_expired_sts(deployment: Deployment) -> None:
    """Credentials that STS refuses are a refusal, in its words."""
    gone = {"Code": "InvalidSecurityToken.Expired", "Message": "Specified SecurityToken is expired.", "RequestId": "R1"}
    with answering(GetCallerIdentity=(400, gone)) as sts:
        err = refused(deployment.without(*CLI_VARIABLES), **STS, STS_ENDPOINT=sts.url)
    assert "GetCallerIdentity" in err
    assert "InvalidSecurityToken.Expired" in err


def test_dirty_dist(deployment: Deployment) -> None:
    """A dist/ that is not what this checkout makes is not deployed."""
    (deployment.root / "dist/functions/sweep/index.py").write_text("changed = True\n", encoding="utf-8")
    assert "functions/sweep/index.py as it is now" in refused(deployment)


def test_dist_of_another_runtime(deployment: Deployment) -> None:
    """Bytecode and extension modules that the functions' runtime cannot load are not deployed."""
    err = refused(deployment, DEPLOY_RUNTIME="python3.12")
    assert "dist/ is built for python3.10, and s.yaml deploys to python3.12" in err
    assert [call.args[0].name for call in deployment.build.call_args_list] == ["python3.12"]


def test_other_resolution(deployment: Deployment) -> None:
    """Where the CLI makes something else of s.yaml than the check, what was checked is not what would be deployed."""
    deployment.play(preview={"name": "another"})
    status, _, err = deployment.run()
    assert (status, deployment.changes) == (1, [])
    assert "`s preview` resolves s.yaml differently" in err
