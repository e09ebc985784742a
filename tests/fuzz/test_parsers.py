"""A short run of every fuzzer, and how time grows. The long run is `make fuzz`."""

import resource
from collections.abc import Callable
from typing import Final

import pytest

from tests.fuzz.campaign import Finding, packed, run, tried, unpacked
from tests.fuzz.parsers import PARSERS, Parser

INPUTS: Final = 400
SLACK: Final = 24  # eight times the input may take eight times as long; a square would be sixty-four
BATCH_SECONDS: Final = 0.04


@pytest.mark.parametrize("name", PARSERS)
def test_parser_keeps_its_promises(name: str) -> None:
    tally = run(PARSERS[name], seed=1, goes_on=lambda inputs: inputs < INPUTS)
    assert tally.shapes > 1, "every input was taken alike: nothing is reached"


def test_broken_promise_is_found_and_can_be_seen_again() -> None:
    def refuses_zeros(data: bytes) -> int:
        assert b"\0" not in data
        return len(data) % 7

    parser = Parser("naive", refuses_zeros, (b"seed",), (b"\0",))
    with pytest.raises(Finding) as caught:
        run(parser, seed=1, goes_on=lambda inputs: inputs < 1000)
    text = caught.value.command.rpartition(" ")[2]
    assert text == packed(unpacked(text))
    with pytest.raises(Finding):
        tried(parser, unpacked(text))


FAMILIES: Final[dict[str, tuple[str, Callable[[int], bytes]]]] = {
    "reference: components": ("reference", lambda n: b"a/" * n),
    "reference: separators": ("reference", lambda n: b"a" + b"_" * n),
    "digest: algorithm": ("digest", lambda n: b"a+" * n + b":"),
    "digest: hex": ("digest", lambda n: b"sha256:" + b"a" * n),
    "platform: dots": ("platform", lambda n: b"." * n),
    "platform: version": ("platform", lambda n: b"windows(" + b"1." * n),
    "challenge: words": ("challenge", lambda n: b"a " * n),
    "challenge: quotes": ("challenge", lambda n: b'a b="' + b"\\" * n),
    "challenge: strays": ("challenge", lambda n: b"=" * n),
    "challenge: parameters": ("challenge", lambda n: b"a " + b"".join(b"x%d=1," % i for i in range(n // 8))),
    "challenge: lines": ("challenge", lambda n: b"Basic a=b\n" * (n // 10)),
    "token: lists": ("token", lambda n: b"[" * n),
    "token: text": ("token", lambda n: b'{"token":"' + b"a" * n + b'"}'),
    "token: number": ("token", lambda n: b'{"token":"a","expires_in":' + b"9" * n + b"}"),
    "manifest: lists": ("manifest", lambda n: b'\n{"x":[' + b"[]," * n + b"0]}"),
    "manifest: depth": ("manifest", lambda n: b'\n{"x":' + b"[" * n),
    "manifest: text": ("manifest", lambda n: b'\n{"mediaType":"' + b"\\n" * n + b'"}'),
    "manifest: halves": ("manifest", lambda n: b'\n{"x":"' + rb"\ud83d" * n + b'"}'),
    "manifest: backslashes": ("manifest", lambda n: b'\n{"x":"\\ud83d' + b"\\" * (2 * n) + b'ud83d"}'),
    "manifest: layers": ("manifest", lambda n: b'\n{"schemaVersion":2,"config":{},"layers":[' + b"{}," * n + b"{}]}"),
    "manifest: names": ("manifest", lambda n: b"\n{" + b'"x":0,' * n + b'"x":0}'),
    "config: text": ("config", lambda n: b'{"os":"' + b"\xf0\x9f\x90\x99" * n + b'"}'),
    "encoding: rubbish": ("encoding", lambda n: b"gzip\n" + b"\x1f\x8b\x08\0\0\0\0\0\0\0" * n),
    "error: entities": ("error", lambda n: b"&lt;" * n),
    "error: unclosed entities": ("error", lambda n: b"&" * n),
    "error: errors": ("error", lambda n: b'{"errors":[' + b"{}," * (n // 2) + b"{}]}"),
    "error: expired": ("error", lambda n: b"credential " * n),
    "error: controls": ("error", lambda n: b"\x1b " * n),
    "retry-after: digits": ("retry-after", lambda n: b"9" * n),
    "retry-after: date": ("retry-after", lambda n: b"Mon, " * n),
    "retry-after: comments": ("retry-after", lambda n: b"(" * n),
    "rate-limit: parameters": ("rate-limit", lambda n: b"100" + b";w=1" * n),
    "warning: starts": ("warning", lambda n: b'299 - "' * n),
    "warning: escapes": ("warning", lambda n: b'299 - "' + b"\\x" * n),
    "warning: lines": ("warning", lambda n: b'299 - "a"\n' * n),
    "jwt: access": ("jwt", lambda n: b'{"access":[' + b"{}," * (n // 4) + b"{}]}"),
    "url: dots": ("url", lambda n: b"/.." * n),
    "url: pairs": ("url", lambda n: b"/?" + b"a=b&" * n),
    "url: labels": ("url", lambda n: b"https://" + b"a." * n),
    "url: percents": ("url", lambda n: b"/" + b"%" * n),
    "url: brackets": ("url", lambda n: b"https://" + b"[" * n),
    "header: warning": ("header", lambda n: b"Warning\nHEAD 1\n" + b'299 - "' * n),
    "header: range": ("header", lambda n: b"Content-Range\nGET layer1\nbytes 0-0/" + b"9" * n),
    "response: headers": ("response", lambda n: b"\0HTTP/1.1 200 OK\r\n" + b"a:\r\n" * n),
    "response: chunks": (
        "response",
        lambda n: b"\0HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * n,
    ),
    "answer: lists": ("answer", lambda n: b"\n" + b"a[" + b"[]," * n + b"0]"),
    "answer: depth": ("answer", lambda n: b"\na" + b"[" * n),
    "answer: letters": ("answer", lambda n: b"\n" + b"ab" * n),
    "answer: members": ("answer", lambda n: b'\n{"a":[' + b'{"b":1},' * (n // 4) + b'{"b":1}]}'),
    "answer: rubbish": ("answer", lambda n: b"deflate\n" + b"\x78\x9c" * n),
    "json-path: quotes": ("json-path", lambda n: b"$['" + b"\\" * n),
    "pattern: groups": ("pattern", lambda n: b"(" * n),
    "statuses: parts": ("statuses", lambda n: b"200," * n),
    "response: informational": ("response", lambda n: b"\0" + b"HTTP/1.1 100 Continue\r\n\r\n" * (n // 8)),
}


def own_seconds() -> float:
    return resource.getrusage(resource.RUSAGE_THREAD).ru_utime


def cpu_seconds(parser: Parser, data: bytes) -> float:
    """Return what one reading takes: the least of three means, each long enough for a clock that ticks every 4 ms.

    Counted are this thread's own steps. What the kernel does, as to give the same memory anew to each reading once
    the process has none left over, may take more than the reading, and begins somewhere between two sizes.
    """
    means = []
    for _ in range(3):
        readings, began = 0, own_seconds()
        while (taken := own_seconds() - began) < BATCH_SECONDS:
            tried(parser, data)
            readings += 1
        means.append(taken / readings)
    return min(means)


@pytest.mark.parametrize("family", FAMILIES)
def test_time_grows_with_the_input_and_no_faster(family: str) -> None:
    """S14, S16: eight times as much of it, against once; nothing is measured in seconds."""
    name, make = FAMILIES[family]
    parser = PARSERS[name]
    small, large = cpu_seconds(parser, make(4000)), cpu_seconds(parser, make(32_000))
    assert large <= SLACK * small, f"{small * 1000:.2f} ms, then {large * 1000:.2f} ms"
