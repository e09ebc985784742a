"""The evidence for a ticket: what is in it, and what must never be."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.image.bundle import Case, Witness, bundle, file_name, readable
from dashboard.image.redaction import Redactor
from probes.protocol.outcome import Certificate, Conclusion, Outcome, PlatformResult, RateLimit
from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from tests.fakes.steps import step

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
SECRETS = (
    "hunter2hunter2",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "ghp_0123456789abcdefABCDEF",
    "c2VjcmV0OnBhc3N3b3Jk",
    "AKIAIOSFODNN7EXAMPLE",
)
HOSTILE = (
    f"<script>alert(1)</script>\u202e\0 token={SECRETS[0]} Bearer {SECRETS[1]} password: {SECRETS[2]} "
    f"Authorization: Basic {SECRETS[3]} at https://user:{SECRETS[0]}@10.1.2.3/x?X-Amz-Signature={SECRETS[4]} "
    "from 192.168.7.9, [fd00::7]:5000 and fd00::8: refused"
)


def found(**said: Any) -> Outcome:
    values: dict[str, Any] = {
        "reason": Reason.BLOB_DENIED,
        "canonical": "ghcr.io/org/app:1",
        "stage": Stage.LAYER,
        "host": "blobs.example",
        "depth": Depth.PLATFORM,
        "digest": "sha256:" + "a" * 64,
        "platforms": (
            PlatformResult(platform="linux/amd64", digest=None, status=Status.UNAVAILABLE, reason=Reason.BLOB_DENIED),
        ),
        "rate_limit": RateLimit(limit=100, remaining=7, window_seconds=21_600, source="203.0.113.9"),
        **said,
    }
    steps = (
        step(address="140.82.112.33"),
        step(
            stage=Stage.LAYER,
            url="https://blobs.example/x?sig=…",
            host="blobs.example",
            http_status=403,
            request_id="8f14e45f-ceea-467f",
            address="10.0.0.5",
        ),
    )
    return Outcome(
        reference="ghcr.io/org/app:1",
        conclusion=Conclusion(**values),
        started_at=NOW,
        duration_ms=120.0,
        requests=2,
        bytes_read=10,
        connection="new",
        proxy="proxy.corp:3128",
        certificates=(Certificate(host="ghcr.io", not_after=NOW + timedelta(days=40), issuer="A CA"),),
        steps=steps,
    )


def case(outcome: Outcome | None) -> Case:
    witness = Witness(
        slug="us-east",
        name="US East",
        addresses=("140.82.1.1", "10.9.8.7"),
        slot=NOW,
        checked_at=NOW,
        since=NOW - timedelta(hours=1),
        outcome=outcome,
    )
    return Case(
        name="Shop",
        reference="ghcr.io/org/app:1",
        kind="image",
        platforms=("linux/amd64",),
        verdict="unavailable",
        sentence="1 of 1 fresh regions cannot read layer 2 of 3.",
        since=NOW,
        witnesses=(witness,),
    )


def test_it_tells_a_stranger_what_was_asked_from_where_when_and_what_came_back() -> None:
    document = bundle(case(found()), NOW)
    text = readable(document)
    for part in (
        "Evidence: ghcr.io/org/app:1",
        "Made:            2026-11-23T14:30:00.000Z by Kairos 0.1.0",
        "From US East (us-east)",
        "Comes from:      140.82.1.1",
        "Found:           unavailable: layers denied (blob_denied)",
        "GET https://blobs.example/x?sig=…",
        "blobs.example answered 403 in 27.0 ms (dns 12.3, connect 5.0, tls 8.0, first byte 1.5)",
        "request id: 8f14e45f-ceea-467f",
        "7 of 100 left",
        "layers BROKEN",
        "Certificate of ghcr.io until 2027-01-02T14:30:00.000Z, by A CA",
        "Left out of this",
    ):
        assert part in text, part
    (region,) = document["regions"]
    assert region["outcome"]["steps"][1]["is_failed"]
    assert json.loads(json.dumps(document)) == document


def test_nothing_secret_and_no_private_address_is_in_it() -> None:
    """Wherever a registry's words may stand."""
    hostile = found(detail=HOSTILE, hint=HOSTILE, host=HOSTILE, notices=(HOSTILE,))
    hostile = replace(
        hostile,
        steps=tuple(replace(one, url=HOSTILE, host=HOSTILE, error=HOSTILE) for one in hostile.steps),
        certificates=(Certificate(host=HOSTILE, not_after=NOW, issuer=HOSTILE),),
    )
    document = bundle(replace(case(hostile), name=HOSTILE, sentence=HOSTILE), NOW)
    for text in (json.dumps(document, ensure_ascii=False), readable(document)):
        for secret in (
            *SECRETS,
            "10.1.2.3",
            "192.168.7.9",
            "fd00",
            "10.9.8.7",
            "10.0.0.5",
            "\u202e",
            "\0",
            "proxy.corp",
        ):
            assert secret not in text, secret
    assert any("private address" in line for line in document["left_out"])
    assert any("looks like a secret" in line for line in document["left_out"])


def test_private_addresses_are_in_it_for_who_asks_for_them_and_secrets_are_not() -> None:
    document = bundle(case(found(detail=HOSTILE)), NOW, keeps_addresses=True)
    text = readable(document)
    assert "10.9.8.7" in text
    assert "[10.0.0.5]" in text
    assert "192.168.7.9" in text
    assert not any(secret in text for secret in SECRETS)
    assert "Private addresses are in it" in text


@pytest.mark.parametrize(
    "said",
    [
        "tag not found: sha256:" + "a" * 64,
        "at 10:42:05 UTC it answered 503",
        "request 1.2.3 of version 10.4",
        "asked 140.82.112.33 and 2606:4700::6810:84e5",
        "https://auth.docker.io/token?service=registry.docker.io&scope=repository:library/alpine:pull",
        "the token expired",
        "basic authentication failed; Bearer realm is missing",
        "error code: 5; the access token is missing",
    ],
)
def test_what_is_no_secret_stays_as_it_is(said: str) -> None:
    assert Redactor(keeps_addresses=False).text(said) == said


@pytest.mark.parametrize(
    "said",
    ["10.0.0.5:5000", "[fd00::1]:5000", "fd00::1.", "::ffff:10.0.0.5", "http://10.0.0.5/x", "(127.0.0.1)", "::1"],
)
def test_a_private_address_is_known_however_it_is_written(said: str) -> None:
    cleaned = Redactor(keeps_addresses=False).text(said)
    assert "[private address]" in cleaned
    assert not any(part in cleaned for part in ("10.0.0.5", "fd00", "127.0.0.1", "::1"))


def test_a_region_of_which_nothing_is_known_says_so() -> None:
    assert "Nothing is known of the last check." in readable(bundle(case(None), NOW))


def test_it_is_bounded_whatever_a_registry_says() -> None:
    huge = found(detail="x" * 10**6, notices=("y" * 10**6,) * 50)
    assert len(readable(bundle(case(replace(huge, steps=huge.steps * 1000)), NOW))) < 100_000


def test_its_name_suits_every_file_system() -> None:
    assert file_name("../Shop <web>: 1", NOW) == "kairos-shop-web-1-20261123T143000Z"
    assert file_name("\u202e", NOW) == "kairos-evidence-20261123T143000Z"
