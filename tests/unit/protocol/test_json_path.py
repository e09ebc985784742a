"""Paths into JSON documents: what they lead to, and what is refused."""

import re
from time import process_time
from typing import Any

import pytest

from probes.protocol.endpoint.json_path import JsonPathInvalid, parse_json_path

DOCUMENT: Any = {
    "status": "ok",
    "git commit": {"id": "4f53"},
    "checks": [
        {"name": "db", "up": True, "at": {"rack": 1}},
        {"name": "queue", "up": 1, "at": {"rack": 2}},
        "none",
    ],
    'quo"ted': 2,
    "it's": 3,
    "größe": 4,
    "nothing": None,
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("$.status", ["ok"]),
        ('$["git commit"].id', ["4f53"]),
        ("$[ 'git commit' ]['id']", ["4f53"]),
        ("$.größe", [4]),
        ("$['gr\\u00f6\\u00dfe']", [4]),
        ("""$['quo"ted']""", [2]),
        (r'$["quo\"ted"]', [2]),
        (r"$['it\'s']", [3]),
        ('$["it\'s"]', [3]),
        ("$.checks[0].name", ["db"]),
        ("$.checks[-1]", ["none"]),
        ("$.checks[-3].name", ["db"]),
        ("$.checks[*].name", ["db", "queue"]),
        ("$.checks[0].at.*", [1]),
        ("$.checks[?@.name == 'queue'].up", [1]),
        ("$.checks[?@.up==true].name", ["db"]),
        ("$.checks[?@.up==1].name", ["queue"]),
        ("$.checks[?@['at'].rack==2.0].name", ["queue"]),
        ('$.checks[?@=="none"]', ["none"]),
        ("$[?@.id=='4f53'].id", ["4f53"]),
        ("$.nothing", [None]),
        ("$.missing", []),
        ("$.checks[3]", []),
        ("$.checks[-4]", []),
        ("$.checks.name", []),
        ("$.status[0]", []),
        ("$.status.*", []),
        ("$.checks[?@.at.rack.deeper==null]", []),
    ],
)
def test_path_leads_to_values(path: str, values: list[Any]) -> None:
    """H15."""
    assert parse_json_path(path).select(DOCUMENT) == values


def test_dollar_is_the_document() -> None:
    """H15."""
    assert parse_json_path("$").select(DOCUMENT) == [DOCUMENT]


@pytest.mark.parametrize(
    ("path", "position", "message"),
    [
        ("", 0, "a path begins with $"),
        ("status", 0, "a path begins with $"),
        ("$status", 1, "not understood: status"),
        ("$..status", 1, "not understood: ..status"),
        ("$.a.b-c", 5, "not understood: -c"),
        ("$.a[0, 1]", 3, "not understood: [0, 1]"),
        ("$[1:2]", 1, "not understood: [1:2]"),
        ("$[01]", 1, "not understood: [01]"),
        ("$[?length(@.a) == 1]", 1, "not understood: [?length(@.a) == 1]"),
        ("$[?@.a == 1 || @.b]", 1, "not understood: [?@.a == 1 || @.b]"),
        ("$.a['b", 3, "not understood: ['b"),
        (r"$['\x']", 2, r"not a quoted text: '\x'"),
        (r"$[?@.a['\x']==1]", 7, r"not a quoted text: '\x'"),
        ("$[?@.a==ok]", 8, "neither a quoted text nor a number, true, false or null: ok"),
        ("$[?@.a==NaN]", 8, "neither a quoted text nor a number, true, false or null: NaN"),
        ("$" + ".a" * 250, 500, "longer than 500 characters"),
    ],
)
def test_path_that_is_not_understood_says_where(path: str, position: int, message: str) -> None:
    """H1."""
    with pytest.raises(JsonPathInvalid, match=re.escape(f"{message} (at character {position + 1})")) as refusal:
        parse_json_path(path)
    assert refusal.value.position == position


def test_work_is_bounded_by_the_document() -> None:
    """H15: each segment looks at nodes that none before it has looked at."""
    document: Any = 1
    for _ in range(100):
        document = [document, *([0] * 1000)]
    began = process_time()
    for path in ("$" + "[*]" * 100, "$" + "[?@.a==1]" * 40, "$" + ".*" * 200):
        parse_json_path(path).select(document)
    assert process_time() - began < 2
