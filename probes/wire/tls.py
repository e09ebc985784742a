"""TLS as a client that never looks away: contexts per CA bundle, what a failed handshake means, the certificate.

Roots are the system's and the operator's PEM, found without the environment: `SSL_CERT_FILE` and `SSL_CERT_DIR`
are not read (row N16), nor is `SSLKEYLOGFILE`. `OPENSSL_CONF` is read by the library itself before us.
There is no switch that turns verification off.
"""

import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import certifi

from probes.protocol.exchange import FaultKind
from probes.protocol.outcome import Certificate
from probes.wire.faults import WireFault
from probes.wire.identity import load_identity

_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, macOS, the BSDs
)

_OF_CLIENT_CERTIFICATES: Final = {  # RFC 8446, 6.2
    "certificate required": "the server wants a client certificate",
    "bad certificate": "the server refuses the client certificate",
    "unsupported certificate": "the server does not support the client certificate",
    "certificate revoked": "the server says that the client certificate was revoked",
    "certificate expired": "the server says that the client certificate has expired",
    "certificate unknown": "the server refuses the client certificate",
    "unknown ca": "the server does not trust the authority of the client certificate",
    "access denied": "the server does not let the client certificate in",
    "handshake failure": "the server refuses the handshake; it may want a client certificate",
}
_EXPIRED: Final = {9, 10}  # not yet valid, expired (row N9)
_HOSTNAME: Final = {62, 64}  # of a name, of an address (row N10)
_MINIMA: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_SHOWN_NAMES: Final = 8  # of those that a certificate for another host names


@lru_cache(maxsize=32)
def context_for(ca_pem: str, identity_pem: str = "", minimum: str = "1.2") -> ssl.SSLContext:
    """Return the context that trusts the system's roots and those of `ca_pem`, and presents `identity_pem` if asked.

    `minimum` is the oldest version of TLS that it speaks: 1.2, or 1.3 where that is wanted.

    Reading the roots takes tens of milliseconds and a megabyte, hence the cache. Raises `ValueError` when
    `ca_pem` holds anything but certificates, or the identity cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies chain and name
    context.minimum_version = _MINIMA[minimum]
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.load_verify_locations(cafile=_system_bundle())
    if ca_pem:
        load_roots(context, ca_pem)
    if identity_pem:
        load_identity(context, identity_pem)
    return context


def load_roots(context: ssl.SSLContext, ca_pem: str) -> None:
    """Make `context` trust the certificates of `ca_pem` too. Raises `ValueError` when there is none in it."""
    try:
        context.load_verify_locations(cadata=ca_pem)
    except ssl.SSLError as error:
        raise ValueError(f"the CA bundle cannot be used: {error.reason or error}") from error


def _system_bundle() -> str:
    """Return the system's file of roots, or certifi's where the system has none."""
    compiled_in = ssl.get_default_verify_paths().openssl_cafile
    return next((path for path in (*_BUNDLES, compiled_in) if Path(path).is_file()), certifi.where())


def fault_of(error: ssl.SSLError, presented: Mapping[str, Any] | None = None) -> WireFault:
    """Return what a failed handshake means (rows N8 to N11), after the peer `presented` a certificate or not."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _EXPIRED:
            span = f" ({presented['notBefore']} to {presented['notAfter']})" if presented else ""
            return WireFault(FaultKind.TLS_EXPIRED, f"{error.verify_message}{span}")
        if error.verify_code in _HOSTNAME:
            names = [value for _, value in (presented or {}).get("subjectAltName", ())[:_SHOWN_NAMES]]
            holders = f" It is for {', '.join(names)}." if names else ""
            return WireFault(FaultKind.TLS_HOSTNAME, f"{error.verify_message}{holders}")
        return WireFault(FaultKind.TLS_UNTRUSTED, error.verify_message)
    reason = alert_of(error) or (error.reason or "TLS error").lower().replace("_", " ")
    if error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"):
        reason += ": the port may speak plain HTTP"
    return WireFault(FaultKind.TLS_PROTOCOL, reason)


def alert_of(error: ssl.SSLError) -> str:
    """Return what the peer said in a fatal alert, or nothing when it sent none.

    TLS 1.3 ends the client's handshake before the server has looked at the client's certificate: what it thinks of
    it comes in place of a response.
    """
    name = error.reason or ""
    if "ALERT_" not in name:
        return ""
    alert = name.partition("ALERT_")[2].lower().replace("_", " ")
    meaning = _OF_CLIENT_CERTIFICATES.get(alert)
    return f"{meaning} (alert {alert})" if meaning else name.lower().replace("_", " ")


def presented_certificate(secure: ssl.SSLObject) -> Mapping[str, Any] | None:
    """Return the certificate that the peer presented though it was not accepted, in `getpeercert()`'s form.

    Python makes this public in 3.13 only, and there as bytes.
    """
    chain = secure._sslobj.get_unverified_chain()  # type: ignore[attr-defined]  # noqa: SLF001
    return chain[0].get_info() if chain else None


def certificate_of(host: str, peer: Mapping[str, Any]) -> Certificate:
    """Return the verified certificate that `getpeercert()` describes as `peer`."""
    not_after = datetime.fromtimestamp(ssl.cert_time_to_seconds(peer["notAfter"]), UTC)
    return Certificate(host=host, not_after=not_after, issuer=", ".join(_names(peer["issuer"])))


def _names(issuer: tuple[tuple[tuple[str, str], ...], ...]) -> Iterator[str]:
    """Yield the organisation and the common name of an issuer, whichever it has."""
    parts = {key: value for part in issuer for key, value in part}
    for key in ("organizationName", "commonName"):
        if key in parts:
            yield parts[key]
