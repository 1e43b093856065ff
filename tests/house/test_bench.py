"""The bench: what it times, what it compares, that nothing is written, and that it fails where a target is missed."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from spotkeeper.stand_ins import UNUSED
from tests.house.dist import Dist
from tools import build
from tools.bench import compare, measure, report, stage
from tools.bench import readonly as guards
from tools.bench.listener import listening
from tools.bench.measure import Run, Subject, Unmeasured
from tools.bench.sizes import Size, sizes
from tools.errors import BuildFailed

PYTHON = [sys.executable, "-I", "-S"]
ASKS = """
import os, urllib.error, urllib.request
def handler(event, context):
    assert event == b"{}" and context.function.timeout == 900
    for action in ("DescribeInstances", "DescribeDisks"):
        request = urllib.request.Request(os.environ["ECS_ENDPOINT"], b"", {"x-acs-action": action})
        try:
            urllib.request.urlopen(request)
        except urllib.error.HTTPError as refusal:
            assert refusal.code == 403
"""
S_YAML = """
resources:
  interruption: {component: fc3, props: {functionName: a, cpu: 0.5, memorySize: 1024}}
  sweep: {component: fc3, props: {functionName: b}}
"""


def subject(folder: Path, name: str, source: str) -> Subject:
    """A function with this index.py, and an event."""
    (folder / name).mkdir()
    (folder / name / "index.py").write_text(source)
    (folder / "event.json").write_text("{}")
    return Subject(name, [str(folder / name)], str(folder / "event.json"))


def test_the_first_request_is_what_is_timed(tmp_path: Path) -> None:
    """Called as Function Compute calls it; the second request changes nothing; usage is that of this process alone."""
    with listening() as listener:
        run = measure.run_once(subject(tmp_path, "asks", ASKS), PYTHON, listener)

    assert run.request == "DescribeInstances"
    assert run.cpu > 0
    assert run.seconds > 0
    assert 1 < run.memory < 1000


def test_a_function_that_asks_nothing_is_no_measurement(tmp_path: Path) -> None:
    """An error before the first request is shown, not timed."""
    failing = subject(tmp_path, "fails", "def handler(event, context): raise ValueError('no bucket')\n")
    with listening() as listener, pytest.raises(Unmeasured, match=r"fails: no API request.*ValueError no bucket"):
        measure.run_once(failing, PYTHON, listener)


def test_every_round_runs_each_subject_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Interleaved, in changing order, the first round thrown away."""
    order: list[str] = []

    def run_once(one: Subject, interpreter: list[str], listener: object) -> Run:
        order.append(one.name)
        return Run(len(order), 0, 0)

    monkeypatch.setattr(measure, "run_once", run_once)
    runs = measure.rounds([Subject(name, []) for name in "abcd"], PYTHON, 5)

    played = ["".join(order[start : start + 4]) for start in range(0, 24, 4)]
    assert {"".join(sorted(one)) for one in played} == {"abcd"}
    assert len(set(played)) > 1
    assert {len(made) for made in runs.values()} == {5}
    assert min(run.seconds for made in runs.values() for run in made) == 5


def test_nothing_can_be_written(tmp_path: Path) -> None:
    """Neither bytecode nor anything else appears in a folder that is guarded, whichever guard this machine permits."""
    trying = subject(tmp_path, "tries", "import json.tool\n")
    (tmp_path / "tries/helper.py").write_text("HELP = 1\n")
    source = "import sys; sys.path.insert(0, sys.argv[1]); import helper"
    with guards.readonly(tmp_path) as guard:
        command = [*guard.prefix, sys.executable, *guard.flags, "-c", source, trying.folders[0]]
        assert os.spawnvp(os.P_WAIT, command[0], command) == 0

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["event.json", "helper.py", "index.py", "tries"]


def test_without_a_mount_directories_are_made_unwritable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said so; root is not even let try; and afterwards everything can be removed again."""
    monkeypatch.setattr(guards, "_NAMESPACES", (("no-such-command",), ("false",)))
    (tmp_path / "deep/down").mkdir(parents=True)
    with guards.readonly(tmp_path) as guard:
        modes = {path.stat().st_mode & 0o777 for path in (tmp_path, *tmp_path.rglob("*"))}

    assert modes == {0o555}
    assert (tmp_path / "deep/down").stat().st_mode & 0o777 == 0o755
    assert guard.description.startswith("unwritable directories (no mount is permitted here")
    assert (guard.prefix, guard.flags) == ([], ["-B"] if os.geteuid() == 0 else [])


def test_a_run_that_writes_is_no_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the guard fails, a second start is not like the first, and nothing is reported."""
    (tmp_path / "place").mkdir()
    writing = f"import pathlib\npathlib.Path(__file__).with_name('written').touch()\n{ASKS}"
    staged = (tmp_path / "place", [subject(tmp_path / "place", "writes", writing)])
    monkeypatch.setattr(compare, "staged", lambda root, python: nullcontext(staged))
    monkeypatch.setattr(compare, "readonly", lambda folder: nullcontext(guards.Guard("nothing", [], ["-B"])))

    with pytest.raises(Unmeasured, match=r"wrote where nothing can be written: \['writes/written'\]"):
        compare.measured(tmp_path, Path(sys.executable), 1)


def test_what_is_compared(tmp_path: Path) -> None:
    """Each function with the event that it names; the sample with the same packages, bare and as pip leaves them."""
    for name, text in {
        "layer/python/one.py": "ONE = 1\n",
        "layer/python/__pycache__/one.cpython-310.pyc": "ahead",
        "layer/python/spotkeeper/__init__.py": "",
        "functions/sweep/index.py": '"""Event (``events/timer.json``)."""\n',
    }.items():
        (tmp_path / "dist" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "dist" / name).write_text(text)

    with stage.staged(tmp_path, Path(sys.executable)) as (place, subjects):
        found = {one.name: one for one in subjects}
        files = {name: _python_files(found[name].folders[0]) for name in (stage.PLAIN, stage.COMPILED)}

        assert found["sweep"].folders == [str(place / "functions/sweep"), str(place / "layer/python")]
        assert found["sweep"].event == str(tmp_path / "events/timer.json")
        assert found[stage.FLOOR].event == "-"
        assert files[stage.PLAIN] == {"index.py": [], "one.py": []}
        assert files[stage.COMPILED] == {"index.py": [0], "one.py": [0]}  # flags of PEP 552: validated by time stamp


def _python_files(folder: str) -> dict[str, list[int]]:
    """The sources below a folder, and the flags of all bytecode that stands there for them."""
    return {
        source.name: [
            int.from_bytes(compiled.read_bytes()[4:8], "little")
            for compiled in source.parent.glob(f"__pycache__/{source.stem}.*.pyc")
        ]
        for source in Path(folder).rglob("*.py")
    }


def test_a_function_without_an_event_is_named(tmp_path: Path) -> None:
    """Every function that is built is measured, or the bench says which it cannot."""
    (tmp_path / "dist/layer/python").mkdir(parents=True)
    (tmp_path / "dist/functions/new").mkdir(parents=True)
    (tmp_path / "dist/functions/new/index.py").write_text("def handler(event, context): ...\n")

    with (
        pytest.raises(BuildFailed, match=r"functions/new/index\.py names no event"),
        stage.staged(tmp_path, Path(sys.executable)),
    ):
        pass


def test_sizes_are_those_that_are_deployed(tmp_path: Path) -> None:
    """By the name of the resource, with fc3's own size where the file has none; the real file has all functions."""
    file = tmp_path / "s.yaml"
    file.write_text(S_YAML)

    assert sizes(file) == {"interruption": Size(0.5, 1024), "sweep": Size(0.35, 512)}
    assert set(sizes(build.ROOT / "s.yaml")) >= set(build.functions(build.ROOT))


def judged(seconds: float, plain: float, compiled: float, floor: float, cpu: float = 0.24) -> list[str]:
    """What is missed with these medians, at half a vCPU."""
    runs = {
        "interruption": [Run(seconds, cpu, 50, "DescribeInstances")] * 3,
        stage.PLAIN: [Run(plain, 9, 99, "DescribeInstances")],
        stage.COMPILED: [Run(compiled, 9, 99, "DescribeInstances")],
        stage.FLOOR: [Run(9, floor, 99)],
    }
    return report.missed(report.lines(runs, {"interruption": Size(0.5)}), ["interruption"])


@pytest.mark.parametrize(
    ("medians", "missed"),
    [
        ((0.35, 1.0, 0.4, 0.3), ""),
        ((0.36, 1.0, 0.4, 0.3), f"takes 0.36 of '{stage.PLAIN}', and may take 0.35"),
        ((0.35, 1.0, 0.34, 0.3), f"takes 1.03 of '{stage.COMPILED}', and may take 1.0"),
        ((0.35, 1.0, 0.4, 0.29), f"takes 0.83 of the CPU of '{stage.FLOOR}', and may take 0.8"),
        ((0.35, 1.0, 0.4, 2.0, 1.5), "starts in 3.0 s, and may take 3.0"),
    ],
)
def test_each_target_can_be_missed(medians: tuple[float, ...], missed: str) -> None:
    """One at a time, in words."""
    assert judged(*medians) == ([f"interruption {missed}"] if missed else [])


def test_a_median_is_not_a_mean() -> None:
    """One slow run among three changes nothing."""
    (line,) = report.lines({"sweep": [Run(1, 1, 1), Run(9, 9, 9), Run(2, 2, 2)]}, {"sweep": Size(0.25)})
    assert (line.median, line.cold_start) == (Run(2, 2, 2), 8.0)


def test_every_built_function_makes_a_request(dist: Dist) -> None:
    """Each of them, called with the event that it names, comes as far as the wire under CPython 3.10."""
    with listening() as listener:
        for one in stage.functions(build.ROOT, dist.path):
            run = measure.run_once(one, [str(dist.python), "-I", "-S"], listener)
            assert run.request.startswith(("Describe", "OSS", "Complete")), (one.name, run.request)


IMPORTED = """
import runpy, sys
runpy.run_path(sys.argv[2])["main"](sys.argv[1])
print(*sys.modules)
"""


def test_nothing_heavy_before_the_first_call(dist: Dist) -> None:
    """A rescue with a refused first request has loaded no CLB, no OSS, nothing unused, 3 of ECS's 1,152 models."""
    with listening() as listener:
        arguments = [str(build.ROOT / "events/interruption.cloudmonitor.json"), str(measure.RUNNER)]
        environment = measure.environment(listener.url)
        modules = dist.run("interruption", IMPORTED, *arguments, env=environment).stdout.decode().split()

    assert "alibabacloud_ecs20140526.client" in modules
    assert not [
        name for name in modules if name.startswith(("alibabacloud_slb", "alibabacloud_oss", "alibabacloud_fc"))
    ]
    assert not UNUSED.intersection(modules)
    assert len([name for name in modules if name.startswith("alibabacloud_ecs20140526.models.")]) <= 3
