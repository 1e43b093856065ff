"""``headroom`` in a real shell: what it measures, and every limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lifecycle_hook.shell import CHECKS, SHELLS, MachineUnderTest

CHECK = CHECKS["headroom"]
DISKS = """Filesystem 1024-blocks Used Available Capacity Mounted-on
/dev/vda1 41152736 9216304 30000000 24% /
/dev/vdb1 41152736 9216304 30000000 61% /data
/dev/loop3 100 100 0 100% /snap/core
tmpfs 1000 1000 0 100% /run"""


@pytest.fixture
def machine(machine: MachineUnderTest) -> MachineUnderTest:
    """Return a machine with a load of 1.50 on two cores and two disks, whose shell is each of those there are."""
    machine.fakes("cut", "echo 1.50")
    machine.fakes("nproc", "echo 2")
    machine.fakes("df", f"echo '{DISKS}'")
    return machine


def test_within_all_limits_it_passes(machine: MachineUnderTest) -> None:
    """Limits that are just met pass; loop devices and memory file systems are no disks."""
    ended = machine.runs(CHECK, load_percent=75, disk_free_percent=39, memory_available_percent=0, wait_seconds=0)
    assert ended.code == 0
    assert ended.verdict.startswith("PASSED: load per core 75 % (at most 75), memory available ")
    assert ended.verdict.endswith(", disk free 39 % on /data (at least 39)")


@pytest.mark.parametrize("limit", [{"load_percent": 74}, {"disk_free_percent": 40}, {"memory_available_percent": 100}])
def test_each_limit_fails_it(machine: MachineUnderTest, limit: dict[str, int]) -> None:
    """Any one limit that is not met fails the machine, which is asked until the time is over."""
    loose = {"load_percent": 10_000, "disk_free_percent": 0, "memory_available_percent": 0, "wait_seconds": 0}
    ended = machine.runs(CHECK, **{**loose, **limit})
    assert ended.code == 1
    assert ended.verdict.startswith("FAILED after 0 s: load per core 75 %")


def test_a_machine_without_block_devices_has_no_disk_to_ask_for(machine: MachineUnderTest) -> None:
    """On a machine that has no file system on a local disk, that limit is met."""
    machine.fakes("df", f"echo '{DISKS.splitlines()[0]}'")
    ended = machine.runs(CHECK, memory_available_percent=0)
    assert ended.verdict.endswith(", disk free 100 % on none (at least 10)")


def test_it_measures_the_real_machine(tmp_path: Path) -> None:
    """With the real tools, the loosest limits are met and every number is one."""
    machine = MachineUnderTest(tmp_path, SHELLS[0])
    ended = machine.runs(CHECK, load_percent=10_000, disk_free_percent=0, memory_available_percent=0, wait_seconds=0)
    assert ended.code == 0
    words = ended.verdict.split()
    numbers = [int(words[words.index("%", start) - 1]) for start in (0, words.index("available"), words.index("free"))]
    assert all(number >= 0 for number in numbers)
    assert all(number <= 100 for number in numbers[1:])


def test_it_waits_until_the_load_of_booting_is_over(machine: MachineUnderTest) -> None:
    """A machine that is busy at first passes once it is not."""
    machine.fakes("sleep", f": >'{machine.tmp}/calm'")
    machine.fakes("cut", f"[ -e '{machine.tmp}/calm' ] && echo 0.10 || echo 7.00")
    ended = machine.runs(CHECK, memory_available_percent=0, wait_seconds=600)
    assert ended.verdict.startswith("PASSED: load per core 5 %")
