"""The blob hosts: what a signed URL opens, for how long, and what ranges give."""

from datetime import UTC, datetime, timedelta

import pytest

from kairos.demo.content import Content
from kairos.demo.http1 import Request, Response
from kairos.demo.storage import URL_LIFETIME_SECONDS, Storage, ranged

BLOB = Content.of("application/octet-stream", b"0123456789")
GONE = "sha256:" + "0" * 64


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def storage(clock: Clock) -> Storage:
    return Storage({BLOB.digest: BLOB}, clock)


def ask(storage: Storage, target: str, *, method: str = "GET", **headers: str) -> Response:
    path, _, query = target.partition("?")
    return storage(Request(method=method, path=path, query=query, headers=headers))


def test_a_signed_url_opens_its_blob_until_it_expires(storage: Storage, clock: Clock) -> None:
    target = storage.target(BLOB.digest, "GET")
    assert ask(storage, target).body == BLOB.data
    clock.now += timedelta(seconds=URL_LIFETIME_SECONDS)
    answer = ask(storage, target)
    assert (answer.status, b"Request has expired" in answer.body) == (403, True)


@pytest.mark.parametrize("cut", ["Expires=1", "Signature=1"])
def test_a_changed_url_is_refused(storage: Storage, cut: str) -> None:
    answer = ask(storage, storage.target(BLOB.digest, "GET").replace(cut[:-1], f"{cut}0"))
    assert (answer.status, b"SignatureDoesNotMatch" in answer.body) == (403, True)


def test_a_url_without_a_signature_is_refused(storage: Storage) -> None:
    assert ask(storage, storage.target(BLOB.digest, "GET").partition("?")[0]).status == 403


def test_a_signature_binds_the_verb(storage: Storage) -> None:
    assert ask(storage, storage.target(BLOB.digest, "HEAD"), method="HEAD").status == 200
    assert ask(storage, storage.target(BLOB.digest, "GET"), method="HEAD").status == 403


def test_a_second_way_to_log_in_is_refused(storage: Storage) -> None:
    answer = ask(storage, storage.target(BLOB.digest, "GET"), authorization="Bearer x")
    assert (answer.status, b"Only one auth mechanism" in answer.body) == (400, True)


def test_a_blob_that_is_gone_is_not_found_even_with_a_good_signature(storage: Storage) -> None:
    answer = ask(storage, storage.target(GONE, "GET"))
    assert (answer.status, b"NoSuchKey" in answer.body) == (404, True)


def test_storage_takes_no_writes(storage: Storage) -> None:
    assert ask(storage, storage.target(BLOB.digest, "PUT"), method="PUT").status == 405


@pytest.mark.parametrize(
    ("wanted", "status", "body", "content_range"),
    [
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=3-5", 206, b"345", "bytes 3-5/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=5-3", 200, b"0123456789", None),
        ("bytes=0-0,2-2", 200, b"0123456789", None),
        ("lines=0-0", 200, b"0123456789", None),
        ("", 200, b"0123456789", None),
    ],
)
def test_a_range_gives_its_bytes(wanted: str, status: int, body: bytes, content_range: str | None) -> None:
    answer = ranged(BLOB, Request(method="GET", path="/", headers={"range": wanted}))
    assert (answer.status, answer.body) == (status, body)
    assert dict(answer.headers).get("Content-Range") == content_range


def test_a_range_means_nothing_to_head() -> None:
    answer = ranged(BLOB, Request(method="HEAD", path="/", headers={"range": "bytes=0-0"}))
    assert (answer.status, answer.body) == (200, BLOB.data)
