"""``logs-uploaded`` in a real shell: real archives, and tools that show what they were asked to upload."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from tests.lifecycle_hook.shell import CHECKS, MachineUnderTest

CHECK = CHECKS["logs-uploaded"]
ROLE = "case $* in *security-credentials/*) echo web-role ;; *) echo token ;; esac"


@pytest.fixture
def machine(machine: MachineUnderTest) -> MachineUnderTest:
    """Return a machine with a RAM role and no tool for OSS, whose shell is each of those there are."""
    machine.fakes("curl", ROLE)
    return machine


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Return a directory with a log in it."""
    folder = tmp_path / "logs/nginx"
    folder.mkdir(parents=True)
    (folder / "access.log").write_text("GET / 200\n")
    return folder


def uploader(machine: MachineUnderTest, tool: str, then: str = "") -> Path:
    """Let the machine have a tool that keeps its arguments and the archive, and ends with ``then``."""
    kept = machine.tmp.parent / "kept"
    kept.mkdir()
    machine.has("cp", "expr")
    machine.fakes(
        tool,
        f"""echo "$*" >>'{kept}/arguments'
        for one in "$@"; do case $one in '{machine.tmp}'/*) cp "$one" '{kept}/archive' ;; esac; done
        {then}""",
    )
    return kept


def target(logs: Path) -> str:
    """The object of ``logs``."""
    return f"oss://web-logs/saved/i-bp1ecr012345675go2go/{str(logs).strip('/').replace('/', '-')}.tar.gz"


def test_ossutil_uploads_the_archive(machine: MachineUnderTest, logs: Path) -> None:
    """The directory arrives as one archive under the instance's name, by the instance's role; nothing stays behind."""
    kept = uploader(machine, "ossutil")
    ended = machine.runs(CHECK, directory=str(logs), bucket="web-logs", prefix="saved")
    assert ended.code == 0, ended.output
    assert ended.verdict.startswith("PASSED: ")
    assert ended.verdict.endswith(f" bytes of {logs} are in {target(logs)}")
    arguments = (kept / "arguments").read_text()
    assert arguments.startswith("cp -f ")
    assert target(logs) in arguments
    assert "--mode EcsRamRole --ecs-role-name web-role --region cn-hangzhou" in arguments
    with tarfile.open(kept / "archive", "r:gz") as archive:
        assert f"{str(logs)[1:]}/access.log" in archive.getnames()
    assert list(machine.tmp.iterdir()) == []


def test_an_ossutil_without_regions_is_asked_without(machine: MachineUnderTest, logs: Path) -> None:
    """An early version that refuses ``--region`` is asked again without it."""
    kept = uploader(machine, "ossutil", "case $* in *--region*) echo 'unknown option' >&2; exit 1 ;; esac")
    assert machine.runs(CHECK, directory=str(logs), bucket="web-logs", prefix="saved").code == 0
    assert (kept / "arguments").read_text().count(target(logs)) == 2


def test_a_repeated_run_writes_the_same_object(machine: MachineUnderTest, logs: Path) -> None:
    """Twice the same object, without asking whether it may be overwritten; with the aliyun CLI too."""
    kept = uploader(machine, "aliyun")
    for _ in range(2):
        assert machine.runs(CHECK, directory=str(logs), bucket="web-logs", prefix="saved").code == 0
    first, second = (kept / "arguments").read_text().splitlines()
    assert first.startswith("oss cp ")
    assert first.split()[3] == second.split()[3] == target(logs)
    assert " -f " in first


def test_a_refused_upload_fails(machine: MachineUnderTest, logs: Path) -> None:
    """What the tool says is in the output, the verdict says whom to give which permission; no archive stays behind."""
    uploader(machine, "ossutil", "echo 'Error: AccessDenied' >&2; exit 1")
    ended = machine.runs(CHECK, directory=str(logs), bucket="web-logs", prefix="saved")
    told = f"FAILED: ossutil could not write {target(logs)}: see above (may the role web-role write there?)"
    assert (ended.verdict, ended.code) == (told, 1)
    assert "AccessDenied" in ended.output
    assert list(machine.tmp.iterdir()) == []


def test_a_log_that_grows_meanwhile_is_saved(machine: MachineUnderTest, logs: Path) -> None:
    """A file that changes while it is read (tar's exit code 1) is no failure."""
    uploader(machine, "ossutil")
    machine.fakes("tar", '/bin/tar "$@"; exit 1')
    assert machine.runs(CHECK, directory=str(logs), bucket="web-logs", prefix="saved").code == 0


def test_what_cannot_be_packed_fails(machine: MachineUnderTest, logs: Path) -> None:
    """A directory that tar gives up on is not uploaded in part."""
    kept = uploader(machine, "ossutil")
    machine.fakes("tar", "exit 2")
    ended = machine.runs(CHECK, directory=str(logs), bucket="web-logs", prefix="saved")
    assert ended.verdict == f"FAILED: {logs} could not be packed: see above (is {machine.tmp} full?)"
    assert not (kept / "arguments").exists()


@pytest.mark.parametrize(
    ("lacks", "told"),
    [
        ("ossutil", "there is neither ossutil nor aliyun on this machine: install one of them in the image"),
        ("curl", "there is no curl on this machine, to ask for its RAM role"),
        ("role", "no RAM role is attached to this instance: attach one that may write oss://web-logs/saved/"),
        ("logs", "there is no directory {logs}"),
    ],
)
def test_what_is_missing_is_said(machine: MachineUnderTest, logs: Path, lacks: str, told: str) -> None:
    """Whatever the upload needs and the machine lacks fails at once, by name."""
    uploader(machine, "ossutil")
    machine.lacks(lacks)
    if lacks == "role":
        machine.fakes("curl", "exit 22")
    if lacks == "logs":
        os.rename(logs, logs.parent / "elsewhere")  # noqa: PTH104 - reads better than its pathlib form
    ended = machine.runs(CHECK, directory=str(logs), bucket="web-logs", prefix="saved")
    assert (ended.verdict, ended.code) == (f"FAILED: {told.format(logs=logs)}", 1)
