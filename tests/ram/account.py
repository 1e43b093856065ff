"""An account in an embedded cloud, and ``spotkeeper permissions`` with its credentials."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulator.cloud import Cloud
from simulator.oss.buckets import Bucket
from simulator.signing import AccessKey
from simulator.transport import in_process
from tests.command import typed
from tests.simulator.sdk import NOON

BUCKET = "journal-of-ours"
ROLES = ("spotkeeper-interruption", "spotkeeper-state-change", "spotkeeper-lifecycle-hook", "spotkeeper-sweep")
DEPLOYMENT = {"DEPLOY_JOURNAL_BUCKET": BUCKET, "DEPLOY_LOG_PROJECT": "logs-of-ours"}


@dataclass
class Account:
    """``key``: the command's credentials; the account's own by default."""

    cloud: Cloud = field(default_factory=lambda: Cloud(NOON))
    key: AccessKey | None = None

    def run(self, *arguments: str, command: str = "permissions", **variables: str) -> tuple[int, str, str]:
        """``spotkeeper permissions``, or the command that is named: exit code, output, errors."""
        key = self.key or self.cloud.access_key
        keys = {"ALIBABA_CLOUD_ACCESS_KEY_ID": key.access_key_id, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.secret}
        with in_process(self.cloud) as url:
            environ = {"RAM_ENDPOINT": url, "OSS_ENDPOINT": url, **keys, **DEPLOYMENT, **variables}
            return typed([command, *arguments], environ)

    def applied(self, **variables: str) -> str:
        """With ``--yes``, successfully: the output."""
        status, out, err = self.run("--yes", **variables)
        assert (status, err) == (0, "")
        return out

    def refused(self, *arguments: str, **variables: str) -> str:
        """It refuses, and nothing is changed: what it says."""
        before = len(self.writes)
        status, _, err = self.run(*arguments, "--yes", **variables)
        assert (status, self.writes[before:]) == (2, [])
        return err

    @property
    def bucket(self) -> Bucket:
        """The journal's."""
        return self.cloud.oss.buckets[BUCKET]

    @property
    def writes(self) -> list[str]:
        """The actions that were accepted and that changed something."""
        reads = ("Get", "List")
        return [call.action for call in self.cloud.calls if call.status == 200 and not call.action.startswith(reads)]

    @property
    def there(self) -> dict[str, Any]:
        """Everything that the command is about."""
        return {
            "roles": {name: (role.trust, role.policies) for name, role in self.cloud.ram.roles.items()},
            "policies": {name: policy.document for name, policy in self.cloud.ram.policies.items()},
            "buckets": {
                name: (bucket.acl, bucket.versioning, bucket.encryption, bucket.block_public_access, bucket.lifecycle)
                for name, bucket in self.cloud.oss.buckets.items()
            },
        }
