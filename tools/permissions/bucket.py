"""The journal's bucket: private, unversioned, encrypted, without public access, with expiring records."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import alibabacloud_oss_v2 as oss

from spotkeeper.errors import CloudError
from tools.errors import NothingDone
from tools.permissions.apis import Buckets
from tools.permissions.change import Change
from tools.permissions.deployment import Deployment

RULE = "spotkeeper-journal"
ANOTHER = "Nothing was changed. Name another bucket in DEPLOY_JOURNAL_BUCKET"


def changes(buckets: Buckets, deployment: Deployment) -> list[Change]:
    """The bucket's changes. Raises NothingDone for a bucket that cannot hold a journal, and ``CloudError``."""
    name = deployment.bucket
    info = _look(buckets, name)
    if info is None:
        create = functools.partial(buckets.create, name)
        return [
            Change(f"bucket {name}", f"create it in {deployment.region}, private", create),
            *_settings(buckets, deployment, None, []),
        ]
    _check(info, deployment)
    found = list(_settings(buckets, deployment, info, buckets.lifecycle(name)))
    return found or [Change(f"bucket {name}", "as it should be")]


def _look(buckets: Buckets, name: str) -> Any:
    try:
        return buckets.info(name)
    except CloudError as error:
        if error.code != "AccessDenied":
            raise
        raise NothingDone(
            f"bucket {name} exists and cannot be read: {error}. It belongs to another account, it is in another region "
            f"than {buckets.region}, or you lack oss:GetBucketInfo. {ANOTHER}"
        ) from error


def _check(info: Any, deployment: Deployment) -> None:
    """An existing bucket is only ever made stricter; what would need more than that is refused."""
    name = f"bucket {deployment.bucket}"
    if info.location != f"oss-{deployment.region}":
        raise NothingDone(f"{name} is in {info.location}, and the functions in {deployment.region}. {ANOTHER}")
    if info.versioning:
        raise NothingDone(
            f"{name} has versioning ({info.versioning}): the journal creates its records with x-oss-forbid-overwrite, "
            "which OSS ignores there, and versioning can be suspended but never removed: two calls would rescue an "
            f"instance twice. {ANOTHER}"
        )
    if info.acl != "private":
        raise NothingDone(
            f"{name} has the ACL {info.acl}: everybody could read the journal's records of your instances. Make it "
            f"private, if it is meant for the journal. {ANOTHER}"
        )


def _settings(buckets: Buckets, deployment: Deployment, info: Any, rules: list[Any]) -> Iterator[Change]:
    name, what = deployment.bucket, f"bucket {deployment.bucket}"
    algorithm = info and info.sse_rule and info.sse_rule.sse_algorithm
    if algorithm in (None, "", "None"):
        yield Change(what, "encrypt by default (AES256)", functools.partial(buckets.encrypt, name))
    if not (info and info.block_public_access):
        yield Change(what, "switch on Block Public Access", functools.partial(buckets.block_public_access, name))
    if wanted := _wanted(rules, deployment):
        put = functools.partial(buckets.put_lifecycle, name, wanted)
        does = f"delete journal records after {deployment.days} days (JOURNAL_DAYS), by lifecycle rule {RULE}"
        yield Change(what, does, put)


def _wanted(rules: list[Any], deployment: Deployment) -> list[Any]:
    """All lifecycle rules as they should be; none where the journal's expire already. Raises NothingDone."""
    others = [rule for rule in rules if rule.id != RULE]
    touching = [rule for rule in others if rule.status == "Enabled" and rule.expiration and _touches(rule, deployment)]
    for rule in touching:
        if (rule.expiration.days or 0) < deployment.shortest_days:
            raise NothingDone(
                f"lifecycle rule {rule.id} of bucket {deployment.bucket} deletes journal records before "
                f"{deployment.shortest_days} days are over: rescues that are under way would be begun again, and what "
                f"they made would never be cleaned up. {ANOTHER}, or change that rule"
            )
    if any(deployment.prefix.startswith(rule.prefix or "") for rule in touching):
        return []
    own = next((rule for rule in rules if rule.id == RULE), None)
    standing = own and (own.prefix or "", own.status, own.expiration and own.expiration.days)
    return [] if standing == (deployment.prefix, "Enabled", deployment.days) else [*others, _rule(deployment)]


def _touches(rule: Any, deployment: Deployment) -> bool:
    prefix = rule.prefix or ""
    return bool(deployment.prefix.startswith(prefix) or prefix.startswith(deployment.prefix))


def _rule(deployment: Deployment) -> Any:
    expiration = oss.LifecycleRuleExpiration(days=deployment.days)
    return oss.LifecycleRule(id=RULE, prefix=deployment.prefix, status="Enabled", expiration=expiration)
