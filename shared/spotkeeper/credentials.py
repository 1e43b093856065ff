"""The access key of API calls. It is read at each call, never at import: the keys of a warm process rotate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spotkeeper.errors import NoCredentials

KEYS = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")


@dataclass(frozen=True)
class Credentials:
    """An access key; ``security_token`` is empty for a long-lived key. ``repr`` shows no secret."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str = field(default="", repr=False)


def find_credentials(context: Any, environ: Mapping[str, str]) -> Credentials:
    """``context.credentials`` (python3.10), else ``ALIBABA_CLOUD_ACCESS_KEY_*``, else the default chain.

    Raises ``NoCredentials`` where none of them has a key.
    """
    given = getattr(context, "credentials", None)
    in_context = (getattr(given, name, None) for name in ("access_key_id", "access_key_secret", "security_token"))
    return _complete(*in_context) or _complete(*map(environ.get, KEYS)) or _from_default_chain()


def _complete(key_id: Any, secret: Any, token: Any) -> Credentials | None:
    return Credentials(str(key_id), str(secret), str(token or "")) if key_id and secret else None


def _from_default_chain() -> Credentials:
    from spotkeeper.clients import silence_sdk_loggers  # noqa: PLC0415
    from spotkeeper.stand_ins import stand_ins  # noqa: PLC0415

    with stand_ins():
        from alibabacloud_credentials.client import Client  # noqa: PLC0415 - loaded only without another key

    silence_sdk_loggers()  # the default chain prints a traceback for each place without a key
    try:
        found = Client().get_credential()
    except Exception as error:  # noqa: BLE001 - its providers raise errors of any class
        raise NoCredentials(
            "no credentials: give the function a role; at a shell set ALIBABA_CLOUD_ACCESS_KEY_ID and "
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET, or run aliyun configure (the default chain found none: "
            f"{type(error).__name__})"
        ) from None
    return Credentials(found.access_key_id, found.access_key_secret, found.security_token or "")
