"""The file as the Serverless Devs CLI reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tools.check_deployment.complaint import UnreadableFileError

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path) -> dict[str, Any]:
    """The mapping in the file: YAML 1.2, as js-yaml reads it (``yes`` is text), a key that stands twice refused.

    Raises ``UnreadableFileError``.
    """
    try:
        document = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFileError(f"cannot read {path}: {error}") from error
    except YAMLError as error:
        message = str(error).partition("To suppress this check")[0]
        raise UnreadableFileError(f"{path} is not YAML: {' '.join(message.split())}") from error
    if not isinstance(document, dict):
        raise UnreadableFileError(f"{path} is not a mapping with edition, vars and resources")
    return document
