"""Amazon ECR: `GetAuthorizationToken`, signed by Signature Version 4, gives a user name and a password for 12 hours.

Source: Amazon ECR API reference, `GetAuthorizationToken` (JSON 1.1); STS API reference, `AssumeRole`; behaviour
table, part B, "ECR private".
"""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from probes.protocol.exchange import Reply
from probes.protocol.json_members import read_json
from probes.protocol.plan import Secret
from probes.protocol.provider import EcrKey, KeyInvalid, ecr_place, is_ecr_host, sts_place
from probes.protocol.taxonomy import Reason
from probes.wire.exchangers.line import Lease, Line

Headers = tuple[tuple[str, str], ...]

_TARGET: Final = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
_BODY: Final = b"{}"  # the registries of whoever signs
_SESSION: Final = "kairos-probe"
_ROLE_SECONDS: Final = 900  # the least there is, and enough to ask for a password
_UNSTATED: Final = timedelta(hours=1)
_REASONS: Final = {
    "AccessDeniedException": Reason.AUTH_DENIED,
    "ExpiredTokenException": Reason.AUTH_EXPIRED,
    "ThrottlingException": Reason.RATE_LIMITED_AUTH,
}
_STS_REASONS: Final = {
    "AccessDenied": Reason.AUTH_DENIED,
    "ExpiredToken": Reason.AUTH_EXPIRED,
    "InvalidClientTokenId": Reason.AUTH_BAD_CREDENTIALS,
    "SignatureDoesNotMatch": Reason.AUTH_BAD_CREDENTIALS,
    "Throttling": Reason.RATE_LIMITED_AUTH,
}


async def exchange(key: EcrKey, registry: str, line: Line) -> Lease:
    """Return the password that ECR gives for `key`. Raises `ExchangeRefused` and `KeyInvalid`."""
    region, url = ecr_place(key, registry)
    if key.own_role and not is_ecr_host(registry):
        # A role is nobody's to type, so it must not become anybody's to read who runs a registry elsewhere.
        raise KeyInvalid("own_role", "a role's password goes to Amazon's own hosts only")
    credentials = await line.in_thread(_credentials, key)
    if credentials is None:
        hint = "This worker has no AWS role of its own. Give it one, or store an access key."
        line.fail(url, Reason.TARGET_FORBIDDEN, hint=hint)
    if key.role_arn:
        credentials = await _assume(credentials, key, region, line)
    content = (("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", _TARGET))
    reply = await _signed_post(credentials, "ecr", region, url, content, _BODY, line)
    if reply.status != 200:
        line.refused(url, reply, _reason(reply))
    return _lease(line.document(url, reply), url, reply, line)


async def _assume(credentials: Any, key: EcrKey, region: str, line: Line) -> Any:
    """Return temporary credentials of the role that `key` names (STS, `AssumeRole`)."""
    url = sts_place(key, region)
    form = {"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": key.role_arn}
    form |= {"RoleSessionName": _SESSION, "DurationSeconds": str(_ROLE_SECONDS)}
    content = (("Content-Type", "application/x-www-form-urlencoded"),)
    reply = await _signed_post(credentials, "sts", region, url, content, urlencode(form).encode(), line)
    answer = await line.in_thread(_read_sts, reply.status, reply.body)
    if reply.status != 200:
        said = answer.get("Error", {})
        reason = _STS_REASONS.get(said.get("Code", ""))
        if reason is None:
            line.refused(url, reply)
        line.fail(url, reason, said.get("Message", ""))
    role = answer.get("Credentials", {})
    line.hide(*(role.get(name, "") for name in ("SecretAccessKey", "SessionToken")))
    if not (role.get("AccessKeyId") and role.get("SecretAccessKey") and role.get("SessionToken")):
        line.fail(url, Reason.AUTH_TOKEN_EMPTY, "the answer holds no credentials")
    return await line.in_thread(_fixed, role["AccessKeyId"], role["SecretAccessKey"], role["SessionToken"])


async def _signed_post(
    credentials: Any, service: str, region: str, url: str, headers: Headers, body: bytes, line: Line
) -> Reply:
    signed = await line.in_thread(_signed, credentials, service, region, url, headers, body)
    return await line.post(url, body=body, headers=signed)


def _credentials(key: EcrKey) -> Any:
    """Return botocore's credentials; None where the worker's own role is wanted and there is none.

    Looking for a role may ask the machine's metadata service, which botocore does by itself: the one address that
    the guard never admits, and the one that has the answer.
    """
    if not key.own_role:
        return _fixed(key.access_key_id, key.secret_access_key, key.session_token)
    from botocore.session import Session  # noqa: PLC0415 - an optional extra

    found = Session().get_credentials()
    return found and found.get_frozen_credentials()


def _fixed(key_id: str, secret: str, session_token: str) -> Any:
    from botocore.credentials import Credentials  # noqa: PLC0415 - an optional extra

    return Credentials(key_id, secret, session_token or None)


def _signed(credentials: Any, service: str, region: str, url: str, headers: Headers, body: bytes) -> Headers:
    """Return the headers of the request, with its signature."""
    from botocore.auth import SigV4Auth  # noqa: PLC0415 - an optional extra
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415

    request = AWSRequest("POST", url, headers=dict(headers), data=body)
    SigV4Auth(credentials, service, region).add_auth(request)
    return tuple((str(name), str(value)) for name, value in request.headers.items())


def _read_sts(status: int, body: bytes) -> dict[str, Any]:
    """Return what STS says in XML, as botocore reads it; nothing where it cannot be read."""
    from botocore.parsers import create_parser  # noqa: PLC0415 - an optional extra
    from botocore.session import Session  # noqa: PLC0415

    operation = Session().get_service_model("sts").operation_model("AssumeRole")
    reply = {"status_code": status, "headers": {}, "body": body}
    try:
        answer: dict[str, Any] = create_parser("query").parse(reply, operation.output_shape)
    except Exception:  # noqa: BLE001 - its own error for what is no XML, and any other for what is not STS's
        return {}
    return answer


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
