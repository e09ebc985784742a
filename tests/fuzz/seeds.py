"""What the fuzzers begin with: for each parser a few inputs as they come in life, and words of its language."""

import gzip
import json
from collections.abc import Mapping
from typing import Final

from probes.protocol.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.fakes.contents import CONFIG, LAYER

_HEX: Final = "a1" * 32
_DIGEST: Final = f"sha256:{_HEX}"
_IMAGE: Final = {
    "schemaVersion": 2,
    "mediaType": OCI_MANIFEST,
    "config": {"mediaType": CONFIG, "digest": _DIGEST, "size": 2},
    "layers": [{"mediaType": LAYER, "digest": _DIGEST, "size": 3, "urls": ["https://x.test/"]}],
}
_INDEX: Final = {
    "schemaVersion": 2,
    "mediaType": OCI_INDEX,
    "manifests": [
        {
            "mediaType": OCI_MANIFEST,
            "digest": _DIGEST,
            "size": 7,
            "platform": {"os": "linux", "architecture": "arm", "variant": "v7", "os.version": "10.0.1"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        }
    ],
}
_JSON: Final = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u0061", b"\\ud83d", b"\\udc19", b"\xf0\x9f\x90\x99", b"\xff",
    b"\xef\xbb\xbf", b"null", b"true", b"false", b"NaN", b"-Infinity", b"1e999", b"-0", b"0.0", b"9" * 40,
    b"9" * 4400,     b"{}", b"[]", b'""', b"[" * 1200, b"\0", b"\x01", b" ", b"\t", b"<html>", b"2", b"1",
)  # fmt: skip
_LETTERS: Final = (
    b"/", b":", b"@", b".", b"-", b"_", b"__", b"%", b"%2f", b"#", b"?", b"\\", b"[", b"]", b"::1", b"..", b"A", b"a",
    b"0", b"65536", b"443", b" ", b"\t", b"\0", b"\x7f", "é".encode(), b"\xff", b"localhost", b"library/", b"latest",
    b"x" * 130, b"a/" * 130, _HEX.encode(), b"sha256:", b"sha512:", b"127.0.0.1", b"0x7f000001", b"xn--", b"v7",
)  # fmt: skip
_HEADER: Final = (
    b'"', b"\\", b",", b"=", b" ", b"\t", b";", b"Bearer ", b"Basic ", b"realm=", b"scope=", b"error=", b"w=",
    b"\xff",     b"-", b"+", b"0", b"9" * 30, b"Mon, 01 Jan 2029 00:00:00 GMT", b"GMT", b"bytes 0-0/", b"*", b"//", b"https://",
    b"\n", b"x" * 300, b"999999999999999999999999", b"Sun, 06 Nov 1994 08:49:37 -9999", b"31 Feb", b"0000",
    b"@", b"#",
)  # fmt: skip
_HTTP: Final = (
    b"\r\n", b"\r\n\r\n", b"\n", b"HTTP/1.1 ", b"HTTP/1.0 ", b"200 OK", b"100 Continue", b"204 No Content", b"304 ",
    b"Content-Length: ", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Connection: close",
    b"Upgrade: x\r\nConnection: upgrade\r\n", b"0", b"5", b"ffffffffffffffff", b"-1", b"5\r\nhello\r\n", b"0\r\n\r\n",
    b";x=y", b":", b"\0", b"\xff", b"X: " + b"y" * 300, b"a:\r\n" * 50, b"Trailer: x",
)  # fmt: skip


def _sent(content_type: str, document: object) -> bytes:
    return f"{content_type}\n{json.dumps(document)}".encode()


def _response(head: bytes, body: bytes = b"") -> bytes:
    return b"\x03" + head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body


OF: Final[Mapping[str, tuple[tuple[bytes, ...], tuple[bytes, ...]]]] = {
    "reference": (
        (
            b"alpine",
            b"docker.io/library/alpine:3.20",
            b"registry.example:5000/team/app:1",
            f"ghcr.io/team/app:1@{_DIGEST}".encode(),
            b"[2001:db8::1]:5000/app",
            b"https://host/app",
            b"",
        ),
        _LETTERS,
    ),
    "digest": ((_DIGEST.encode(), b"sha512:" + b"0f" * 64, b"md5:00", b""), _LETTERS),
    "platform": ((b"linux/amd64", b"linux/arm/v7", b"windows(10.0.17763.1)/amd64", b"macos/arm64/8"), _LETTERS),
    "challenge": (
        (
            b'Bearer realm="https://auth.test/token",service="r",scope="repository:a/b:pull,push"',
            b'Basic realm="r", Bearer realm=x ,error = "invalid_token"\nNegotiate abc==\nDigest q="a\\"b"',
        ),
        _HEADER,
    ),
    "token": (
        (
            b'{"token":"abc","expires_in":300}',
            b'{"access_token":"a.b-c","token":"x","expires_in":"60","issued_at":"2026-01-01T00:00:00Z"}',
        ),
        (*_JSON, b'"token":', b'"access_token":', b'"expires_in":'),
    ),
    "manifest": (
        (
            _sent(OCI_MANIFEST, _IMAGE),
            _sent(OCI_INDEX, _INDEX),
            _sent("text/plain; charset=utf-8", {**_IMAGE, "artifactType": "x/y"}),
            _sent(DOCKER_LIST, {**_INDEX, "mediaType": DOCKER_LIST}),
            _sent("", {"schemaVersion": 1}),
        ),
        (
            *_JSON,
            b'"layers":',
            b'"manifests":',
            b'"size":',
            DOCKER_MANIFEST.encode(),
            b'"platform":',
            _DIGEST.encode(),
        ),
    ),
    "config": (
        (b'{"os":"linux","architecture":"arm64","variant":"v8","history":[{"empty_layer":true}]}', b"[]", b"{}"),
        (*_JSON, b'"os":', b'"architecture":', b'"os.version":'),
    ),
    "encoding": (
        (
            b"gzip\n" + gzip.compress(b"a" * 500, mtime=0),
            b"deflate\n" + gzip.compress(bytes(5000), mtime=0),
            b"identity\nplain",
            b"br\nx",
        ),
        (b"gzip\n", b"x-gzip\n", b"deflate\n", b"\0", b"\xff", gzip.compress(b"", mtime=0)),
    ),
    "error": (
        (
            b'{"errors":[{"code":"DENIED","message":"no","detail":{"errors":[{"code":"UNAUTHORIZED"}]}}]}',
            b"{&quot;errors&quot;:[{&quot;code&quot;:&quot;UNAUTHORIZED&quot;}]}",
            b'{"details":"x"}',
            b"<Error><Code>SignatureDoesNotMatch</Code></Error>",
            b"Welcome",
        ),
        (*_JSON, b'"errors":', b'"code":', b'"message":', b"&quot;", b"&#x10ffff;", b"\xe2\x80\xae", b"\x1b[31m"),
    ),
    "retry-after": ((b"5", b"Mon, 02 Mar 2026 12:00:10 GMT", b"Sunday, 01-Mar-26 12:00:05 GMT", b"soon"), _HEADER),
    "rate-limit": ((b"100;w=21600\n76;w=21600\n192.0.2.1", b"100\n0\n"), _HEADER),
    "warning": (
        (b'299 - "old", 299 - "say \\"no\\""', b'110 x "stale"\n299 - "a"\n299 - "b"'),
        (*_HEADER, b'299 - "'),
    ),
    "jwt": (
        (b'{"access":[]}', b'{"access":[{"actions":["pull"]}]}', b"a.b.c"),
        (*_JSON, b'"access":', b'"actions":', b"."),
    ),
    "url": (
        (
            b"https://cdn.test:8443/a/b?X-Signature=abc&scope=x#y",
            b"/token?service=x",
            b"//evil.test/x",
            b"https://[2001:db8::1]/x",
            b"http://user:pw@127.1/x",
        ),
        (*_LETTERS, b"https://", b"//", b"&", b"=", b"%00", b"%5c", b";", b"http:", b"file:///"),
    ),
    "header": (
        (
            b"Content-Range\nGET layer1\nbytes 0-0/17",
            b"Location\nGET layer1\nhttps://cdn.test/x",
            b"Location\nHEAD 1\n/elsewhere",
            b'Warning\nHEAD 1\n299 - "old"',
            b"Content-Length\nGET layer1\n17",
            b"Content-Type\nGET manifest\ntext/plain",
            b"Content-Encoding\nGET config\ngzip",
            b"Docker-Content-Digest\nHEAD 1\n" + _DIGEST.encode(),
            b"Location\nGET token\nhttps://auth.registry.example/other",
            b"RateLimit-Limit\nHEAD 1\n100;w=21600",
        ),
        (*_HEADER, b"HEAD 1", b"GET manifest", b"GET config", b"GET layer1", b"Location"),
    ),
    "response": (
        (
            _response(b"HTTP/1.1 200 OK\nContent-Length: 5\nX: y", b"hello"),
            _response(b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked", b"5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"),
            _response(b"HTTP/1.1 100 Continue\n\nHTTP/1.1 404 Not Found\nConnection: close", b"until the end"),
            _response(b"HTTP/1.0 204 No Content"),
            _response(b"HTTP/1.1 101 Switching\nUpgrade: h2c\nConnection: Upgrade"),
        ),
        _HTTP,
    ),
    "json-path": (
        (b"$", b"$.a[0].b", b'$.a[?@.name == "x"].b', b"$['b'].c", b"$.a[*].*", "$.é".encode()),
        (
            *(
                b"$",
                b".",
                b"[",
                b"]",
                b"*",
                b"?",
                b"@",
                b"==",
                b"'",
                b'"',
                b"\\",
                b"\\u00e9",
                b"-1",
                b"0",
                b"a",
                b"b",
            ),
            *(b"name", b"true", b"null", b"..", b",", b":", b" ", b"\xff", b".a" * 200),
        ),
    ),
    "statuses": (
        (b"200", b"200-299", b"200, 401, 500-599"),
        (b"200", b"-", b",", b" ", b"599", b"99", b"1000", b"2xx", b"200," * 20),
    ),
    "pattern": (
        (b"up|ok", b"^[a-z]+$", b"(?i)status: (up|ok)", b"\\d{1,3}"),
        (
            *(
                b"(",
                b")",
                b"[",
                b"]",
                b"{9}",
                b"{99}",
                b"{1,}",
                b"*",
                b"+",
                b"?",
                b"|",
                b"^",
                b"$",
                b".",
                b"\\",
                b"\\d",
            ),
            *(b"\\pL", b"\\1", b"(?i)", b"(?=", b"[^a]", b"a", b"\xff", "é".encode(), b"\0"),
        ),
    ),
    "answer": (
        (
            b'\n{"a": [{"b": 1}]}',
            b'\n{"a": [{"b": "a1"}, {"b": 1}]}',
            b"gzip\n" + gzip.compress(b'{"a": [{"b": 1}]}'),
            b"\nan open door 7",
        ),
        (*_JSON, b"gzip", b"deflate", b"br", b"\n", b"a", b'"a"', b'"b"', b"7"),
    ),
    "manifests": (
        (
            b"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: c, image: app:1}]\n",
            b"kind: List\napiVersion: v1\nitems: [{kind: Job, apiVersion: batch/v1, spec: {}}]\n---\n",
            b"x: &x {image: 'a:${TAG:-1}'}\nservices:\n  a: *x\n  b: {<<: *x, profiles: [p]}\n  c: {build: .}\n",
            b"services: {a: {extends: {file: b.yaml}}, b: {image: }}\ninclude: [c.yaml, {path: [d]}]\n",
        ),
        (
            b"image: ",
            b"&x ",
            b"*x",
            b"<<: ",
            b"- ",
            b"[",
            b"]",
            b"{",
            b"}",
            b"---\n",
            b"${",
            b"$$",
            b": ",
            b"!!str ",
            b"|\n",
        ),
    ),
    "dockerfile": (
        (
            b"ARG A=1\nFROM alpine:${A} AS b\nCOPY --from=b / /\nCOPY --from=x:1 / /\n",
            b"# escape=`\nFROM --platform=linux/arm64 `\n a:1\nRUN <<EOF\nFROM x\nEOF\n",
            b"FROM scratch\nRUN --mount=type=bind,from=a:1 x\nONBUILD ADD --from=c / /\n",
        ),
        (
            b"FROM ",
            b"ARG ",
            b"COPY --from=",
            b"<<EOF\n",
            b"EOF\n",
            b"\\\n",
            b"${",
            b":-",
            b"}",
            b"$",
            b"#",
            b" AS ",
            b"`",
            b"'",
        ),
    ),
    "tags": (
        (b"1.2.3\nv2.0.0\nlatest\n1.2-alpine\n3\n", b"main-9\nmain-10\n2024-01-01\nsha256-00\n"),
        (b".", b"-", b"+", b"v", b"0", b"9", b"rc", b"\n", b"a" * 40, b"1" * 40),
    ),
}
