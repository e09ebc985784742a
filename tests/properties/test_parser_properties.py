"""Whatever strangers write is read, or refused in the parser's own words; none of it breaks a parser."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from probes.protocol.challenge import parse_challenges
from probes.protocol.errors import read_error, retry_at
from probes.protocol.exchange import Headers, Reply
from probes.protocol.manifest import OCI_MANIFEST, ImageIndex, ImageManifest, ManifestInvalid, read_manifest
from probes.protocol.notices import read_notices
from probes.protocol.reference import ReferenceInvalid, parse_reference
from probes.protocol.taxonomy import Status
from probes.protocol.token import grants_nothing
from probes.protocol.urls import UrlRefused, origin_of, resolve_url

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64
BASE = "https://registry.example/v2/team/app/manifests/1?x=1"
examples = settings(max_examples=50, derandomize=True, database=None, deadline=None)

leaves: st.SearchStrategy[Any] = st.sampled_from([None, True, -1, 2, "", "x", DIGEST, OCI_MANIFEST, [], {}])
pointers = st.dictionaries(st.sampled_from(["mediaType", "digest", "size", "platform", "urls"]), leaves)
members = leaves | pointers | st.lists(pointers | leaves, max_size=2)


@examples
@given(document=st.dictionaries(st.sampled_from(["mediaType", "manifests", "config", "layers"]), members))
def test_any_json_is_a_manifest_or_refused(document: Any) -> None:
    body = json.dumps({"schemaVersion": 2, **document}).encode()
    try:
        found = read_manifest(body, "")
    except ManifestInvalid:
        return
    assert isinstance(found, ImageIndex | ImageManifest)


@examples
@given(st.lists(st.text(alphabet='Bearer,= \t"\\x;é', max_size=40), max_size=3))
def test_any_challenge_is_read_without_complaint(lines: list[str]) -> None:
    for challenge in parse_challenges(lines):
        assert challenge.scheme == challenge.scheme.lower() != ""
        assert all(name for name, _ in challenge.parameters)


@examples
@given(st.text(alphabet="abAB01._-=", max_size=60))
def test_any_token_is_taken_without_complaint(token: str) -> None:
    assert grants_nothing(token) in (True, False)


@examples
@given(st.binary(max_size=40) | st.text(alphabet='{}[]":,errosdtail&quot;\u202e\x00', max_size=40).map(str.encode))
def test_any_error_body_is_read_without_complaint(raw: bytes) -> None:
    assert read_error(raw).shown(500).isprintable()


@examples
@given(st.text(alphabet="SunMar 0123456789:,-+GMT", max_size=32))
def test_any_retry_after_is_within_the_hour(value: str) -> None:
    reply = Reply(ask_id=0, status=429, headers=Headers.of([("Retry-After", value)]), received_at=NOON)
    instant = retry_at(reply)
    assert instant is None or timedelta(seconds=1) <= instant - NOON <= timedelta(hours=1)


@examples
@given(st.lists(st.text(alphabet='29 -"\\\u202ea,', max_size=60), max_size=20))
def test_any_warning_is_read_without_complaint(lines: list[str]) -> None:
    assert all(text.isprintable() and text for text in read_notices(lines))


@examples
@given(st.text(alphabet="htps:/.@[]?#=&%\\1a ä\n", max_size=30))
def test_whatever_a_registry_points_at_is_a_checked_url_or_refused(location: str) -> None:
    try:
        url = resolve_url(BASE, location)
    except UrlRefused:
        return
    assert origin_of(url).scheme in ("https", "http")
    assert url.isascii()
    assert "#" not in url


@examples
@given(st.text(alphabet="aZ09.:/@[]-_+%\\ \n", max_size=24))
@example("a" * 5000)
def test_any_text_is_a_reference_or_refused_within_itself(text: str) -> None:
    try:
        reference = parse_reference(text)
    except ReferenceInvalid as refusal:
        position, reason = refusal.position, refusal.reason
        assert 0 <= position <= len(text)
        assert reason.status is Status.CONFIG_ERROR
    else:
        again = parse_reference(reference.canonical)
        assert again.canonical == reference.canonical
        assert again.api_host == reference.api_host
