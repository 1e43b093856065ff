"""What holds for every workflow of GitHub, and for that of pull requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tools.build import ROOT

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
each_workflow = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def workflow(file: Path) -> dict[str, Any]:
    """A workflow, parsed as YAML 1.2."""
    document: dict[str, Any] = YAML(typ="safe").load(file)
    return document


def steps(file: Path) -> Iterator[dict[str, Any]]:
    """All steps of all jobs of a workflow."""
    for job in workflow(file)["jobs"].values():
        yield from job.get("steps", [])


@each_workflow
def test_actions_are_full_commits(file: Path) -> None:
    """Each with its version beside it, which dependabot keeps up; a tag or a branch may be moved."""
    used = re.findall(r"^ *(?:- )?uses: (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    for action in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\./\.github/workflows/[\w-]+\.yml", action)


def test_the_same_commit_everywhere() -> None:
    """An action has one commit in all workflows."""
    used = {one for file in FILES for one in re.findall(r"uses: (\S+@\S+)", file.read_text(encoding="utf-8"))}
    names = [one.partition("@")[0] for one in used]
    assert sorted(names) == sorted(set(names))


@each_workflow
def test_permissions(file: Path) -> None:
    """None by default; a job reads the code, and one job at most writes something: the OIDC token."""
    document = workflow(file)
    assert document["permissions"] == {}
    granted = [dict(job["permissions"]) for job in document["jobs"].values()]
    assert all(one.pop("contents") == "read" for one in granted)
    assert [one for one in granted if one] in ([], [{"id-token": "write"}])
    assert "pull_request_target" not in document["on"]


@each_workflow
def test_nothing_of_the_job_is_left_behind(file: Path) -> None:
    """No token in the checkout's configuration, and no cache that another branch could have filled."""
    for step in steps(file):
        given = step.get("with", {})
        assert not {"cache", "cache-dependency-path"} & given.keys()
        assert "checkout" not in step.get("uses", "") or given["persist-credentials"] is False


@each_workflow
def test_commands_are_targets_of_the_makefile(file: Path) -> None:
    """A laptop does the same; what a pull request's author chooses never becomes part of a command."""
    for command in (step["run"] for step in steps(file) if "run" in step):
        make, target, *variables = re.sub(r"\$\{\{ (\S+) \}\}", r"<\1>", command).split()
        assert make == "make"
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), command
        assert all(re.fullmatch(r"[A-Z]+=[\w.]*(<matrix\.\w+>)?", one) for one in variables), command


def test_pull_requests_are_tested_on_every_supported_python() -> None:
    """From the oldest to the newest that the Makefile accepts, beside the two of Function Compute."""
    document = workflow(ROOT / ".github/workflows/test.yml")
    assert {"pull_request", "workflow_call"} <= document["on"].keys()
    job = document["jobs"]["test"]
    found = re.search(r"\(3, (\d+)\) <= v <= \(3, (\d+)\)", MAKEFILE)
    assert found
    assert job["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(int(found[1]), int(found[2]) + 1)]
    python = next(step["with"]["python-version"] for step in job["steps"] if "setup-python" in step.get("uses", ""))
    assert python.split("\n") == ["3.10", "3.12", "${{ matrix.python }}", ""]
    assert job["steps"][-1]["run"] == "make test PYTHON=python${{ matrix.python }}"


def test_dependabot_looks_at_all_that_is_pinned() -> None:
    """Python's packages with their hashes, npm's, and the actions."""
    updates = workflow(ROOT / ".github/dependabot.yml")["updates"]
    assert {one["package-ecosystem"] for one in updates} == {"uv", "npm", "github-actions"}
    assert all(one["directory"] == "/" for one in updates)
