"""What README.md says is what the repository does."""

from __future__ import annotations

import re
import subprocess
import sys

from simulator.cloud import Cloud
from spotkeeper import errors, settings
from tools import build

README = (build.ROOT / "README.md").read_text(encoding="utf-8")


def test_drill_output() -> None:
    """The first screen shows the drill's real output, to the letter."""
    run = subprocess.run([sys.executable, "-m", "simulator.drill"], cwd=build.ROOT, capture_output=True, check=True)
    assert f"```\n{run.stdout.decode()}```\n" in README


def test_settings() -> None:
    """Every setting of the function is in the table, and nothing else that looks like one is in the text."""
    named = set(re.findall(r"SPOTKEEPER_[A-Z_]+", README))
    assert named == settings.KNOWN


def test_errors() -> None:
    """The table of errors names the classes that exist."""
    table = README.partition("| error | what to do |")[2].partition("## ")[0]
    named = set(re.findall(r"`([A-Z]\w+)`", table))
    assert named == {name for name in vars(errors) if name[0].isupper()} - {"SpotkeeperError", "WaitFailed", "Any"}


def test_covered_operations() -> None:
    """The simulator covers the operations that the README lists."""
    cloud = Cloud(0)
    for product in (cloud.ecs, cloud.slb, cloud.ess):
        assert ", ".join(sorted(product.actions)) in README


def test_make_targets() -> None:
    """Every make target that the README names exists."""
    makefile = (build.ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z-]+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
