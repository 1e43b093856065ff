"""s.yaml as it stands, with one change, and what the strict check says of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tools.check_deployment.check import ROOT, check
from tools.check_deployment.document import read
from tools.check_deployment.resolve import Resolver, extended

FILE = ROOT / "s.yaml"
DEPLOYER = {
    "DEPLOY_LAYER_ARN": "acs:fc:cn-hangzhou:1690701234567830:layers/spotkeeper/versions/7",
    "DEPLOY_JOURNAL_BUCKET": "journal-of-ours",
    "DEPLOY_LOG_PROJECT": "logs-of-ours",
}
"""What has no default."""
STATE_CHANGE_PATTERN = '{"source":["acs.ecs"],"type":["ecs:Instance:StateChange"]}'
BUS = "            eventSourceConfig:\n              eventSourceType: Default\n"
FUNCTIONS = ("interruption", "state_change", "lifecycle_hook", "sweep")


class Mistake(NamedTuple):
    """``before`` stands once in s.yaml; with ``after`` in its place the check must say ``complaint``."""

    name: str
    before: str
    after: str
    complaint: str


def text(before: str = "", after: str = "") -> str:
    """The file, with ``after`` in place of ``before``, which stands in it exactly once."""
    whole = FILE.read_text(encoding="utf-8")
    if before:
        assert whole.count(before) == 1, f"{before!r} stands {whole.count(before)} times in s.yaml"
    return whole.replace(before, after) if before else whole


def document(folder: Path, before: str = "", after: str = "") -> dict[str, Any]:
    """That file, read. Raises ``UnreadableFileError``."""
    changed = folder / "s.yaml"
    changed.write_text(text(before, after), encoding="utf-8")
    return read(changed)


def said(folder: Path, before: str = "", after: str = "", environ: Mapping[str, str] | None = None) -> list[str]:
    """What the check says of that file, deployed with ``environ`` on top of ``DEPLOYER``."""
    complaints, examples = check(document(folder, before, after), {**DEPLOYER, **(environ or {})})
    assert not examples
    return [str(complaint) for complaint in complaints]


def resolved(environ: Mapping[str, str] = DEPLOYER) -> dict[str, Any]:
    """The file as it would be deployed."""
    return extended(Resolver(read(FILE), environ).resolved())


def props(function: str, environ: Mapping[str, str] = DEPLOYER) -> dict[str, Any]:
    """The properties of one function, as it would be deployed."""
    found: dict[str, Any] = resolved(environ)["resources"][function]["props"]
    return found


def named(folder: Path, mistake: Mistake) -> bool:
    """Whether the check refuses the mistake: where, what, and what is accepted."""
    complaints = said(folder, mistake.before, mistake.after)
    assert all("; accepted: " in complaint for complaint in complaints)
    assert any(mistake.complaint in complaint for complaint in complaints), complaints
    return True
