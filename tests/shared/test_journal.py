"""Both journals by the same tests: OSS in the embedded cloud, and a directory."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from simulator.cloud import Cloud
from simulator.faults import Fault
from simulator.function_compute import simulated_time
from simulator.oss.buckets import StoredObject
from simulator.transport import in_process
from spotkeeper.clock import Clock, Deadline
from spotkeeper.credentials import Credentials
from spotkeeper.errors import BrokenRecord, JournalUnavailable
from spotkeeper.journal import Journal, open_journal
from spotkeeper.settings.types import DirectoryLocation, Endpoint, OssLocation


@contextmanager
def oss(
    cloud: Cloud, prefix: str = "rescues", bucket: str = "spotkeeper-journal", region: str = "cn-hangzhou"
) -> Iterator[Journal]:
    """A journal in the cloud's OSS, on its time."""
    key = cloud.access_key
    credentials = Credentials(key.access_key_id, key.secret)
    with in_process(cloud) as url, simulated_time(cloud.clock):
        endpoint = Endpoint("http", url.removeprefix("http://"))
        clock = Clock()
        yield open_journal(OssLocation(bucket, prefix), region, credentials, endpoint, Deadline.after(clock, 900))


def directory(path: Path) -> Journal:
    """A journal in a directory."""
    return open_journal(DirectoryLocation(path), "r", Credentials("a", "b"), None, Deadline.after(Clock(), 9))


def cloud_with_bucket(versioning: str | None = None) -> Cloud:
    """A cloud with the journal's bucket."""
    cloud = Cloud(1_700_000_000.0)
    cloud.oss.add_bucket("spotkeeper-journal", versioning)
    return cloud


@pytest.fixture(params=["oss", "directory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """An empty journal of either kind."""
    if request.param == "oss":
        with oss(cloud_with_bucket()) as opened:
            yield opened
    else:
        yield directory(tmp_path / "not" / "yet")


RECORD: dict[str, Any] = {
    "text": "é\u4e2d \U0001f600 \"'\\",
    "half a character": "\ud800",
    "number": 1.5,
    "none": None,
    "list": [1, {"a": []}],
    "": True,
}


def test_what_was_written_is_read(journal: Journal) -> None:
    """To the last character; an event's JSON may hold a lone surrogate."""
    assert journal.create("a/b/event", RECORD) == RECORD
    assert journal.read("a/b/event") == RECORD


def test_the_first_writer_wins(journal: Journal) -> None:
    """Whoever comes later is told what stands, and it does not change."""
    journal.create("a/1/event", {"who": "first"})
    assert journal.create("a/1/event", {"who": "second"}) == {"who": "first"}
    assert journal.read("a/1/event") == {"who": "first"}


def test_nothing_is_nothing(journal: Journal) -> None:
    """No record, no keys, no error."""
    assert journal.read("a/1/event") is None
    assert journal.keys("a/") == []
    assert journal.keys("") == []


def test_keys_by_prefix_sorted(journal: Journal) -> None:
    """A prefix may end anywhere; neighbours that merely begin alike with more are told apart by the slash."""
    for key in ("a/i-1/1/event", "a/i-1/1/attempt-10", "a/i-1/1/attempt-2", "a/i-10/1/event", "b/i-1/1/event"):
        journal.create(key, {})
    assert journal.keys("a/i-1/") == ["a/i-1/1/attempt-10", "a/i-1/1/attempt-2", "a/i-1/1/event"]
    assert journal.keys("a/i-1/1/attempt-") == ["a/i-1/1/attempt-10", "a/i-1/1/attempt-2"]
    assert journal.keys("a/i-1") == ["a/i-1/1/attempt-10", "a/i-1/1/attempt-2", "a/i-1/1/event", "a/i-10/1/event"]
    assert len(journal.keys("")) == 5


def test_a_hint(journal: Journal) -> None:
    """It can be written again, read, listed and deleted, which no record can; a deleted hint is gone."""
    for body in ({"at": 1}, {"at": 1}):
        journal.hint("a/open/i-1/1", body)
    assert journal.read("a/open/i-1/1") == {"at": 1}
    assert journal.keys("a/open/") == ["a/open/i-1/1"]
    for _ in range(2):
        journal.delete("a/open/i-1/1")
    assert journal.keys("a/open/") == []


def test_as_few_listings_as_possible() -> None:
    """A thousand keys a page, and none of them is lost between two pages."""
    cloud = cloud_with_bucket()
    objects = cloud.oss.buckets["spotkeeper-journal"].objects
    for number in range(2_500):
        objects[f"rescues/a/{number:04}.json"] = StoredObject(b"{}", cloud.now())
    with oss(cloud) as journal:
        assert journal.keys("a/") == [f"a/{number:04}" for number in range(2_500)]
    assert len(cloud.calls) == 3


def test_one_winner_of_many(journal: Journal) -> None:
    """Twelve threads at once: all are told the same record, and one of them wrote it."""
    barrier = threading.Barrier(12)

    def write(number: int) -> Mapping[str, Any]:
        barrier.wait()
        return journal.create("a/1/replacement", {"instance_id": number})

    with ThreadPoolExecutor(12) as pool:
        told = list(pool.map(write, range(12)))
    assert [item for item in told if item != told[0]] == []
    assert journal.read("a/1/replacement") == told[0]


def test_a_lost_answer_finds_its_own_record() -> None:
    """The second try is refused since the first was executed: what stands is ours."""
    cloud = cloud_with_bucket()
    with oss(cloud) as journal:
        cloud.faults.add(Fault("PutObject", "reset-after"))
        assert journal.create("a/1/event", {"who": "me"}) == {"who": "me"}
        assert len([call for call in cloud.calls if call.action == "PutObject"]) == 2


EACH_METHOD = pytest.mark.parametrize("method", ["create", "read", "keys"])


def call(journal: Journal, method: str) -> Any:
    """One method with plain arguments."""
    return journal.create("a/1/event", {}) if method == "create" else getattr(journal, method)("a/1/event")


@pytest.mark.parametrize(
    ("effect", "words"),
    [
        *((f"code:{code}", code) for code in ("AccessDenied", "NoSuchBucket", "ServiceUnavailable", "InternalError")),
        *((effect, "") for effect in ("reset-before", "reset-after", "garbage", "cut")),
    ],
)
@EACH_METHOD
def test_unavailable(effect: str, words: str, method: str) -> None:
    """A refusal or a network that stays is JournalUnavailable with bucket, code and what to check, within 15 s."""
    cloud = cloud_with_bucket()
    with oss(cloud) as journal:
        journal.create("a/1/event", {})
        cloud.faults.add(Fault("oss:*", effect, times=None))
        with pytest.raises(JournalUnavailable, match=rf"oss://spotkeeper-journal/rescues.*{words}.*SPOTKEEPER_JOURNAL"):
            call(journal, method)
    assert cloud.now() - 1_700_000_000.0 <= 15


def test_where_the_objects_are() -> None:
    """Under the prefix, as JSON with its type, encryption asked for, and an overwrite forbidden."""
    cloud = cloud_with_bucket()
    with oss(cloud, prefix="team/rescues") as journal:
        journal.create("a/1/event", {"a": 1})
    (key, stored), *others = cloud.oss.buckets["spotkeeper-journal"].objects.items()
    assert (key, others) == ("team/rescues/a/1/event.json", [])
    assert json.loads(stored.body) == {"format": 1, "a": 1}
    assert stored.headers["content-type"] == "application/json"
    assert stored.headers["x-oss-server-side-encryption"] == "AES256"


def test_other_peoples_objects_are_not_ours() -> None:
    """Keys beside the prefix, and what does not end in .json, are not listed."""
    cloud = cloud_with_bucket()
    with oss(cloud) as journal:
        journal.create("a/1/event", {})
        objects = cloud.oss.buckets["spotkeeper-journal"].objects
        stored = objects["rescues/a/1/event.json"]
        objects.update(
            {"rescues/a/1/note.txt": stored, "other/a/1/event.json": stored, "rescues2/a/1/event.json": stored}
        )
        assert journal.keys("a/") == ["a/1/event"]
        assert journal.keys("") == ["a/1/event"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "null", "{", "\ufeff{}", '"x"', "\ud800", "[" * 100_000, "{" * 5_000),
        *('{"a": NaN}', '{"a": Infinity}', '{"a": "\ud800"}', '{"at": ' + "9" * 9_999 + "}"),
    ],
)
def test_a_record_that_is_not_ours(text: str, tmp_path: Path) -> None:
    """What is no JSON object was not written by us, and the error names it."""
    journal = directory(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "event.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(JournalUnavailable, match="a/event"):
        journal.read("a/event")
    with pytest.raises(JournalUnavailable, match="a/event"):
        journal.create("a/event", {})


def test_nothing_is_left_beside_the_records(tmp_path: Path) -> None:
    """No half-written file, whether the record was new or stood."""
    journal = directory(tmp_path)
    for _ in range(3):
        journal.create("a/b/event", {})
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["event.json"]


@EACH_METHOD
def test_a_file_in_the_directorys_place(tmp_path: Path, method: str) -> None:
    """Unavailable with the path and what to check."""
    (tmp_path / "journal").write_text("")
    with pytest.raises(JournalUnavailable, match=r"journal.*SPOTKEEPER_JOURNAL"):
        call(directory(tmp_path / "journal"), method)


@pytest.mark.parametrize("effect", ["cut", "reset-before", "reset-after", "code:InternalError", "garbage"])
@EACH_METHOD
def test_a_journal_that_stumbles(method: str, effect: str) -> None:
    """Two lost, broken or refused answers are asked again within the same call."""
    cloud = cloud_with_bucket()
    with oss(cloud) as journal:
        journal.create("a/1/event", {})
        cloud.faults.add(Fault("oss:*", effect, times=2))
        assert call(journal, method) == (["a/1/event"] if method == "keys" else {})


def test_what_is_no_record_is_read_again() -> None:
    """It may be half an answer, or a proxy's; where it stays so, the error names it after a few seconds."""
    cloud = cloud_with_bucket()
    objects = cloud.oss.buckets["spotkeeper-journal"].objects
    objects["rescues/a/1/event.json"] = StoredObject(b'{"notice_end": 1', cloud.now())
    with oss(cloud) as journal:
        with pytest.raises(BrokenRecord, match="a/1/event"):
            journal.read("a/1/event")
        assert len(cloud.calls) == 3
        assert cloud.now() - 1_700_000_000.0 <= 3
        objects["rescues/a/1/event.json"] = StoredObject(b"\xff", cloud.now())
        with pytest.raises(BrokenRecord, match="a/1/event"):
            journal.create("a/1/event", {})
