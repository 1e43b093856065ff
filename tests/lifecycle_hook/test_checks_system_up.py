"""``system-up`` in a real shell, with systemd and cloud-init in every state."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lifecycle_hook.shell import CHECKS, MachineUnderTest

CHECK = CHECKS["system-up"]
RESULT_WITHOUT_ERRORS = '{\n "v1": {\n  "datasource": "DataSourceAliYun",\n  "errors": []\n }\n}'
RESULT_WITH_ERRORS = RESULT_WITHOUT_ERRORS.replace("[]", "[\n   \"('scripts-user', ...)\"\n  ]")


def systemd(machine: MachineUnderTest, state: str) -> None:
    """Let systemd be in a state, with one failed unit and one job."""
    machine.fakes(
        "systemctl",
        f"""case $1 in
            is-system-running) echo {state} ;;
            --failed) echo 'nginx.service loaded failed failed web' ;;
            list-jobs) echo '12 cloud-final.service start running' ;;
        esac""",
    )


def cloud_init(machine: MachineUnderTest, state: str) -> None:
    """Let cloud-init be in a state."""
    machine.fakes("cloud-init", f"echo 'status: {state}'; [ $# -lt 2 ] || echo 'detail: user data failed'")


@pytest.mark.parametrize(
    ("of_systemd", "of_cloud_init", "verdict"),
    [
        ("running", "done", "PASSED: systemd is running, cloud-init is done"),
        ("degraded", "done", "PASSED: systemd is degraded (nginx.service), cloud-init is done"),
        ("running", "disabled", "PASSED: systemd is running, cloud-init is disabled"),
        ("running", "not run", "PASSED: systemd is running, cloud-init is not run"),
        ("offline", "done", "PASSED: systemd is offline, cloud-init is done"),
        ("offline", "not run", "FAILED after 0 s: systemd is offline, cloud-init is not run"),
        ("running", "running", "FAILED after 0 s: systemd is running, cloud-init is running"),
        ("starting", "done", "FAILED after 0 s: systemd is starting, cloud-init is done"),
        ("maintenance", "done", "FAILED after 0 s: systemd is maintenance, cloud-init is done"),
        ("running", "error", "FAILED: systemd is running, cloud-init is error"),
    ],
)
def test_the_states_of_both_decide(
    machine: MachineUnderTest, of_systemd: str, of_cloud_init: str, verdict: str
) -> None:
    """Every state of systemd and cloud-init leads to its verdict and exit code."""
    systemd(machine, of_systemd)
    cloud_init(machine, of_cloud_init)
    ended = machine.runs(CHECK, wait_seconds=0)
    assert (ended.verdict, ended.code) == (verdict, 0 if verdict.startswith("PASSED") else 1)


def test_a_machine_with_neither_is_up(machine: MachineUnderTest) -> None:
    """Where neither systemd nor cloud-init exists, nothing is waited for."""
    ended = machine.runs(CHECK, wait_seconds=0)
    known = "PASSED: systemd is absent, cloud-init is absent"
    # On a machine that systemd has started, a missing systemctl counts as a systemctl that does not answer.
    silent = "FAILED after 0 s: systemd is silent, cloud-init is absent"
    assert ended.verdict == (silent if Path("/run/systemd/system").is_dir() else known)


@pytest.mark.parametrize(
    ("result", "code", "verdict"),
    [
        (RESULT_WITHOUT_ERRORS, 0, "PASSED: systemd is running, cloud-init is done"),
        (RESULT_WITH_ERRORS, 1, "FAILED: systemd is running, cloud-init is error"),
        ("", 1, "FAILED after 0 s: systemd is running, cloud-init is running"),
    ],
)
def test_an_old_cloud_init_is_read_by_its_result(
    machine: MachineUnderTest, result: str, code: int, verdict: str
) -> None:
    """A cloud-init without ``status`` is judged by result.json."""
    systemd(machine, "running")
    machine.fakes("cloud-init", "echo 'usage: cloud-init [-h]' >&2; exit 2")
    (machine.tmp / "result.json").write_text(result)
    machine.fakes("cat", f"while read -r line; do echo \"$line\"; done <'{machine.tmp}/result.json'")
    ended = machine.runs(CHECK, wait_seconds=0)
    assert (ended.verdict, ended.code) == (verdict, code)


def test_it_waits_for_the_end_of_the_boot(machine: MachineUnderTest) -> None:
    """A machine that is still starting passes as soon as it is up."""
    systemd(machine, f"$([ -e '{machine.tmp}/up' ] && echo running || echo starting)")
    cloud_init(machine, "done")
    machine.fakes("sleep", f": >'{machine.tmp}/up'")
    assert machine.runs(CHECK, wait_seconds=600).verdict == "PASSED: systemd is running, cloud-init is done"


def test_what_it_waits_for_is_said(machine: MachineUnderTest) -> None:
    """After the wait, the output tells which jobs are left."""
    systemd(machine, "starting")
    assert "cloud-final.service" in machine.runs(CHECK, wait_seconds=0).output


def test_an_error_of_cloud_init_is_said(machine: MachineUnderTest) -> None:
    """A failed cloud-init is not waited for, and its own words are in the output."""
    systemd(machine, "starting")
    cloud_init(machine, "error")
    ended = machine.runs(CHECK, wait_seconds=600)
    assert "detail: user data failed" in ended.output
    assert ended.code == 1
