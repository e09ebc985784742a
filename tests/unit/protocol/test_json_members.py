"""JSON from strangers, read member by member."""

import json
import sys
import tracemalloc
from typing import Any

import pytest
from msgspec import Raw, Struct
from msgspec.json import Decoder

from probes.protocol.json_members import ABSENT, MAX_SMALL, NO_TEXT, WrongShape, part, read_json, read_members, value


class Ship(Struct):
    name: Raw = ABSENT
    crew: Raw = ABSENT


SHIP = Decoder(Ship)
CREW = Decoder(list[Ship])


def name_in(body: bytes) -> Any:
    return value(read_members(body, SHIP).name)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"name": "Argo"}', "Argo"),
        (b' {"tons": [[], {"x": 1e999}], "name" : "Argo"}\n', "Argo"),
        (b'\xef\xbb\xbf{"name": "Argo"}', "Argo"),
        (b'{"n\\u0061me": "Arg\\u006f"}', "Argo"),
        (b'{"name": "Titanic", "name": "Argo"}', "Argo"),
        (b'{"name": null}', None),
        (b"{}", None),
        (b'{"name": 1}', 1),
        (b'{"name": true}', True),
        (b'{"name": [1, {"a": 2}]}', [1, {"a": 2}]),
        (b'{"name": 123456789012345678901234567890}', 123456789012345678901234567890),
        (b'{"name": 1e999}', NO_TEXT),
        ('{"name": "Ἀργώ 🐙"}'.encode(), "Ἀργώ 🐙"),
    ],
)
def test_member_is_read_and_the_rest_is_skipped(body: bytes, name: Any) -> None:
    assert name_in(body) == name


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (rb'{"name": "\ud83d"}', "\ufffd"),
        (rb'{"tons": "\ud83d", "name": "\ud83d\udc19"}', "🐙"),
        (rb'{"tons": "\udc19\ud83d\ud83d\udc19", "name": "\\ud83d"}', r"\ud83d"),
        (rb'{"tons": "\\\udc19", "name": "A"}', "A"),
    ],
)
def test_half_a_letter_is_no_broken_document(body: bytes, name: str) -> None:
    """Runtimes read it as U+FFFD, and pull the image."""
    assert name_in(body) == name


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"name": "Argo"',
        b'{"name": "Argo"} {}',
        b'{"name": NaN}',
        b'{"tons": Infinity}',
        b'{"tons": 01}',
        b'{"tons": "\x01"}',
        b'{"tons": "\\x"}',
        b'{"tons": "\xff"}',
        b'{"tons": "\xf0\x9f\xa6"}',
        b'{"tons": "' + b"\xf0\x9f\xa6",
        b"[1, 2",
        b"[" * 100_000,
        b'{"tons":' + b"[" * 100_000,
        b'{"tons":' * 100_000,
        rb'{"tons": "\ud83d" ',
        rb'{"tons": "\u" }',
        '{"name": "Argo"}'.encode("utf-16"),
        b'{"tons": "' + rb"\ud83d" * 20_000 + b'"}',
    ],
    ids=range(19),
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    """M14."""
    with pytest.raises(ValueError, match=r".") as caught:
        read_members(body, SHIP)
    assert not isinstance(caught.value, WrongShape)


@pytest.mark.parametrize("body", [b"[]", b"7", b'"name"', b"null", b"[[], {}]"])
def test_json_of_another_shape_is_told_from_no_json(body: bytes) -> None:
    with pytest.raises(WrongShape):
        read_members(body, SHIP)


@pytest.mark.parametrize("crew", [b'{"crew": {}}', b'{"crew": [7]}', b'{"crew": null}', b"{}"])
def test_part_of_another_shape_is_refused(crew: bytes) -> None:
    with pytest.raises(WrongShape):
        part(read_members(crew, SHIP).crew, CREW)


def test_part_is_read_by_its_own_shape() -> None:
    ship = read_members(b'{"crew": [{"name": "Jason"}, {}]}', SHIP)
    assert [value(one.name) for one in part(ship.crew, CREW)] == ["Jason", None]


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("x" * 5000, "x" * 1023),
        ("🐙" * 5000, "🐙" * 255),
        ('"\\' * 2000, '"\\' * 255 + '"'),
    ],
    ids=["ascii", "astral", "escaped"],
)
def test_long_text_is_read_at_its_beginning(text: str, beginning: str) -> None:
    assert name_in(json.dumps({"name": text}, ensure_ascii=False).encode()) == beginning


@pytest.mark.parametrize("cut", range(1010, 1030))
def test_long_text_is_never_cut_within_a_letter(cut: int) -> None:
    found = name_in(json.dumps({"name": "x" * cut + "\n🐙\\é" * 99}).encode())
    assert ("x" * cut + "\n🐙\\é" * 99).startswith(found.rstrip("\ud83d"))


@pytest.mark.parametrize("long", ["[" + "1," * 999 + "1]", "9" * 5000, '{"a":' * 300 + "1" + "}" * 300])
def test_long_value_that_is_no_text_is_not_built(long: str) -> None:
    assert name_in(b'{"name": %b}' % long.encode()) is NO_TEXT


def test_value_deeper_than_the_stack_is_not_built() -> None:
    body = b'{"name": ' + b"[" * 450 + b"]" * 450 + b"}"
    before = sys.getrecursionlimit()
    raw = read_members(body, SHIP).name
    frame, depth = sys._getframe(), 0  # noqa: SLF001 - how deep this test stands
    while frame.f_back:
        frame, depth = frame.f_back, depth + 1
    sys.setrecursionlimit(depth + 200)
    try:
        assert value(raw) is NO_TEXT
    finally:
        sys.setrecursionlimit(before)


def test_large_document_is_read_without_being_built() -> None:
    """S14."""
    body = b'{"tons":[' + b"[]," * 1_000_000 + b'0],"name":"Argo","more":"\xf0\x9f\x90\x99"}'
    tracemalloc.start()
    try:
        assert name_in(body) == "Argo"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1024 * 1024


class TestSmall:
    @pytest.mark.parametrize("body", [b"", b"[" * 60_000, b'{"a": 1', b"\xff", b"9" * 5000, b" " * MAX_SMALL + b"{}"])
    def test_what_cannot_be_built_is_refused(self, body: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            read_json(body)

    def test_document_is_built_whole(self) -> None:
        assert read_json(b'{"a": [1, "x"]}') == {"a": [1, "x"]}
