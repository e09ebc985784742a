"""Amazon ECR: `GetAuthorizationToken`, signed by Signature Version 4, gives a user name and a password for 12 hours.

Source: Amazon ECR API reference, `GetAuthorizationToken` (JSON 1.1); behaviour table, part B, "ECR private".
"""

import asyncio
import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from probes.protocol.exchange import Reply
from probes.protocol.manifest import read_json
from probes.protocol.plan import Secret
from probes.protocol.provider import EcrKey, KeyInvalid, ecr_place, is_ecr_host
from probes.protocol.taxonomy import Reason
from probes.wire.exchangers.line import Lease, Line

_TARGET: Final = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
_BODY: Final = b"{}"  # the registries of whoever signs
_UNSTATED: Final = timedelta(hours=1)
_REASONS: Final = {
    "AccessDeniedException": Reason.AUTH_DENIED,
    "ExpiredTokenException": Reason.AUTH_EXPIRED,
    "ThrottlingException": Reason.RATE_LIMITED_AUTH,
}


async def exchange(key: EcrKey, registry: str, line: Line) -> Lease:
    """Return the password that ECR gives for `key`. Raises `ExchangeRefused` and `KeyInvalid`."""
    region, url = ecr_place(key, registry)
    if key.own_role and not is_ecr_host(registry):
        # A role is nobody's to type, so it must not become anybody's to read who runs a registry elsewhere.
        raise KeyInvalid("own_role", "a role's password goes to Amazon's own hosts only")
    headers = await asyncio.to_thread(_signed, key, region, url)
    if headers is None:
        line.fail(
            url,
            Reason.TARGET_FORBIDDEN,
            hint="This worker has no AWS role of its own. Give it one, or store an access key.",
        )
    reply = await line.post(url, body=_BODY, headers=headers)
    if reply.status != 200:
        line.refused(url, reply, _reason(reply))
    return _lease(line.document(url, reply), url, reply, line)


def _signed(key: EcrKey, region: str, url: str) -> tuple[tuple[str, str], ...] | None:
    """Return the headers of a signed request; None where the worker's own role is wanted and there is none.

    Looking for a role may ask the machine's metadata service, which botocore does by itself: the one address that
    the guard never admits, and the one that has the answer.
    """
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - an optional extra
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415
    from botocore.session import Session  # noqa: PLC0415

    if key.own_role:
        credentials = Session().get_credentials()
        if credentials is None:
            return None
        credentials = credentials.get_frozen_credentials()
    else:
        credentials = Credentials(key.access_key_id, key.secret_access_key, key.session_token or None)
    request = AWSRequest(
        "POST", url, headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": _TARGET}, data=_BODY
    )
    SigV4Auth(credentials, "ecr", region).add_auth(request)
    return tuple((str(name), str(value)) for name, value in request.headers.items())


def _reason(reply: Reply) -> Reason | None:
    """Return what the API's error type means: it answers 400 for nearly everything."""
    try:
        document = read_json(reply.body)
    except ValueError:
        return None
    kind = document.get("__type") if isinstance(document, dict) else None
    return _REASONS.get(kind.rpartition("#")[2]) if isinstance(kind, str) else None


def _lease(document: dict[str, Any], url: str, reply: Reply, line: Line) -> Lease:
    try:
        [data, *_] = document["authorizationData"]
        encoded = data["authorizationToken"]
        username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (KeyError, TypeError, ValueError, binascii.Error):
        line.fail(url, Reason.AUTH_TOKEN_EMPTY, "the answer holds no token")
    line.hide(encoded)
    return Lease(
        Secret(username=username, password=line.token(url, password)),
        _instant(data.get("expiresAt")) or reply.received_at + _UNSTATED,
    )


def _instant(seconds: object) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
