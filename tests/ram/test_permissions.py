"""``make permissions``: shown first, done when told to, the same however often."""

from __future__ import annotations

import json

import pytest

import ram
from simulator.faults import Fault
from simulator.ram import Policy
from simulator.ram_service import MOST_VERSIONS
from simulator.signing import AccessKey
from tests.ram.account import BUCKET, DEPLOYMENT, ROLES, Account
from tests.ram.documents import actions, listed

SWEEP = "spotkeeper-sweep"


@pytest.fixture
def account() -> Account:
    """A new account."""
    return Account()


def test_dry_run(account: Account) -> None:
    """A dry run changes nothing and shows every role, policy and property of the bucket that it would make."""
    status, out, err = account.run("--dry-run")
    assert (status, err, account.writes) == (0, "", [])
    assert all(f"role {name}: create it" in out and f"policy {name}: create it" in out for name in ROLES)
    assert all(f"bucket {BUCKET}: {what}" in out for what in ("create it in cn-hangzhou, private", "encrypt", "switch"))
    assert out.endswith("Nothing was changed (dry run).\n")


@pytest.mark.parametrize("variables", [{}, {"CI": "true"}], ids=["laptop", "CI"])
def test_nobody_to_ask(account: Account, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    """Without a terminal and without YES nothing is changed, in CI neither; on a terminal it asks, and no means no."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    status, _, err = account.run(**variables)
    assert (status, account.writes) == (2, [])
    assert "say YES=true (--yes)" in err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer in ("n", "y"):
        monkeypatch.setattr("builtins.input", lambda _, answer=answer: answer)
        assert account.run(**variables)[0] == 0
        assert (account.writes != []) is (answer == "y")


def test_everything_is_made(account: Account) -> None:
    """Four roles that Function Compute alone may assume, each with its own policy, and the bucket."""
    account.applied()
    there = account.there
    assert {name: policies for name, (_, policies) in there["roles"].items()} == {name: [name] for name in ROLES}
    assert all(json.loads(trust) == ram.trust() for trust, _ in there["roles"].values())
    assert set(there["policies"]) == set(ROLES)
    resource = f"acs:oss:*:*:{BUCKET}/spotkeeper/*/sweeps/*"
    assert any(resource in item["Resource"] for item in there["policies"][SWEEP]["Statement"])
    acl, versioning, encryption, blocked, lifecycle = there["buckets"][BUCKET]
    assert (acl, versioning, encryption, blocked) == ("private", None, "AES256", True)
    assert b"<Days>90</Days>" in lifecycle
    assert b"<Prefix>spotkeeper/</Prefix>" in lifecycle


def test_what_is_there_is_left_alone(account: Account) -> None:
    """The second run finds nothing to do and writes nothing."""
    account.applied()
    writes = account.writes
    assert "Nothing to do." in account.applied()
    assert account.writes == writes


def test_what_has_drifted_is_brought_back(account: Account) -> None:
    """A policy that somebody changed, a trust policy that lets others in, a policy that was detached."""
    account.applied()
    before = account.there
    roles, policies = account.cloud.ram.roles, account.cloud.ram.policies
    kept = policies[SWEEP].document["Statement"][1:]
    policies[SWEEP].versions[1] = json.dumps({"Version": "1", "Statement": kept})
    roles[ROLES[0]].trust = json.dumps({**ram.trust(), "Statement": []})
    roles[ROLES[1]].policies.clear()
    out = account.applied()
    assert account.there == before
    assert "policy spotkeeper-sweep: create a new version of it: +ecs:DescribeDisks" in out
    assert "role spotkeeper-interruption: replace its trust policy" in out
    assert "role spotkeeper-state-change: attach policy spotkeeper-state-change" in out


def test_a_policy_has_five_versions_at_most(account: Account) -> None:
    """The oldest that does not count makes room."""
    account.applied()
    policy = account.cloud.ram.policies[SWEEP]
    wanted = policy.versions[1]
    nothing = json.dumps({"Version": "1", "Statement": []})
    policy.versions = dict.fromkeys(range(1, MOST_VERSIONS + 1), nothing)
    account.applied()
    assert sorted(policy.versions) == [1, *range(3, MOST_VERSIONS + 2)]
    assert json.loads(policy.versions[policy.default]) == json.loads(wanted)


def test_a_role_with_more_than_its_policy(account: Account) -> None:
    """It is said, and left to whoever attached it."""
    account.applied()
    account.cloud.ram.roles[SWEEP].policies.append(ROLES[0])
    assert "role spotkeeper-sweep: has policy spotkeeper-interruption too" in account.applied()


@pytest.mark.parametrize("kind", ["roles", "policies"])
def test_somebody_elses(account: Account, kind: str) -> None:
    """What bears the name and another description is not touched, nor anything else."""
    account.applied()
    getattr(account.cloud.ram, kind)[SWEEP].description = "nightly cleaning"
    refusal = account.refused()
    assert "is not this deployment's: its description is 'nightly cleaning'" in refusal
    assert "DEPLOY_ROLE_SWEEP" in refusal


def test_another_region_needs_its_own_roles(account: Account) -> None:
    """Roles belong to the whole account: a second deployment under the same names would take them from the first."""
    account.applied()
    assert "each region needs its own" in account.refused(DEPLOY_REGION="cn-shanghai")


def test_half_way(account: Account) -> None:
    """A refusal in the middle is told, and the next run goes on from there."""
    account.cloud.faults.add(Fault("ram:CreatePolicy", "code:InternalError", skip=2))
    status, _, err = account.run("--yes")
    assert status == 1
    assert "policy spotkeeper-lifecycle-hook" in err
    assert "InternalError" in err
    account.applied()
    other = Account()
    other.applied()
    assert account.there == other.there


@pytest.mark.parametrize("missing", DEPLOYMENT)
def test_a_variable_that_is_not_set(account: Account, missing: str) -> None:
    """It says which, before anything is asked for."""
    assert f"{missing}: not set" in account.refused(**{missing: ""})
    assert account.cloud.calls == []


def test_the_deployer_may_do_all_of_it(account: Account) -> None:
    """Under the printed policy a new account is set up and mended; of RAM and OSS it allows nothing beyond that."""
    status, out, _ = account.run(command="deployer-policy")
    document = json.loads(out)
    account.key = AccessKey("deployer", "secret", allowed=Policy.of(document))
    account.cloud.access_keys["deployer"] = account.key
    account.applied()
    account.cloud.ram.roles[SWEEP].trust = "{}"
    account.cloud.ram.policies[SWEEP].versions[1] = '{"Version": "1", "Statement": []}'
    account.applied()
    for_deployment = {"ram:PassRole", "ram:CreateServiceLinkedRole"}
    allowed = {action for action in actions(document) if action.startswith(("ram:", "oss:"))} - for_deployment
    assert (status, account.key.used) == (0, allowed)


def test_the_deployer_gets_no_further(account: Account) -> None:
    """Other roles, other policies and other buckets are out of reach; roles go to Function Compute alone."""
    document = json.loads(account.run(command="deployer-policy")[1])
    for statement in document["Statement"]:
        if any(item.startswith(("ram:", "oss:")) for item in listed(statement["Action"])):
            assert "Condition" in statement or all("*:*:*" not in item for item in listed(statement["Resource"]))
    account.key = AccessKey("deployer", "secret", allowed=Policy.of(document))
    account.cloud.access_keys["deployer"] = account.key
    assert "NoPermission" in account.refused(DEPLOY_ROLE_SWEEP="another-role")
    assert "AccessDenied" in account.refused(DEPLOY_JOURNAL_BUCKET="another-bucket")
