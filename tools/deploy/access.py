"""The credentials that the Serverless Devs CLI works with, and how it gets them.

The CLI knows *access aliases*: what `s config add` wrote, or an environment variable whose name ends in
``_serverless_devs_key`` and that holds them as JSON. The three variables that it also reads (``AccountID``,
``AccessKeyID``, ``AccessKeySecret``) go before every alias and have no security token, so STS credentials would fail
with them: such keys are passed as JSON too, and the three variables are removed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from spotkeeper.credentials import Credentials
from tools.errors import NothingDone

KEY_VARIABLE = "spotkeeper_serverless_devs_key"
CLI_VARIABLES = ("AccountID", "AccessKeyID", "AccessKeySecret", "SecurityToken")
DEFAULT_ALIAS = "default"

NO_CREDENTIALS = (
    "no credentials. One of these:\n"
    "  npx s config add                     keeps an access key on this machine, as alias default\n"
    "  DEPLOY_ACCESS=<alias>                another alias that s config has\n"
    "  ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN)\n"
    "Use a RAM user or an STS role that may deploy, never the account's own key."
)


@dataclass(frozen=True)
class Access:
    """``alias`` for the CLI, ``description`` for people, ``keys`` (JSON; empty for an alias of `s config`)."""

    alias: str
    description: str
    keys: str = field(default="", repr=False)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """``environ`` in which nothing takes precedence over the alias."""
        others = {name: value for name, value in environ.items() if name not in CLI_VARIABLES}
        return {**others, KEY_VARIABLE: self.keys} if self.keys else others


def find_access(
    environ: Mapping[str, str], has_alias: Callable[[str], bool], account_of: Callable[[Credentials], str]
) -> Access:
    """The alias in ``DEPLOY_ACCESS``, else the keys in ``environ``, else the alias ``default`` of `s config add`.

    ``has_alias`` says whether the CLI has an alias, ``account_of`` asks STS. Raises ``NothingDone`` without any.
    """
    if alias := environ.get("DEPLOY_ACCESS"):
        if not has_alias(alias):
            raise NothingDone(f"DEPLOY_ACCESS is {alias}, and s config has no such alias: npx s config add -a {alias}")
        return Access(alias, f"alias {alias} of s config")
    return _in_environment(environ, account_of) or _default(has_alias)


def _in_environment(environ: Mapping[str, str], account_of: Callable[[Credentials], str]) -> Access | None:
    prefix = "ALIBABA_CLOUD_"
    key, secret = environ.get(f"{prefix}ACCESS_KEY_ID", ""), environ.get(f"{prefix}ACCESS_KEY_SECRET", "")
    if key and secret:
        credentials = Credentials(key, secret, environ.get(f"{prefix}SECURITY_TOKEN", ""))
        return _as_json(account_of(credentials), credentials, f"the credentials in {prefix}ACCESS_KEY_*")
    account, key, secret, token = (environ.get(name, "") for name in CLI_VARIABLES)
    if account and key and secret:
        return _as_json(account, Credentials(key, secret, token), "the credentials in AccountID, AccessKeyID, …")
    return None


def _as_json(account: str, credentials: Credentials, description: str) -> Access:
    values = (account, credentials.access_key_id, credentials.access_key_secret, credentials.security_token)
    keys = {name: value for name, value in zip(CLI_VARIABLES, values, strict=True) if value}
    return Access(KEY_VARIABLE, description, json.dumps(keys))


def _default(has_alias: Callable[[str], bool]) -> Access:
    if not has_alias(DEFAULT_ALIAS):
        raise NothingDone(NO_CREDENTIALS)
    return Access(DEFAULT_ALIAS, f"alias {DEFAULT_ALIAS} of s config")
