"""What OpenSSL says, in our words (rows N8 to N11); and where trust comes from."""

import ssl

import pytest

from probes.protocol.exchange import FaultKind
from probes.wire import tls


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (9, FaultKind.TLS_EXPIRED),
        (10, FaultKind.TLS_EXPIRED),
        (62, FaultKind.TLS_HOSTNAME),
        (64, FaultKind.TLS_HOSTNAME),
        (18, FaultKind.TLS_UNTRUSTED),
        (19, FaultKind.TLS_UNTRUSTED),
        (20, FaultKind.TLS_UNTRUSTED),
        (21, FaultKind.TLS_UNTRUSTED),
        (26, FaultKind.TLS_UNTRUSTED),
    ],
)
def test_verify_codes_become_reasons(code: int, kind: FaultKind) -> None:
    """N8, N9, N10."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    error.verify_message = "the message"

    fault = tls.fault_of(error)

    assert fault.kind is kind
    assert fault.detail == "the message"


@pytest.mark.parametrize(
    ("reason", "detail"),
    [
        ("WRONG_VERSION_NUMBER", "wrong version number: the port may speak plain HTTP"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "tlsv1 alert protocol version"),
        (
            "TLSV13_ALERT_CERTIFICATE_REQUIRED",
            "the server wants a client certificate (alert certificate required)",
        ),
        (
            "TLSV1_ALERT_UNKNOWN_CA",
            "the server does not trust the authority of the client certificate (alert unknown ca)",
        ),
        (None, "tls error"),
    ],
)
def test_other_failures_are_tls_protocol(reason: str | None, detail: str) -> None:
    """N11."""
    error = ssl.SSLError(1, "message")
    error.reason = reason  # type: ignore[assignment]  # OpenSSL does leave it empty

    fault = tls.fault_of(error)

    assert fault.kind is FaultKind.TLS_PROTOCOL
    assert fault.detail == detail


def test_verification_is_on_and_old_protocols_are_off() -> None:
    """S23."""
    context = tls.context_for("")

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.cert_store_stats()["x509_ca"] > 10


def test_the_environment_chooses_no_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    """N16."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        monkeypatch.setenv(name, "/nonexistent")
    tls.context_for.cache_clear()

    context = tls.context_for("")

    assert context.cert_store_stats()["x509_ca"] > 10
    assert context.keylog_filename is None


def test_without_a_system_bundle_the_packaged_roots_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probes.wire.tls.Path.is_file", lambda _: False)
    tls.context_for.cache_clear()

    assert tls.context_for("").cert_store_stats()["x509_ca"] > 10

    tls.context_for.cache_clear()


def test_one_bundle_makes_one_context() -> None:
    assert tls.context_for("") is tls.context_for("")


def test_a_bundle_without_certificates_is_an_error() -> None:
    with pytest.raises(ValueError, match="CA bundle"):
        tls.context_for("no certificate")


def test_an_issuer_is_named_by_organisation_and_name() -> None:
    peer = {
        "notAfter": "Jun  1 12:00:00 2030 GMT",
        "issuer": ((("countryName", "DE"),), (("commonName", "R3"),), (("organizationName", "Trust Ltd"),)),
    }

    certificate = tls.certificate_of("r.example", peer)

    assert certificate.host == "r.example"
    assert certificate.not_after.isoformat() == "2030-06-01T12:00:00+00:00"
    assert certificate.issuer == "Trust Ltd, R3"


def test_an_issuer_may_lack_a_name() -> None:
    peer = {"notAfter": "Jun  1 12:00:00 2030 GMT", "issuer": ((("commonName", "R3"),),)}

    assert tls.certificate_of("r.example", peer).issuer == "R3"
