"""The typed command, in this process."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

from tools.build import ROOT
from tools.cli.main import run


def typed(words: Sequence[str], environ: Mapping[str, str], root: Path = ROOT) -> tuple[int, str, str]:
    """``spotkeeper`` with these words and no other environment: exit code, output, errors."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environ, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = run([*words], root)
    return status, out.getvalue(), err.getvalue()
