"""A client certificate as it is pasted: what is taken, what is refused, and where the fault is told."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from probes.models.client_identity import ClientCertificate, IdentityRefused, read_identity
from probes.wire.identity import check_identity
from tests.fakes.client_certificates import Pasted

NOW = datetime.now(UTC)
GOOD = Pasted()
BREAKABLE = rsa.generate_private_key(65537, 1024)  # noqa: S505 - hence it is refused


def pem_of(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    ("certificate", "key"),
    [
        (GOOD.certificate, GOOD.key),
        (GOOD.certificate + GOOD.key, ""),
        (GOOD.key + GOOD.certificate, ""),
        (GOOD.certificate, GOOD.openssl_key),
        (f"subject=CN = robot\r\n{GOOD.certificate}".replace("\n", "\r\n"), f"Bag Attributes\n{GOOD.key}"),
    ],
    ids=["apart", "together", "key first", "OpenSSL's form", "with words around"],
)
def test_what_is_pasted_becomes_what_tls_takes(certificate: str, key: str) -> None:
    """S19."""
    identity = read_identity(certificate, key, now=NOW)
    assert identity.certificate == GOOD.certificate
    assert identity.certificate.count("BEGIN CERTIFICATE") == 2
    assert identity.key == GOOD.key
    check_identity(identity.key + identity.certificate)


def test_key_beside_the_certificate_does_not_stay_there() -> None:
    """S19: the certificate is shown, and stored in clear."""
    identity = read_identity(GOOD.certificate + GOOD.key, "", now=NOW)
    assert "PRIVATE KEY" not in identity.certificate
    assert not any(line in repr(identity) for line in GOOD.key_lines)


@pytest.mark.parametrize(
    ("certificate", "key", "part", "message"),
    [
        ("", GOOD.key, "certificate", "Give the certificate"),
        (" \n", GOOD.key, "certificate", "Give the certificate"),
        ("swordfish", GOOD.key, "certificate", "Not certificates in PEM."),
        (GOOD.certificate.replace("M", "!"), GOOD.key, "certificate", "Not certificates in PEM."),
        (GOOD.certificate * 12, GOOD.key, "certificate", "More than 16 KiB"),
        (Pasted.expired().certificate, Pasted.expired().key, "key", "another certificate's"),
        (GOOD.certificate, "", "key", "Give the certificate's private key"),
        (GOOD.certificate, "swordfish", "key", "Give the certificate's private key"),
        (GOOD.certificate, GOOD.key.replace("M", "!"), "key", "Not a private key in PEM"),
        (GOOD.certificate, Pasted().key, "key", "another certificate's"),
        (GOOD.certificate, GOOD.encrypted_key, "key", "encrypted. Give it in clear"),
        (GOOD.certificate, pem_of(ed25519.Ed25519PrivateKey.generate()), "key", "another certificate's"),
        (GOOD.certificate, pem_of(BREAKABLE), "key", "fewer than 2048 bits"),
    ],
)
def test_fault_is_told_where_it_is_and_shows_nothing(certificate: str, key: str, part: str, message: str) -> None:
    """S19."""
    with pytest.raises(IdentityRefused, match=message) as refused:
        read_identity(certificate, key, now=NOW)
    assert refused.value.part == part
    typed = {line for line in f"{certificate}\n{key}".splitlines() if line.strip()}
    assert not any(line in str(refused.value) for line in typed)


def test_chain_begins_with_the_keys_own_certificate() -> None:
    own, issuer = (f"-----BEGIN{part}" for part in GOOD.certificate.split("-----BEGIN")[1:])
    with pytest.raises(IdentityRefused, match="The chain begins with the client's own"):
        read_identity(issuer + own, GOOD.key, now=NOW)


def test_certificate_that_has_expired_is_refused_from_its_last_second_on() -> None:
    last = ClientCertificate.of(GOOD.certificate).not_after
    read_identity(GOOD.certificate, GOOD.key, now=last - timedelta(seconds=1))
    with pytest.raises(IdentityRefused, match=f"It expired on {last:%Y-%m-%d}") as refused:
        read_identity(GOOD.certificate, GOOD.key, now=last)
    assert refused.value.part == "certificate"


def test_certificate_that_is_not_valid_yet_is_taken() -> None:
    first = ClientCertificate.of(GOOD.certificate).not_before
    assert read_identity(GOOD.certificate, GOOD.key, now=first - timedelta(days=1)).certificate == GOOD.certificate


def test_certificate_is_described_by_whose_it_is_and_until_when() -> None:
    described = ClientCertificate.of(GOOD.certificate)
    assert described.subject.startswith("CN=robot,")
    assert "Testing CA" in described.issuer
    assert described.not_before < NOW < described.not_after
