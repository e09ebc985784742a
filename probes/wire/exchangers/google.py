"""Google: a service account signs for itself, and gets an access token for an hour, which is the password.

Source: RFC 7523 (JWT bearer grant), Google's "OAuth 2.0 for server to server applications"; behaviour table, part B,
"GCR / Artifact Registry": the user is `oauth2accesstoken`.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from probes.protocol.plan import Secret
from probes.protocol.provider import GoogleKey, KeyInvalid
from probes.protocol.token import LoginRefused, read_token
from probes.wire.exchangers.line import Lease, Line

USERNAME: Final = "oauth2accesstoken"
# To read, and nothing else: the first for Artifact Registry, the second for buckets behind gcr.io.
SCOPES: Final = (
    "https://www.googleapis.com/auth/cloud-platform.read-only https://www.googleapis.com/auth/devstorage.read_only"
)
_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_LIFETIME: Final = timedelta(minutes=10)


async def exchange(key: GoogleKey, registry: str, line: Line) -> Lease:  # noqa: ARG001 - the token serves all of them
    """Return the access token that Google gives for `key`. Raises `ExchangeRefused` and `KeyInvalid`."""
    assertion = await line.in_thread(_assertion, key, datetime.now(UTC))
    line.hide(assertion)
    url = key.token_uri
    reply = await line.post(url, form={"grant_type": _GRANT, "assertion": assertion})
    if reply.status != 200:
        line.refused(url, reply)
    try:
        token = read_token(reply.body, reply.received_at)
    except LoginRefused as refused:
        line.fail(url, refused.reason, refused.detail)
    secret = Secret(username=USERNAME, password=line.token(url, token.value))
    return Lease(secret, reply.received_at + timedelta(seconds=token.lifetime_seconds))


def _assertion(key: GoogleKey, now: datetime) -> str:
    """Return the signed statement that `key`'s account asks for a token."""
    from google.auth import crypt, jwt  # noqa: PLC0415 - an optional extra

    try:
        signer = crypt.RSASigner.from_string(key.private_key, key.private_key_id or None)  # type: ignore[no-untyped-call]
    except ValueError:
        raise KeyInvalid("private_key", "not an RSA key in PEM") from None
    issued_at = int(now.timestamp())
    claims = {
        "iss": key.client_email,
        "scope": SCOPES,
        "aud": key.token_uri,
        "iat": issued_at,
        "exp": issued_at + int(_ASSERTION_LIFETIME.total_seconds()),
    }
    return str(jwt.encode(signer, claims).decode())  # type: ignore[no-untyped-call]
