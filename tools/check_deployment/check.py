"""The whole check: the mistakes of the first kind that a file has."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools.check_deployment import environment, functions, structure, triggers
from tools.check_deployment.complaint import Complaint
from tools.check_deployment.document import read
from tools.check_deployment.resolve import Resolver, extended

ROOT = Path(__file__).resolve().parents[2]


def report(file: Path) -> int:
    """Check a file and print the mistakes: 1 where there are any, else 0. Raises ``UnreadableFileError``."""
    complaints, examples = check(read(file), os.environ)
    for name, value in examples.items():
        print(f"{name} is not set; checked with {value}")
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{file.name}: {f'{len(complaints)} mistakes' if complaints else 'right'}")
    return int(bool(complaints))


def check(
    document: Mapping[str, Any], environ: Mapping[str, str], root: Path = ROOT
) -> tuple[list[Complaint], dict[str, str]]:
    """What is wrong with a document as it would be deployed from ``environ`` out of the checkout ``root``.

    Also returned: the variables that are not set, with the examples that were checked in their place. References that
    cannot be resolved are reported alone, and so are refusals of the schema: later rules need both to be right.
    """
    resolver = Resolver(document, environ)
    resolved = resolver.resolved()
    complete = extended(resolved)
    found = resolver.complaints or structure.complaints(resolved, complete) or _rules(complete, root)
    return found, resolver.examples


def _rules(document: Mapping[str, Any], root: Path) -> list[Complaint]:
    props = {name: resource["props"] for name, resource in document["resources"].items()}
    return [rule for module in (functions, environment, triggers) for rule in module.complaints(props, root)]
