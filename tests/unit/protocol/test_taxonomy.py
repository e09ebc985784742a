"""The closed sets in which an outcome speaks."""

import pytest

from probes.protocol.exchange import FaultKind, Headers
from probes.protocol.taxonomy import MEANINGS, Confidence, Depth, Reason, Retry, Status, Warn
from probes.protocol.warnings import SENTENCES

# What only later checks can see a change of: an answer that came, and was another than the expected one.
ENDPOINTS_OWN = {
    Reason.ENDPOINT_STATUS,
    Reason.ENDPOINT_DENIED,
    Reason.ENDPOINT_CONTENT,
    Reason.ENDPOINT_JSON,
    Reason.ENDPOINT_TOO_LARGE,
    Reason.ENDPOINT_SLOW,
    Reason.CERTIFICATE_EXPIRING,
}
ONLY_IMPAIRS = {Reason.ENDPOINT_SLOW, Reason.CERTIFICATE_EXPIRING}


def test_what_only_impairs_is_degraded_and_no_outage() -> None:
    """H16, H17."""
    assert {reason for reason in Reason if reason.meaning.only_impairs} == ONLY_IMPAIRS
    assert {reason.status for reason in ONLY_IMPAIRS} == {Status.DEGRADED}


def test_every_reason_has_its_meaning() -> None:
    """C.3: a reason belongs to exactly one status, and says something to an operator."""
    assert set(MEANINGS) == set(Reason)
    for reason in Reason:
        assert reason.status is reason.meaning.status
        assert reason.meaning.hint[-1] in ".?"


def test_every_warning_has_its_sentence() -> None:
    assert set(SENTENCES) == set(Warn)
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())


def test_every_reason_says_whether_asking_again_helps() -> None:
    """Part C.3, by what it lists; the reasons that are left cannot change at all within a check."""
    by_retry = {retry: {reason for reason in Reason if reason.meaning.retry is retry} for retry in Retry}
    assert by_retry[Retry.SLOW] == {
        Reason.REPOSITORY_NOT_FOUND,
        Reason.TAG_NOT_FOUND,
        Reason.DIGEST_NOT_FOUND,
        Reason.NOT_FOUND,
        Reason.TAG_EXPIRED,
        Reason.IP_NOT_ALLOWED,
        Reason.POLICY_BLOCKED,
        Reason.LEGAL_BLOCK,
        Reason.QUOTA_OR_BILLING,
        *ENDPOINTS_OWN,
    }
    assert {reason for reason in by_retry[Retry.ONCE] if reason.status is Status.UNAVAILABLE} == {
        Reason.TAG_DIGEST_INCONSISTENT,
        Reason.CHILD_MANIFEST_MISSING,
        Reason.CONFIG_MISSING,
        Reason.LAYER_MISSING,
        Reason.SIZE_MISMATCH,
        Reason.DIGEST_MISMATCH,
        Reason.BLOB_DENIED,
        Reason.TLS_UNTRUSTED,
        Reason.TLS_EXPIRED,
        Reason.TLS_HOSTNAME,
        Reason.TLS_PROTOCOL,
    }
    degraded = {reason for reason in Reason if reason.status is Status.DEGRADED}
    assert degraded - by_retry[Retry.ONCE] == {Reason.MANIFEST_EMPTY, *ONLY_IMPAIRS}
    assert {reason.status for reason in by_retry[Retry.YES] | by_retry[Retry.AFTER]} == {Status.INDETERMINATE}


def test_ok_alone_is_available() -> None:
    assert [reason for reason in Reason if reason.status is Status.AVAILABLE] == [Reason.OK]


@pytest.mark.parametrize(
    "reason",
    [Reason.RATE_LIMITED, Reason.RATE_LIMITED_AUTH, Reason.RATE_LIMITED_UPSTREAM, Reason.ENDPOINT_THROTTLED],
)
def test_throttling_is_never_down(reason: Reason) -> None:
    """E13, E14, T27, H5."""
    assert (reason.status, reason.meaning.retry) == (Status.INDETERMINATE, Retry.AFTER)


def test_ambiguous_reasons_are_those_that_hide_what_exists() -> None:
    """E8, T23."""
    ambiguous = [reason for reason in Reason if reason.meaning.confidence is Confidence.AMBIGUOUS]
    assert ambiguous == [Reason.AUTH_REQUIRED_OR_MISSING, Reason.AUTH_DENIED_OR_MISSING]


def test_most_faults_carry_the_name_of_their_reason() -> None:
    other = {FaultKind.ADDRESS_FORBIDDEN, FaultKind.BODY_TOO_LARGE, FaultKind.ABORTED, FaultKind.INTERNAL}
    assert {kind for kind in FaultKind if kind.value not in set(Reason)} == other


def test_each_depth_includes_those_before_it() -> None:
    assert [depth.rank for depth in Depth] == [0, 1, 2, 3]
    assert Depth.BLOBS.includes(Depth.RESOLVE)
    assert Depth.MANIFEST.includes(Depth.MANIFEST)
    assert not Depth.MANIFEST.includes(Depth.PLATFORM)


def test_headers_keep_their_lines_apart() -> None:
    """C5."""
    headers = Headers.of([("WWW-Authenticate", "Basic"), ("X", "1"), ("www-authenticate", "Bearer a=b, c=d")])
    assert headers.all("www-authenticate") == ["Basic", "Bearer a=b, c=d"]
    assert headers.get("www-authenticate") == "Basic"
    assert (headers.get("y"), headers.get("y", "none")) == ("", "none")
    assert "x" in headers
    assert "X" not in headers
    assert list(headers)[1] == ("x", "1")
