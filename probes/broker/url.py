"""What a broker's URL says: where it is, and how its certificate is to be looked at."""

import ssl
from typing import Any
from urllib.parse import parse_qs, urlsplit


def place(url: str) -> str:
    """Return `HOST[:PORT]`, which holds no password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def tls(url: str) -> dict[str, Any] | None:
    """Return what kombu must be told to verify the certificate of a `rediss` URL, which it leaves out by itself.

    None where there is nothing to tell: no TLS, another broker, or a URL that says itself what it wants.
    """
    parts = urlsplit(url)
    if parts.scheme != "rediss" or "ssl_cert_reqs" in parse_qs(parts.query):
        return None
    return {"ssl_cert_reqs": ssl.CERT_REQUIRED}
