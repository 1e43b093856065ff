from __future__ import annotations

import re
from typing import Any

from tests.house.test_workflows import steps
from tools.check_deployment.check import ROOT
from tools.check_deployment.document import read
from tools.deploy.plan import REQUIRED

FILE = ROOT / ".github/workflows/deploy.yml"
TEXT = FILE.read_text(encoding="utf-8")
WORKFLOW = read(FILE)


def test_only_tags() -> None:
    """It runs for version tags, and for nothing else."""
    assert WORKFLOW["on"] == {"push": {"tags": ["v*"]}}


def test_not_in_forks() -> None:
    """Every job waits for a variable that a fork does not have."""
    assert all(job["if"] == "vars.DEPLOY_REPOSITORY == github.repository" for job in WORKFLOW["jobs"].values())


def test_order() -> None:
    """Tests and build first; then the job that deploys, alone with the OIDC token and in a protected environment."""
    jobs = WORKFLOW["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/test.yml"
    assert [name for name, job in jobs.items() if "id-token" in job["permissions"]] == ["deploy"]
    assert (jobs["deploy"]["needs"], jobs["deploy"]["environment"]) == (["test", "build"], "production")


def test_the_job_with_the_token_builds_nothing() -> None:
    """It takes the ``dist/`` that the job before made, and installs by lock files alone (see tests/house)."""
    jobs = WORKFLOW["jobs"]
    assert commands(jobs["build"]) == ["make build"]
    assert jobs["build"]["env"] == {"RUNTIME": jobs["deploy"]["env"]["DEPLOY_RUNTIME"]}
    assert commands(jobs["deploy"]) == ["make serverless-devs", "make deploy BUILT=true YES=true"]
    handed, taken = (
        next(step["with"] for step in jobs[name]["steps"] if f"actions/{verb}-artifact@" in step.get("uses", ""))
        for name, verb in (("build", "upload"), ("deploy", "download"))
    )
    assert (handed["name"], handed["path"]) == (taken["name"], taken["path"]) == ("dist", "dist")
    used = {step["uses"].partition("@")[0] for step in jobs["deploy"]["steps"] if "uses" in step}
    assert used == {
        "actions/checkout",
        "actions/setup-python",
        "actions/setup-node",
        "actions/download-artifact",
        "aliyun/configure-aliyun-credentials-action",
    }


def commands(job: dict[str, Any]) -> list[str]:
    """What a job runs itself, in order."""
    return [step["run"] for step in job["steps"] if "run" in step]


def test_no_secrets() -> None:
    """No secret of the repository is used at all: only variables, and the role that the OIDC token may assume."""
    assert "secrets." not in TEXT
    assert not re.search(r"ACCESS_KEY|SECRET|PASSWORD|TOKEN", TEXT)
    assert set(re.findall(r"\$\{\{ (\w+)\.", TEXT)) == {"vars"}
    credentials = next(step for step in steps(FILE) if "configure-aliyun-credentials-action" in step.get("uses", ""))
    assert credentials["with"]["role-to-assume"] == "${{ vars.DEPLOY_OIDC_ROLE_ARN }}"
    assert credentials["with"]["oidc-provider-arn"] == "${{ vars.DEPLOY_OIDC_PROVIDER_ARN }}"


def test_variables() -> None:
    """Each variable of s.yaml but the layer's is passed on from a variable of the same name; nothing else is."""
    named = set(re.findall(r"env\('(DEPLOY_\w+)'", (ROOT / "s.yaml").read_text(encoding="utf-8")))
    passed = WORKFLOW["jobs"]["deploy"]["env"]
    assert set(passed) == named - {"DEPLOY_LAYER_ARN"} >= set(REQUIRED)
    assert all(value == f"${{{{ vars.{name} }}}}" for name, value in passed.items())
