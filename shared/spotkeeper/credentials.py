"""Whose name the calls are made in. Read at each call, never at import: the keys of a warm process rotate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spotkeeper.errors import NoCredentials


@dataclass(frozen=True)
class Credentials:
    """An access key; ``security_token`` is empty for a long-lived one. The secret parts are left out of ``repr``."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(default="", repr=False)


def find_credentials(context: Any, environ: Mapping[str, str]) -> Credentials:
    """``context.credentials`` (python3.10), else ``ALIBABA_CLOUD_ACCESS_KEY_*``, else the default chain.

    Raises ``NoCredentials`` where none of them has a key.
    """
    return _from_context(context) or _from_environment(environ) or _from_default_chain()


def _from_context(context: Any) -> Credentials | None:
    given = getattr(context, "credentials", None)
    key_id = getattr(given, "access_key_id", None)
    secret = getattr(given, "access_key_secret", None)
    if not key_id or not secret:
        return None
    return Credentials(str(key_id), str(secret), str(getattr(given, "security_token", None) or ""))


def _from_environment(environ: Mapping[str, str]) -> Credentials | None:
    key_id = environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID", "")
    secret = environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "")
    if not key_id or not secret:
        return None
    return Credentials(key_id, secret, environ.get("ALIBABA_CLOUD_SECURITY_TOKEN", ""))


def _from_default_chain() -> Credentials:
    from alibabacloud_credentials.client import Client  # noqa: PLC0415 - only where nothing else has a key

    from spotkeeper.clients import silence_sdk_loggers  # noqa: PLC0415

    silence_sdk_loggers()  # it prints a traceback for each place where it finds no key
    try:
        found = Client().get_credential()
    except Exception as error:  # noqa: BLE001 - its providers raise whatever they like
        raise NoCredentials(
            "no credentials: give the function a role; at a shell set ALIBABA_CLOUD_ACCESS_KEY_ID and "
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET, or run aliyun configure (the default chain found none: "
            f"{type(error).__name__})"
        ) from None
    return Credentials(found.access_key_id, found.access_key_secret, found.security_token or "")
