"""The journal's bucket: what an existing bucket has to be like."""

from __future__ import annotations

import pytest

from tests.ram.account import BUCKET, Account

RULES = "<LifecycleConfiguration>{}</LifecycleConfiguration>"
RULE = (
    "<Rule><ID>{name}</ID><Prefix>{prefix}</Prefix><Status>{status}</Status>"
    "<Expiration><Days>{days}</Days></Expiration></Rule>"
)


@pytest.fixture
def account() -> Account:
    """Roles and bucket are there, all as it should be."""
    made = Account()
    made.applied()
    return made


def rule(name: str = "theirs", prefix: str = "logs/", status: str = "Enabled", days: int = 30) -> str:
    """A lifecycle rule."""
    return RULE.format(name=name, prefix=prefix, status=status, days=days)


def test_a_plain_private_bucket_is_made_stricter(account: Account) -> None:
    """Encryption, Block Public Access and the rule are added; objects and everything else stay."""
    account.bucket.encryption, account.bucket.block_public_access, account.bucket.lifecycle = None, False, None
    account.applied()
    assert account.writes[-3:] == ["PutBucketEncryption", "PutBucketPublicAccessBlock", "PutBucketLifecycle"]


def test_a_key_of_the_account_stays(account: Account) -> None:
    """A bucket that is encrypted with KMS is encrypted."""
    account.bucket.encryption = "KMS"
    assert "Nothing to do." in account.applied()


@pytest.mark.parametrize("versioning", ["Enabled", "Suspended"])
def test_never_versioned(account: Account, versioning: str) -> None:
    """Overwriting cannot be forbidden there, and versioning can never be taken away: another bucket it has to be."""
    account.bucket.versioning = versioning
    refusal = account.refused()
    assert f"has versioning ({versioning})" in refusal
    assert "DEPLOY_JOURNAL_BUCKET" in refusal


@pytest.mark.parametrize("acl", ["public-read", "public-read-write"])
def test_never_public(account: Account, acl: str) -> None:
    """It says so, and leaves to whoever owns it whether that is to end."""
    account.bucket.acl = acl
    assert f"has the ACL {acl}" in account.refused()


def test_somewhere_else_or_somebody_elses(account: Account) -> None:
    """OSS answers AccessDenied in both cases, so both are named."""
    account.bucket.region = "cn-beijing"
    assert "in another region than cn-hangzhou" in account.refused()
    account.cloud.oss.taken.add("somebody-elses")
    assert "It belongs to another account" in account.refused(DEPLOY_JOURNAL_BUCKET="somebody-elses")


def test_a_region_that_tells(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OSS does answer for a bucket of another region, its location is looked at."""
    monkeypatch.setattr(account.cloud.oss, "_bucket", lambda target: account.cloud.oss.buckets[target.bucket])
    answer = f"<BucketInfo><Bucket><Name>{BUCKET}</Name><Location>oss-cn-beijing</Location></Bucket></BucketInfo>"
    monkeypatch.setattr("simulator.oss.service.documents.bucket_info", lambda *_: answer.encode())
    assert "is in oss-cn-beijing" in account.refused()


def test_other_rules_stay(account: Account) -> None:
    """PutBucketLifecycle replaces all rules, so those of others are put again; an outdated rule of our own is not."""
    account.bucket.lifecycle = RULES.format(rule() + rule("spotkeeper-journal", "spotkeeper/", days=30)).encode()
    account.applied(JOURNAL_DAYS="120")
    lifecycle = (account.bucket.lifecycle or b"").decode()
    assert "<ID>theirs</ID>" in lifecycle
    assert lifecycle.count("<ID>spotkeeper-journal</ID>") == 1
    assert ("<Days>30</Days>" in lifecycle, "<Days>120</Days>" in lifecycle) == (True, True)
    writes = account.writes
    account.applied(JOURNAL_DAYS="120")
    assert account.writes == writes


@pytest.mark.parametrize("prefix", ["", "spot", "spotkeeper/", "spotkeeper/1690701234567830/"])
def test_a_rule_that_deletes_the_journal_too_early(account: Account, prefix: str) -> None:
    """Somebody's rule covers the journal, or a part of it, and does not keep it for as long as it is needed."""
    account.bucket.lifecycle = RULES.format(rule(prefix=prefix, days=7)).encode()
    assert "lifecycle rule theirs" in account.refused()


def test_a_rule_that_does_it_already(account: Account) -> None:
    """The whole bucket's expiration is the journal's too: OSS takes no second expiration for the same objects."""
    account.bucket.lifecycle = RULES.format(rule(prefix="", days=60)).encode()
    assert "Nothing to do." in account.applied()
    account.bucket.lifecycle = RULES.format(rule(prefix="", days=7, status="Disabled")).encode()
    assert "delete journal records after 90 days" in account.applied()


@pytest.mark.parametrize(
    ("days", "said"), [("7", "8 or more"), ("x", "is not a valid integer"), ("-3", "is not in the range")]
)
def test_days(account: Account, days: str, said: str) -> None:
    """Longer than images are kept for the sweep to delete them, and a number."""
    assert said in account.refused(JOURNAL_DAYS=days)
