"""OSS of the embedded cloud, asked through the real SDK."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import alibabacloud_oss_v2 as oss
import crcmod
import pytest
from alibabacloud_oss_v2 import exceptions

from simulator.cloud import Cloud
from simulator.oss.buckets import Bucket, StoredObject, page
from simulator.oss.checksum import crc64
from simulator.oss.operations import OPERATIONS
from simulator.server import serving
from simulator.signing import AccessKey
from simulator.transport import in_process
from simulator.wire import Request
from tests.simulator.oss_sdk import oss_client, signed_for_oss
from tests.simulator.sdk import NOON

BUCKET = "journal"
Clients = Callable[..., Any]


@pytest.fixture
def cloud() -> Cloud:
    """A cloud with one empty bucket."""
    cloud = Cloud(NOON)
    cloud.oss.add_bucket(BUCKET)
    return cloud


@pytest.fixture
def clients(cloud: Cloud) -> Iterator[Clients]:
    """Makes SDK clients of a key, over HTTP."""
    with serving(cloud) as url:
        yield partial(oss_client, url=url)


@pytest.fixture
def client(cloud: Cloud, clients: Clients) -> Any:
    """The SDK's client with the cloud's own key."""
    return clients(cloud.access_key)


def put(key: str, body: bytes = b"{}", **headers: Any) -> Any:
    """A request to write an object."""
    return oss.PutObjectRequest(bucket=BUCKET, key=key, body=body, **headers)


def get(key: str) -> Any:
    """A request to read an object."""
    return oss.GetObjectRequest(bucket=BUCKET, key=key)


def refused(call: Callable[[Any], Any], request: Any) -> tuple[int, str]:
    """HTTP status and code of a call that must be refused."""
    with pytest.raises(exceptions.OperationError) as caught:
        call(request)
    error = caught.value.unwrap()
    assert isinstance(error, exceptions.ServiceError), error
    assert error.request_id
    return error.status_code, error.code


# -- objects ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["plain.json", "a/b/c", "a b+c%20", "über/日本", "x=1&y=2;'(~)!", "a//b"])
def test_objects_come_back_as_they_were(cloud: Cloud, client: Any, key: str) -> None:
    """Whatever the key: body, checksum, type, length, time; gone after deletion."""
    body = bytes(range(256)) * 5
    written = client.put_object(put(key, body, content_type="application/x-thing", metadata={"part": "1"}))
    read = client.get_object(get(key))
    with read.body as stream:
        assert stream.read() == body
    head = client.head_object(oss.HeadObjectRequest(bucket=BUCKET, key=key))
    assert read.etag == head.etag == written.etag
    assert written.hash_crc64 == head.hash_crc64
    assert (head.content_length, head.content_type, head.metadata) == (1280, "application/x-thing", {"part": "1"})
    assert head.last_modified.timestamp() == cloud.clock.now()
    client.delete_object(oss.DeleteObjectRequest(bucket=BUCKET, key=key))
    assert refused(client.get_object, get(key)) == (404, "NoSuchKey")
    client.delete_object(oss.DeleteObjectRequest(bucket=BUCKET, key=key))


def test_checksums_are_those_of_the_sdk() -> None:
    """The published check value, and the SDK's own algorithm on a longer text."""
    theirs = crcmod.Crc(0x142F0E1EBA9EA3693, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF, rev=True)
    theirs.update(b"spot" * 1000)
    assert crc64(b"123456789") == 0x995DC9BBDF1939FA
    assert crc64(b"spot" * 1000) == theirs.crcValue


def test_a_record_is_written_once(client: Any) -> None:
    """With forbid_overwrite the second writer gets 409, and the first writer's object stands; without it, not."""
    client.put_object(put("done.json", b'{"by": 1}', forbid_overwrite=True))
    second = put("done.json", b'{"by": 2}', forbid_overwrite=True)
    assert refused(client.put_object, second) == (409, "FileAlreadyExists")
    assert client.get_object(get("done.json")).body.read() == b'{"by": 1}'
    client.put_object(put("done.json", b'{"by": 3}', forbid_overwrite=False))
    assert client.get_object(get("done.json")).body.read() == b'{"by": 3}'


@pytest.mark.parametrize("versioning", ["Enabled", "Suspended"])
def test_a_versioned_bucket_cannot_forbid_overwriting(cloud: Cloud, client: Any, versioning: str) -> None:
    """The header is ignored there, as documented; GetBucketVersioning and GetBucketInfo tell."""
    cloud.oss.add_bucket("versioned", versioning)
    for body in (b"1", b"2"):
        request = oss.PutObjectRequest(bucket="versioned", key="k", body=body, forbid_overwrite=True)
        assert client.put_object(request).version_id
    assert client.get_object(oss.GetObjectRequest(bucket="versioned", key="k")).body.read() == b"2"
    asked = oss.GetBucketVersioningRequest(bucket="versioned")
    assert client.get_bucket_versioning(asked).version_status == versioning
    info = client.get_bucket_info(oss.GetBucketInfoRequest(bucket="versioned")).bucket_info
    assert (info.versioning, info.location, info.acl) == (versioning, "oss-cn-hangzhou", "private")
    assert (info.owner.id, info.owner.display_name) == (cloud.account_id, cloud.account_id)


def test_buckets_tell_about_themselves(cloud: Cloud, client: Any) -> None:
    """One without versioning has no status; all of them are listed."""
    cloud.oss.add_bucket("another")
    assert client.get_bucket_versioning(oss.GetBucketVersioningRequest(bucket=BUCKET)).version_status is None
    assert client.get_bucket_info(oss.GetBucketInfoRequest(bucket=BUCKET)).bucket_info.versioning is None
    assert [it.name for it in client.list_buckets(oss.ListBucketsRequest()).buckets] == [BUCKET, "another"]


def test_encryption_is_remembered(client: Any) -> None:
    """The header of the request is that of the answer."""
    client.put_object(put("k", server_side_encryption="KMS"))
    assert client.get_object(get("k")).server_side_encryption == "KMS"


def test_what_is_not_there(client: Any) -> None:
    """Bucket and key have codes of their own, also where the answer (to HEAD) has no body."""
    nowhere = {"bucket": "nowhere", "key": "k"}
    assert refused(client.get_object, oss.GetObjectRequest(**nowhere)) == (404, "NoSuchBucket")
    assert refused(client.put_object, oss.PutObjectRequest(**nowhere, body=b"")) == (404, "NoSuchBucket")
    assert refused(client.delete_object, oss.DeleteObjectRequest(**nowhere)) == (404, "NoSuchBucket")
    assert refused(client.list_objects_v2, oss.ListObjectsV2Request(bucket="nowhere")) == (404, "NoSuchBucket")
    assert refused(client.head_object, oss.HeadObjectRequest(bucket=BUCKET, key="k")) == (404, "NoSuchKey")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (put("/slash"), "InvalidObjectName"),
        (put("\\backslash"), "InvalidObjectName"),
        (put("é" * 512), "InvalidObjectName"),
        (put("k", b"whole", content_md5="1B2M2Y8AsgTpgAmY7PhCfg=="), "InvalidDigest"),
        (put("k", server_side_encryption="ROT13"), "InvalidEncryptionAlgorithmError"),
    ],
    ids=["begins with a slash", "begins with a backslash", "too long in UTF-8", "damaged", "encrypted by nothing"],
)
def test_objects_that_cannot_be(cloud: Cloud, client: Any, request_: Any, code: str) -> None:
    """They are refused before anything is written."""
    assert refused(client.put_object, request_) == (400, code)
    assert cloud.oss.state() == {BUCKET: {}}


# -- listing ---------------------------------------------------------------------------------------------------------

KEYS = ["a", "a/1", "a/2", "a/b/1", "a/b/2", "b", "b/ü", "c+d", "Ω"]


def listed(client: Any, size: int, **filters: Any) -> tuple[list[str], list[str]]:
    """All keys and common prefixes, page by page; no page is larger than asked for, all but the last are full."""
    request = oss.ListObjectsV2Request(bucket=BUCKET, max_keys=size, **filters)
    keys: list[str] = []
    prefixes: list[str] = []
    while True:
        result = client.list_objects_v2(request)
        found = [it.key for it in result.contents or []], [it.prefix for it in result.common_prefixes or []]
        assert result.key_count == len(found[0]) + len(found[1]) <= size
        assert result.key_count == size or not result.is_truncated
        keys += found[0]
        prefixes += found[1]
        if not result.is_truncated:
            return keys, prefixes
        request.continuation_token = result.next_continuation_token


@pytest.mark.parametrize("size", [1, 2, 3, 8, 9, 1000])
def test_listings_are_whole_in_pages_of_any_size(client: Any, size: int) -> None:
    """Prefix, delimiter and start-after, against what the keys themselves say."""
    for key in KEYS:
        client.put_object(put(key))
    assert listed(client, size) == (KEYS, [])
    assert listed(client, size, prefix="a/") == (["a/1", "a/2", "a/b/1", "a/b/2"], [])
    assert listed(client, size, prefix="a/", delimiter="/") == (["a/1", "a/2"], ["a/b/"])
    assert listed(client, size, delimiter="/") == (["a", "b", "c+d", "Ω"], ["a/", "b/"])
    assert listed(client, size, start_after="a/b/1") == (["a/b/2", "b", "b/ü", "c+d", "Ω"], [])
    assert listed(client, size, prefix="none") == ([], [])


def test_a_listing_shows_what_an_object_is(cloud: Cloud, client: Any) -> None:
    """Size, ETag and time, as for the object itself."""
    written = client.put_object(put("k", b"12345"))
    (row,) = client.list_objects_v2(oss.ListObjectsV2Request(bucket=BUCKET)).contents
    assert (row.size, row.etag, row.last_modified.timestamp()) == (5, written.etag, cloud.clock.now())


@pytest.mark.parametrize(
    "filters", [{"max_keys": 0}, {"max_keys": 1001}, {"continuation_token": "?"}, {"encoding_type": "base64"}]
)
def test_listings_that_cannot_be(client: Any, filters: dict[str, Any]) -> None:
    """Page sizes are 1 to 1000, tokens those that a listing gave out."""
    request = oss.ListObjectsV2Request(bucket=BUCKET, **filters)
    assert refused(client.list_objects_v2, request) == (400, "InvalidArgument")


def test_pages_do_not_depend_on_what_was_deleted_between() -> None:
    """A token is a position, not a count."""
    bucket = Bucket(BUCKET, NOON, objects={key: StoredObject(b"", NOON) for key in "abcd"})
    first = page(bucket, "", "", "", 2)
    del bucket.objects["a"]
    assert (first.keys, page(bucket, "", "", first.last, 2).keys) == (["a", "b"], ["c", "d"])


# -- who may ---------------------------------------------------------------------------------------------------------


def test_requests_are_signed_by_a_known_key(cloud: Cloud, clients: Clients) -> None:
    """Another secret, another key, another region, and nobody."""
    own = cloud.access_key
    assert refused(clients(replace(own, secret="x")).get_object, get("k")) == (403, "SignatureDoesNotMatch")
    assert refused(clients(replace(own, access_key_id="x")).get_object, get("k")) == (403, "InvalidAccessKeyId")
    assert refused(clients(own, region="cn-beijing").get_object, get("k")) == (400, "InvalidArgument")
    assert refused(clients(replace(own, security_token="x")).get_object, get("k")) == (403, "InvalidSecurityToken")
    anonymous = cloud.respond(Request("GET", f"/{BUCKET}/k", "", {"host": "127.0.0.1"}))
    assert (anonymous.status, b"<Code>AccessDenied</Code>" in anonymous.body) == (403, True)


def test_keys_from_sts_need_their_token_in_time(cloud: Cloud, clients: Clients) -> None:
    """No token, a wrong token, the right token, and the right token too late."""
    key = AccessKey("STS.x", "secret", security_token="token", expires_at=NOON + 60)
    cloud.access_keys[key.access_key_id] = key
    assert refused(clients(replace(key, security_token=None)).put_object, put("k")) == (403, "InvalidAccessKeyId")
    assert refused(clients(replace(key, security_token="x")).put_object, put("k")) == (403, "InvalidSecurityToken")
    clients(key).put_object(put("k"))
    cloud.clock.advance(60)
    assert refused(clients(key).put_object, put("k")) == (403, "SecurityTokenExpired")


@pytest.mark.parametrize(
    ("endpoint", "config", "host", "path"),
    [
        ("http://127.0.0.1:8080", {}, "127.0.0.1:8080", "/journal/a%20b/c"),
        ("http://[::1]:8080", {"use_path_style": True}, "[::1]:8080", "/journal/a%20b/c"),
        ("http://localhost:8080", {}, "journal.localhost:8080", "/a%20b/c"),
        ("http://localhost:8080", {"use_path_style": True}, "localhost:8080", "/journal/a%20b/c"),
        ("oss-cn-hangzhou.aliyuncs.com", {}, "journal.oss-cn-hangzhou.aliyuncs.com", "/a%20b/c"),
        ("oss-internal.aliyuncs.com", {"use_path_style": True}, "oss-internal.aliyuncs.com", "/journal/a%20b/c"),
    ],
)
def test_buckets_by_path_and_by_host(cloud: Cloud, endpoint: str, config: dict[str, Any], host: str, path: str) -> None:
    """Both styles reach the same object with a valid signature; IP addresses take the path style by themselves."""
    cloud.oss.buckets[BUCKET].objects["a b/c"] = StoredObject(b"here", NOON)
    with in_process(cloud, host=host):
        assert oss_client(cloud.access_key, endpoint, **config).get_object(get("a b/c")).body.content == b"here"
    assert cloud.calls[-1].parameters == {"path": path}


CHANGES: dict[str, Callable[[Request], Request]] = {
    "another key": lambda it: replace(it, path="/journal/other"),
    "another method": lambda it: replace(it, method="DELETE"),
    "a parameter": lambda it: replace(it, query="acl"),
    "a header that the client chose to sign": lambda it: replace(it, headers={**it.headers, "user-agent": "them"}),
    "a header": lambda it: replace(it, headers={**it.headers, "x-oss-forbid-overwrite": "true"}),
    "another date": lambda it: replace(
        it, headers={**it.headers, "x-oss-date": it.headers["x-oss-date"][:9] + "000000Z"}
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_a_signature_is_for_one_request(cloud: Cloud, change: Callable[[Request], Request]) -> None:
    """Whatever is changed after signing, the signature no longer fits; a client may sign more than it must."""
    cloud.oss.buckets[BUCKET].objects["k"] = StoredObject(b"here", NOON)
    request = signed_for_oss(cloud, "GET", BUCKET, "k", **{"user-agent": "us"})
    assert "AdditionalHeaders=user-agent" in request.headers["authorization"]
    assert cloud.respond(request).body == b"here"
    answer = cloud.respond(change(request))
    assert (answer.status, b"<Code>SignatureDoesNotMatch</Code>" in answer.body) == (403, True)


# -- what is not covered ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("list_objects", oss.ListObjectsRequest(bucket=BUCKET)),
        ("put_bucket", oss.PutBucketRequest(bucket="fresh", resource_group_id="rg-1")),
        ("get_bucket_acl", oss.GetBucketAclRequest(bucket=BUCKET)),
        ("get_object", oss.GetObjectRequest(bucket=BUCKET, key="k", range_header="bytes=0-1")),
        ("get_object", oss.GetObjectRequest(bucket=BUCKET, key="k", version_id="v")),
        ("put_object", oss.PutObjectRequest(bucket=BUCKET, key="k", body=b"", tagging="a=b")),
        ("list_objects_v2", oss.ListObjectsV2Request(bucket=BUCKET, fetch_owner=True)),
        ("initiate_multipart_upload", oss.InitiateMultipartUploadRequest(bucket=BUCKET, key="k")),
    ],
)
def test_what_is_not_covered_is_refused_plainly(cloud: Cloud, client: Any, operation: str, request_: Any) -> None:
    """Nothing is quietly ignored: NotCovered, and nothing changes."""
    assert refused(getattr(client, operation), request_) == (400, "NotCovered")
    assert cloud.oss.state() == {BUCKET: {}}


def test_operations_that_are_covered_are_listed(client: Any) -> None:
    """The message names them."""
    with pytest.raises(exceptions.OperationError) as caught:
        client.get_bucket_acl(oss.GetBucketAclRequest(bucket=BUCKET))

    assert "GetBucketInfo, GetBucketLifecycle" in str(caught.value)


@pytest.mark.parametrize(
    "header",
    [
        *("x-oss-storage-class", "x-oss-object-acl", "x-oss-tagging", "x-oss-callback", "x-oss-traffic-limit"),
        *("If-Match", "If-Range", "Range", "Origin", "x-amz-acl"),
    ],
)
def test_headers_with_a_meaning_are_not_ignored(cloud: Cloud, client: Any, header: str) -> None:
    """PutObject with a header that is not covered is refused, and there is no object."""
    request = oss.OperationInput(
        op_name="PutObject", method="PUT", headers={header: "x"}, bucket=BUCKET, key="k", body=b"{}"
    )

    assert refused(client.invoke_operation, request) == (400, "NotCovered")
    assert cloud.oss.state() == {BUCKET: {}}


def test_headers_that_are_kept(client: Any) -> None:
    """What an object is to be served with comes back with it, and only for PutObject has it a meaning."""
    wanted = {
        "cache_control": "no-store",
        "content_disposition": "attachment",
        "content_encoding": "identity",
        "expires": "Fri, 20 Nov 2026 10:00:00 GMT",
    }
    client.put_object(oss.PutObjectRequest(bucket=BUCKET, key="k", body=b"{}", metadata={"part": "1"}, **wanted))

    head = client.head_object(oss.HeadObjectRequest(bucket=BUCKET, key="k"))
    assert {name: getattr(head, name) for name in wanted} == wanted
    assert head.metadata == {"part": "1"}
    assert client.get_object(get("k")).cache_control == "no-store"
    asked = oss.OperationInput(
        op_name="GetObject", method="GET", headers={"Cache-Control": "no-cache"}, bucket=BUCKET, key="k"
    )
    assert refused(client.invoke_operation, asked) == (400, "NotCovered")


def test_methods_that_do_not_exist(client: Any) -> None:
    """Nobody can delete the service."""
    request = oss.OperationInput(op_name="DeleteService", method="DELETE")
    assert refused(client.invoke_operation, request) == (405, "MethodNotAllowed")


# -- faults, calls, state --------------------------------------------------------------------------------------------


def change_settings(client: Any) -> None:
    """A new bucket with everything that can be set."""
    rule = oss.LifecycleRule(id="r", prefix="x/", status="Enabled", expiration=oss.LifecycleRuleExpiration(days=3))
    encryption = oss.ServerSideEncryptionRule(
        apply_server_side_encryption_by_default=oss.ApplyServerSideEncryptionByDefault(sse_algorithm="AES256")
    )
    block = oss.PublicAccessBlockConfiguration(block_public_access=True)
    client.put_bucket(oss.PutBucketRequest(bucket="fresh", acl="private"))
    client.put_bucket_encryption(oss.PutBucketEncryptionRequest(bucket="fresh", server_side_encryption_rule=encryption))
    client.put_bucket_public_access_block(
        oss.PutBucketPublicAccessBlockRequest(bucket="fresh", public_access_block_configuration=block)
    )
    client.put_bucket_lifecycle(
        oss.PutBucketLifecycleRequest(bucket="fresh", lifecycle_configuration=oss.LifecycleConfiguration(rules=[rule]))
    )
    client.get_bucket_lifecycle(oss.GetBucketLifecycleRequest(bucket="fresh"))


def test_operations_have_names_for_faults_and_the_list_of_calls(cloud: Cloud, client: Any) -> None:
    """Every operation is named as in the API's documentation; what is none of them is Unknown."""
    client.put_object(put("k"))
    client.get_object(get("k"))
    client.head_object(oss.HeadObjectRequest(bucket=BUCKET, key="k"))
    client.list_objects_v2(oss.ListObjectsV2Request(bucket=BUCKET))
    client.get_bucket_info(oss.GetBucketInfoRequest(bucket=BUCKET))
    client.get_bucket_versioning(oss.GetBucketVersioningRequest(bucket=BUCKET))
    client.list_buckets(oss.ListBucketsRequest())
    change_settings(client)
    client.delete_object(oss.DeleteObjectRequest(bucket=BUCKET, key="k"))
    assert sorted(call.action for call in cloud.calls) == sorted(operation.name for operation in OPERATIONS)
    assert {call.product for call in cloud.calls} == {"oss"}
    assert cloud.oss.action_of(Request("PUT", "/journal", "acl", {"host": "127.0.0.1"})) == "Unknown"
    assert cloud.oss.action_of(Request("PUT", "/%ff/%ff", "", {"host": "127.0.0.1"})) == "Unknown"


def test_the_state_shows_json_objects_as_text(cloud: Cloud, client: Any) -> None:
    """Others are size, ETag and time alone."""
    client.put_object(put("a.json", b'{"x": 1}'))
    client.put_object(put("b", b"\xff\x00"))
    state = cloud.oss.state()[BUCKET]
    assert state["a.json"] == {
        "size": 8,
        "etag": state["a.json"]["etag"],
        "last_modified": "2026-11-20T12:00:00.000Z",
        "text": '{"x": 1}',
    }
    assert sorted(state["b"]) == ["etag", "last_modified", "size"]
