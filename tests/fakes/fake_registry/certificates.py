"""What a host proves itself by: good certificates, and every kind of bad one."""

import ssl
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import trustme


class Certificate(StrEnum):
    """What a host presents."""

    GOOD = "good"
    EXPIRED = "expired"
    NOT_YET_VALID = "not yet valid"
    OF_ANOTHER_NAME = "of another name"
    UNTRUSTED = "untrusted"
    NONE = "none"  # the host speaks plain HTTP, on whatever port it is


def context_for(certificate: Certificate, name: str, authority: trustme.CA) -> ssl.SSLContext:
    """Return the context of a server called `name` that presents such a certificate."""
    now = datetime.now(UTC)
    issuer = trustme.CA() if certificate is Certificate.UNTRUSTED else authority
    begins_at, ends_at = now - timedelta(days=30), now + timedelta(days=60)
    match certificate:
        case Certificate.EXPIRED:
            ends_at = now - timedelta(days=1)
        case Certificate.NOT_YET_VALID:
            begins_at = now + timedelta(days=1)
    stated = "elsewhere.example" if certificate is Certificate.OF_ANOTHER_NAME else name
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(stated, not_before=begins_at, not_after=ends_at).configure_cert(context)
    return context
