"""In whose name the Serverless Devs CLI works, and how it is told.

The CLI knows *access aliases*: what `s config add` wrote, or an environment variable whose name ends in
``_serverless_devs_key`` and that holds them as JSON. The three variables that it also reads (``AccountID``,
``AccessKeyID``, ``AccessKeySecret``) go before every alias and have no security token, so STS credentials would fail
with them: they are handed over as JSON too, and the three are taken away.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from spotkeeper.credentials import Credentials
from tools.deploy.errors import CannotDeploy

HANDED_OVER = "spotkeeper_serverless_devs_key"
OWN = ("AccountID", "AccessKeyID", "AccessKeySecret", "SecurityToken")
DEFAULT_ALIAS = "default"

NONE = (
    "no credentials. One of these:\n"
    "  npx s config add                     keeps an access key on this machine, as alias default\n"
    "  DEPLOY_ACCESS=<alias>                another alias that s config has\n"
    "  ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN)\n"
    "Use a RAM user or an STS role that may deploy, never the account's own key."
)


@dataclass(frozen=True)
class Access:
    """``alias`` for the CLI, ``told`` to people, ``handed_over`` in its environment (JSON, empty for what it keeps)."""

    alias: str
    told: str
    handed_over: str = field(default="", repr=False)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """``environ`` in which nothing goes before the alias."""
        kept = {name: value for name, value in environ.items() if name not in OWN}
        return {**kept, HANDED_OVER: self.handed_over} if self.handed_over else kept


def find_access(
    environ: Mapping[str, str], knows: Callable[[str], bool], account_of: Callable[[Credentials], str]
) -> Access:
    """The alias that is named, else the keys in ``environ``, else what `s config add` kept as default.

    ``knows`` says whether the CLI has an alias, ``account_of`` asks STS. Raises ``CannotDeploy`` without any.
    """
    if named := environ.get("DEPLOY_ACCESS"):
        if not knows(named):
            raise CannotDeploy(f"DEPLOY_ACCESS is {named}, and s config has no such alias: npx s config add -a {named}")
        return Access(named, f"alias {named} of s config")
    return _in_environment(environ, account_of) or _kept(knows)


def _in_environment(environ: Mapping[str, str], account_of: Callable[[Credentials], str]) -> Access | None:
    prefix = "ALIBABA_CLOUD_"
    key, secret = environ.get(f"{prefix}ACCESS_KEY_ID", ""), environ.get(f"{prefix}ACCESS_KEY_SECRET", "")
    if key and secret:
        credentials = Credentials(key, secret, environ.get(f"{prefix}SECURITY_TOKEN", ""))
        return _handed_over(account_of(credentials), credentials, f"the credentials in {prefix}ACCESS_KEY_*")
    account, key, secret, token = (environ.get(name, "") for name in OWN)
    if account and key and secret:
        return _handed_over(account, Credentials(key, secret, token), "the credentials in AccountID, AccessKeyID, …")
    return None


def _handed_over(account: str, credentials: Credentials, told: str) -> Access:
    values = (account, credentials.access_key_id, credentials.access_key_secret, credentials.security_token)
    keys = {name: value for name, value in zip(OWN, values, strict=True) if value}
    return Access(HANDED_OVER, told, json.dumps(keys))


def _kept(knows: Callable[[str], bool]) -> Access:
    if not knows(DEFAULT_ALIAS):
        raise CannotDeploy(NONE)
    return Access(DEFAULT_ALIAS, f"alias {DEFAULT_ALIAS} of s config")
