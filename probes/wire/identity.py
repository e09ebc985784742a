"""A client certificate on its way into a TLS context, which takes it from files only.

The private key is not written to a disk: where the system has memory files, OpenSSL reads it from one.
"""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class IdentityUnusable(ValueError):
    """A client certificate or key that cannot be used. The message shows nothing of either."""


def check_identity(pem: str) -> None:
    """Raise `IdentityUnusable` unless `pem` holds a private key in clear and the certificate that belongs to it."""
    load_identity(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), pem)


def load_identity(context: ssl.SSLContext, pem: str) -> None:
    """Let `context` present the certificate chain of `pem`, which holds its key too. Raises `IdentityUnusable`."""
    try:
        with _as_file(pem) as path:
            # An encrypted key would have OpenSSL ask for its password at the terminal, and wait.
            context.load_cert_chain(path, password=lambda: "")
    except ssl.SSLError as error:
        raise IdentityUnusable(f"the client certificate cannot be used: {_why(error, pem)}") from None


def _why(error: ssl.SSLError, pem: str) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return "the key is another certificate's"
    if "ENCRYPTED" in pem:
        return "its key is encrypted; give it in clear"
    return "PEM of a private key and of its certificate is wanted"


@contextmanager
def _as_file(pem: str) -> Iterator[str]:
    content = pem.encode()
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").exists():
        descriptor = os.memfd_create("identity", os.MFD_CLOEXEC)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no path of its own
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
    else:
        with tempfile.NamedTemporaryFile() as named:  # 0600 from its first byte on
            named.write(content)
            named.flush()
            yield named.name
