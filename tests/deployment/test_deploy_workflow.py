from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tools.check_deployment.check import ROOT
from tools.check_deployment.document import read
from tools.deploy.plan import REQUIRED

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = ROOT / ".github/workflows/deploy.yml"
TEXT = FILE.read_text(encoding="utf-8")
WORKFLOW = read(FILE)


def steps() -> Iterator[dict[str, Any]]:
    """All steps of all jobs."""
    for job in WORKFLOW["jobs"].values():
        yield from job.get("steps", [])


def test_only_tags() -> None:
    """It runs for version tags, and for nothing else."""
    assert WORKFLOW["on"] == {"push": {"tags": ["v*"]}}


def test_not_in_forks() -> None:
    """Every job waits for a variable that a fork does not have."""
    assert all(job["if"] == "vars.DEPLOY_REPOSITORY == github.repository" for job in WORKFLOW["jobs"].values())


def test_order() -> None:
    """The tests first; then the job that deploys, alone with the OIDC token and in a protected environment."""
    jobs = WORKFLOW["jobs"]
    assert jobs["test"]["uses"] == "./.github/workflows/test.yml"
    assert [name for name, job in jobs.items() if "id-token" in job["permissions"]] == ["deploy"]
    assert (jobs["deploy"]["needs"], jobs["deploy"]["environment"]) == ("test", "production")


def test_commands() -> None:
    """The CLI, then the deployment."""
    assert [step["run"] for step in steps() if "run" in step] == ["make serverless-devs", "make deploy YES=true"]


def test_no_secrets() -> None:
    """No secret of the repository is used at all: only variables, and the role that the OIDC token may assume."""
    assert "secrets." not in TEXT
    assert not re.search(r"ACCESS_KEY|SECRET|PASSWORD|TOKEN", TEXT)
    assert set(re.findall(r"\$\{\{ (\w+)\.", TEXT)) == {"vars"}
    credentials = next(step for step in steps() if "configure-aliyun-credentials-action" in step.get("uses", ""))
    assert credentials["with"]["role-to-assume"] == "${{ vars.DEPLOY_OIDC_ROLE_ARN }}"
    assert credentials["with"]["oidc-provider-arn"] == "${{ vars.DEPLOY_OIDC_PROVIDER_ARN }}"


def test_variables() -> None:
    """Each variable of s.yaml but the layer's is passed on from one of the same name; so is nothing else."""
    named = set(re.findall(r"env\('(DEPLOY_\w+)'", (ROOT / "s.yaml").read_text(encoding="utf-8")))
    passed = WORKFLOW["jobs"]["deploy"]["env"]
    assert set(passed) == named - {"DEPLOY_LAYER_ARN"} >= set(REQUIRED)
    assert all(value == f"${{{{ vars.{name} }}}}" for name, value in passed.items())
