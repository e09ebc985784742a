"""The hosts that keep the blobs, as an object store behind a registry does: signed URLs, no login.

A signature binds the verb, the path and the time, as Amazon S3's do, and a request that brings an
`Authorization` besides is refused as S3 refuses it (behaviour rows B11 to B15).
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, urlencode

from kairos.demo.content import Content
from kairos.demo.http1 import Request, Response

Clock = Callable[[], datetime]

URL_LIFETIME_SECONDS: Final = 300
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


class Storage:
    """The handler of the blob hosts, and the maker of the URLs that it accepts."""

    def __init__(self, objects: Mapping[str, Content], clock: Clock) -> None:
        self._objects = {_path(digest): content for digest, content in objects.items()}
        self._clock = clock
        self._key = secrets.token_bytes(32)

    def target(self, digest: str, method: str) -> str:
        """Return the path and signed query at which a blob host answers `method` for a while."""
        path = _path(digest)
        expires = int(self._clock().timestamp()) + URL_LIFETIME_SECONDS
        query = {"X-Demo-Expires": expires, "X-Demo-Signature": self._signature(method, path, str(expires))}
        return f"{path}?{urlencode(query)}"

    def __call__(self, request: Request) -> Response:
        if request.method not in {"GET", "HEAD"}:
            return _error(405, "MethodNotAllowed", "The specified method is not allowed against this resource")
        if "authorization" in request.headers:
            return _error(400, "InvalidArgument", "Only one auth mechanism allowed")
        query = dict(parse_qsl(request.query))
        expires, signature = query.get("X-Demo-Expires", ""), query.get("X-Demo-Signature", "")
        if not hmac.compare_digest(
            signature.encode(), self._signature(request.method, request.path, expires).encode()
        ):
            return _error(403, "SignatureDoesNotMatch", "The signature is not that of this request")
        if self._clock().timestamp() >= int(expires):
            return _error(403, "AccessDenied", "Request has expired")
        content = self._objects.get(request.path)
        if content is None:
            return _error(404, "NoSuchKey", "The specified key does not exist")
        return ranged(content, request)

    def _signature(self, method: str, path: str, expires: str) -> str:
        text = f"{method}\n{path}\n{expires}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def ranged(content: Content, request: Request) -> Response:
    """Return the blob, or the one range of it that the request asks for (RFC 9110, section 14)."""
    headers = (
        ("Content-Type", "application/octet-stream"),
        ("Docker-Content-Digest", content.digest),
        ("Accept-Ranges", "bytes"),
    )
    size = len(content.data)
    wanted = _RANGE.fullmatch(request.headers.get("range", "")) if request.method == "GET" else None
    first, last = wanted.groups() if wanted else ("", "")
    if not (first or last) or (first and last and int(last) < int(first)):
        return Response(200, content.data, headers)  # no range, or one that makes no sense and is ignored
    start, end = (int(first), int(last or size)) if first else (max(size - int(last), 0), size)
    end = min(end, size - 1)
    if start > end:
        return Response(416, b"", (*headers, ("Content-Range", f"bytes */{size}")))
    return Response(206, content.data[start : end + 1], (*headers, ("Content-Range", f"bytes {start}-{end}/{size}")))


def _path(digest: str) -> str:
    algorithm, _, encoded = digest.partition(":")
    return f"/{algorithm}/{encoded[:2]}/{encoded}/data"


def _error(status: int, code: str, message: str) -> Response:
    body = f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>\n'
    return Response(status, body.encode(), (("Content-Type", "application/xml"),))
