"""The build: it finds its interpreter, refuses a layer that is not what was pinned, and what it makes imports."""

from __future__ import annotations

import struct
import sys
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import pytest

from tests.house.dist import Dist, each_runtime
from tools import build, layer
from tools.cli.main import run
from tools.errors import BuildFailed, PythonMissing
from tools.runtime import PYTHON310, PYTHON312, Runtime, find

PINNED = {"aiohttp": "3.14.5", "async-timeout": "5.0.1"}
UNCHECKED_HASH = 0b01  # PEP 552: hash-based, check_source not set


# The pins


@pytest.mark.parametrize(
    ("runtime", "others"),
    [
        pytest.param(PYTHON310, {"async-timeout": "5.0.1", "pycparser": "3.11"}, id="python3.10"),
        pytest.param(PYTHON312, {"pycparser": "3.12"}, id="python3.12"),
    ],
)
def test_pins_hold_for_the_target_not_for_whoever_builds(runtime: Runtime, others: dict[str, str]) -> None:
    """Markers are evaluated for the runtime on x86-64 Linux, names are compared in their canonical form."""
    requirements = """
# comment
Async_Timeout==5.0.1 ; python_full_version < '3.11'
    # via aiohttp
pycparser==3.11 ; python_full_version < '3.11' and platform_python_implementation != 'PyPy'
pycparser==3.12 ; python_full_version >= '3.11' and platform_python_implementation != 'PyPy'
tzdata==2026.6 ; sys_platform == 'win32'
aiohttp==3.14.5  # direct
"""

    assert layer.pins(requirements, runtime) == {**others, "aiohttp": "3.14.5"}


@pytest.mark.parametrize("line", ["aiohttp", "aiohttp>=3", "aiohttp==3.*", "aiohttp>=3,==3.14.5"])
def test_a_requirement_that_is_not_pinned_fails(line: str) -> None:
    """Every line of requirements.txt names one version."""
    with pytest.raises(BuildFailed, match="aiohttp"):
        layer.pins(line, PYTHON310)


@pytest.mark.parametrize(
    ("found", "difference"),
    [
        ({"aiohttp": "3.14.5"}, "async-timeout: pinned 5.0.1, in the layer missing"),
        ({**PINNED, "async-timeout": "4.0.3"}, "async-timeout: pinned 5.0.1, in the layer 4.0.3"),
        ({**PINNED, "requests": "2.34.2"}, "requests: pinned nowhere, in the layer 2.34.2"),
    ],
    ids=["missing", "another version", "not pinned"],
)
def test_a_layer_that_differs_from_the_pins_fails(found: dict[str, str], difference: str) -> None:
    """A package too few, too many or in another version is named; a layer that is the pins passes."""
    layer.check_pins(PINNED, dict(PINNED))
    with pytest.raises(BuildFailed) as refused:
        layer.check_pins(PINNED, found)

    assert str(refused.value).splitlines()[1:] == [f"  {difference}"]


# Where packages come from


@pytest.mark.parametrize(
    ("environ", "index"),
    [
        ({"PIP_INDEX_URL": "https://mirror.example/simple"}, "https://mirror.example/simple"),
        (
            {"PIP_INDEX_URL": "https://mirror.example/simple", "UV_DEFAULT_INDEX": "https://own.example"},
            "https://own.example",
        ),
    ],
    ids=["pip's", "uv's own"],
)
def test_uv_asks_the_index_that_pip_is_configured_for(environ: dict[str, str], index: str) -> None:
    """A mirror that serves `.venv` serves the layer too, unless uv has an index of its own."""
    assert layer.package_index(environ)["UV_DEFAULT_INDEX"] == index


# What the layer's packages were built for


def _package(folder: Path, tag: str, library: str, machine: int = 62) -> None:
    """Put a package ``one`` 1.0 with one shared library for ELF ``machine`` (62: x86-64, 183: AArch64) into folder."""
    info = folder / "one-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
    (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
    header = struct.pack("<4sBBB9xHH", b"\x7fELF", 2, 1, 1, 3, machine)
    (folder / library).parent.mkdir(exist_ok=True)
    (folder / library).write_bytes(header + bytes(44))


def test_each_runtime_has_its_own_abi(tmp_path: Path) -> None:
    """A runtime refuses what is built for another, and python3.12 takes what needs Debian 11's glibc."""
    _package(tmp_path, "cp312-cp312-manylinux_2_31_x86_64", "one/fast.cpython-312-x86_64-linux-gnu.so")

    layer.check_platform(tmp_path, PYTHON312)
    with pytest.raises(BuildFailed, match=r"not for Function Compute's python3\.10:\n  one-1\.0.*\n  one/fast"):
        layer.check_platform(tmp_path, PYTHON310)


@pytest.mark.parametrize(
    ("tag", "library", "machine", "named"),
    [
        ("cp310-cp310-manylinux_2_17_x86_64", "one/fast.cpython-310-x86_64-linux-gnu.so", 62, ""),
        ("cp38-abi3-manylinux2014_x86_64", "one/fast.abi3.so", 62, ""),
        ("py3-none-manylinux_2_28_x86_64", "one.libs/libfast-1234.so.3", 62, ""),
        ("cp311-cp311-manylinux_2_17_x86_64", "one/fast.abi3.so", 62, "one-1.0.dist-info"),
        ("cp310-cp310-linux_x86_64", "one/fast.abi3.so", 62, "one-1.0.dist-info"),
        ("cp310-cp310-manylinux_2_34_x86_64", "one/fast.abi3.so", 62, "one-1.0.dist-info"),
        ("cp310-cp310-manylinux_2_17_x86_64", "one/fast.cpython-311-x86_64-linux-gnu.so", 62, "one/fast.cpython-311"),
        ("cp310-cp310-manylinux_2_17_x86_64", "one/fast.abi3.so", 183, "one/fast.abi3.so"),
    ],
    ids=[
        *("ABI of CPython 3.10", "stable ABI", "bundled C library"),
        *("another Python", "built on this machine", "newer glibc", "another ABI", "another processor"),
    ],
)
def test_packages_are_for_the_target(tmp_path: Path, tag: str, library: str, machine: int, named: str) -> None:
    """A wheel or a library that python3.10 on Debian 10, x86-64, cannot load is named."""
    _package(tmp_path, tag, library, machine)

    with pytest.raises(BuildFailed, match=named) if named else nullcontext():
        layer.check_platform(tmp_path, PYTHON310)


# The interpreter


def _script(path: Path, says: str, status: int = 0) -> Path:
    """Put an executable at ``path`` that prints one line and exits."""
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
    path.chmod(0o755)
    return path


def _nowhere(tmp_path: Path, **more: str) -> dict[str, str]:
    """Return an environment in which neither PATH nor uv nor pyenv has a Python, but for ``more``."""
    return {"PATH": "", "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path / ".pyenv"), **more}


GOOD = "cpython 3.10 linux-x86_64 /real/python3.10"
OTHER = "cpython 3.11 linux-x86_64 /real/python3.11"


def test_a_broken_shim_is_passed_over(tmp_path: Path) -> None:
    """A python3.10 that does not run is no reason to stop looking; the next on PATH is found."""
    _script(tmp_path / "shims/python3.10", "pyenv: python3.10: command not found", 127)
    _script(tmp_path / "bin/python3.10", GOOD)
    environ = _nowhere(tmp_path, PATH=f"{tmp_path}/none:{tmp_path}/shims:{tmp_path}/bin")

    assert find(PYTHON310, environ, running="/nowhere/python") == Path("/real/python3.10")


@pytest.mark.parametrize("runtime", [PYTHON310, PYTHON312], ids=lambda runtime: runtime.name)
def test_pyenvs_own_versions_are_searched(tmp_path: Path, runtime: Runtime) -> None:
    """What pyenv has installed is found although its shim is switched off; another version is not."""
    for version in ("3.10", "3.12"):
        says = f"cpython {version} linux-x86_64 /real/python{version}"
        _script(tmp_path / f".pyenv/versions/{version}.9/bin/python{version}", says)

    assert find(runtime, _nowhere(tmp_path), running="/nowhere/python") == Path(f"/real/{runtime.name}")


def test_the_running_interpreter_is_taken_if_its_version_is_right(tmp_path: Path) -> None:
    """Whoever builds with CPython 3.10 needs no other."""
    running = _script(tmp_path / "bin/python", GOOD)

    assert find(PYTHON310, _nowhere(tmp_path), running=str(running)) == Path("/real/python3.10")


@pytest.mark.parametrize("says", [OTHER, "pypy 3.10 linux-x86_64 /real/pypy", "cpython 3.10 linux-aarch64 /real/arm"])
def test_without_a_python310_the_build_says_how_to_get_it(tmp_path: Path, says: str) -> None:
    """Another version, implementation or processor is not taken, and the error names the ways out."""
    running = _script(tmp_path / "bin/python", says)

    with pytest.raises(PythonMissing, match=r"uv python install 3\.10.*PYTHON310="):
        find(PYTHON310, _nowhere(tmp_path), running=str(running))


def test_a_named_interpreter_that_is_wrong_is_an_error(tmp_path: Path) -> None:
    """PYTHON310 is never silently replaced by another interpreter."""
    running = _script(tmp_path / "good/python", GOOD)
    named = _script(tmp_path / "bad/python", OTHER)

    with pytest.raises(PythonMissing, match=f"PYTHON310={named} is not"):
        find(PYTHON310, _nowhere(tmp_path, PYTHON310=str(named)), running=str(running))


# A build that fails


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one pin, one function and an older ``dist/``; the running interpreter stands in for 3.10."""
    (tmp_path / "requirements.txt").write_text("one==1.0\n")
    (tmp_path / "shared/spotkeeper").mkdir(parents=True)
    (tmp_path / "shared/spotkeeper/__init__.py").touch()
    (tmp_path / "functions/interruption").mkdir(parents=True)
    (tmp_path / "functions/interruption/index.py").write_text("def handler(event, context): ...\n")
    (tmp_path / "dist").mkdir()
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "find", lambda runtime, environ: Path(sys.executable))
    return tmp_path


def _installs(version: str) -> object:
    def install(root: Path, target: Path, runtime: Runtime, python: Path) -> None:
        """Stand in for uv: put package ``one`` there, in ``version``."""
        _package(target, "py3-none-any", "one/fast.abi3.so")
        metadata = target / "one-1.0.dist-info/METADATA"
        metadata.write_text(metadata.read_text().replace("1.0", version))

    return install


@pytest.mark.parametrize(
    ("version", "source", "message"),
    [
        ("1.1", "", r"one: pinned 1\.0, in the layer 1\.1"),
        ("1.0", "import something_that_is_not_in_the_layer\n", "interruption does not import"),
        ("", "", ""),
    ],
    ids=["the layer differs from the pins", "a function does not import", "there is no CPython 3.10"],
)
def test_no_dist_is_left(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, version: str, source: str, message: str
) -> None:
    """Neither an older dist/ nor half a new one stands after a build that failed; without CPython the status is 2."""
    monkeypatch.setattr(layer, "install", _installs(version))
    with (checkout / "functions/interruption/index.py").open("a") as index:
        index.write(source)
    if version:
        with pytest.raises(BuildFailed, match=message):
            build.build_dist()
    else:
        monkeypatch.setattr(build, "find", mock.Mock(side_effect=PythonMissing))
        assert run(["build"]) == 2
    assert sorted(path.name for path in checkout.iterdir()) == ["functions", "requirements.txt", "shared"]


# What was built


@each_runtime
def test_every_function_of_the_checkout_is_built(dist: Dist) -> None:
    """Each folder of functions/ with an index.py becomes a folder of dist/functions/."""
    assert dist.functions == build.functions(build.ROOT) != []
    assert build.runtime_of(dist.path) is dist.runtime


@each_runtime
def test_every_function_imports_as_function_compute_mounts_it(dist: Dist) -> None:
    """`import index` works with the function, the layer and the standard library alone, and writes nothing."""
    before = build.contents(dist.path)
    for name in dist.functions:
        answer = dist.run(name, "import index; print(index.handler.__name__, index.__file__, len(sys.path))")

        expected = f"handler {dist.function(name)}/index.py 5\n"
        assert (answer.stdout.decode(), answer.stderr.decode()) == (expected, "")
    assert build.contents(dist.path) == before


@each_runtime
def test_every_module_has_bytecode_that_is_never_checked(dist: Dist) -> None:
    """A read-only mount compiles nothing again: each .py has its unchecked-hash .pyc, and there is no other."""
    bytecode = set(dist.path.rglob("*.pyc"))

    expected = {
        path.parent / "__pycache__" / f"{path.stem}.{dist.runtime.cache_tag}.pyc" for path in dist.path.rglob("*.py")
    }
    assert bytecode == expected
    flags = {int.from_bytes(path.read_bytes()[4:8], "little") for path in bytecode}
    assert flags == {UNCHECKED_HASH}


@each_runtime
def test_bytecode_is_compiled_under_the_mounts_paths(dist: Dist) -> None:
    """Tracebacks name /opt/python and /code, and no path of the machine that built them is in dist/."""
    load = "import marshal; print(marshal.loads(open(sys.argv[1], 'rb').read()[16:]).co_filename)"
    name = dist.functions[0]
    compiled = {
        "/opt/python/spotkeeper/errors.py": dist.layer / f"spotkeeper/__pycache__/errors.{dist.runtime.cache_tag}.pyc",
        "/code/index.py": dist.function(name) / f"__pycache__/index.{dist.runtime.cache_tag}.pyc",
    }

    for mounted, path in compiled.items():
        assert dist.run(name, load, str(path)).stdout.decode().strip() == mounted
    here = str(build.ROOT).encode()
    assert [path for path in dist.path.rglob("*.pyc") if here in path.read_bytes()] == []
