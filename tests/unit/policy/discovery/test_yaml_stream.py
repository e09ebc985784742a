"""YAML from strangers: what is built of it, with which lines, and where it stops."""

import time

import pytest

from probes.policy.discovery import yaml_stream
from probes.policy.discovery.yaml_stream import YamlRefused, documents


def test_everything_has_its_line() -> None:
    (document,) = documents("# first\na: 1\nb:\n  - c\n  - d: e\n")
    assert (document.line, document.lines) == (2, {"a": 2, "b": 3})
    assert document.list("b").lines == [4, 5]


def test_scalars_are_texts_and_null_is_none() -> None:
    (document,) = documents("tag: 1.20\nyes: on\nnothing: ~\nempty:\nquoted: ''\nday: 2024-01-01\n")
    assert document == {
        "tag": "1.20",
        "yes": "on",
        "nothing": None,
        "empty": None,
        "quoted": "",
        "day": "2024-01-01",
    }


def test_documents_that_are_no_mappings_are_passed_over() -> None:
    assert [dict(item) for item in documents("- 1\n---\na: b\n---\n---\ntext\n")] == [{"a": "b"}]


def test_a_tag_has_no_effect() -> None:
    (document,) = documents("a: !!python/object/apply:os.system ['true']\nb: !reference [x, y]\n")
    assert document == {"a": ["true"], "b": ["x", "y"]}


def test_an_alias_stands_for_what_it_names_and_a_merge_fills_in() -> None:
    (document,) = documents(
        "x: &x {image: app:1, user: a}\ny:\n  <<: *x\n  user: b\nz: {<<: [*x, {user: c, other: d}]}\n"
    )
    assert document["y"] == {"image": "app:1", "user": "b"}
    assert document["z"] == {"image": "app:1", "user": "a", "other": "d"}
    assert document.map("y").line_of("image") == 1


def test_a_quoted_merge_key_is_a_key_like_any_other() -> None:
    (document,) = documents("labels:\n  '<<': {a: b}\n  \"<<x\": c\n", strictly=True)
    assert document["labels"] == {"<<": {"a": "b"}, "<<x": "c"}
    assert document.map("labels").line_of("<<") == 2


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "aliases counted in full"),
        ("a: &a [*a]\n", "stands for nothing"),
        ("a: *b\n", "undefined alias|stands for nothing"),
        ("[" * 200 + "]" * 200, "nested more than"),
        ("a: [" * 5000, "nested more than|of more than|no YAML"),
        ("- x\n" * 1001, "of more than"),
        ("---\na: b\n" * 101, "documents in one file"),
        ("a: b\n  c: d\n", "no YAML"),
        ("a: {{ .Values.image }}\n b", "no YAML"),
        ("a: '\x00'", "no YAML"),
        ("a: \ud800", "no YAML"),
        ("%YAML 9.9\n---\na: b\n", "no YAML"),
    ],
)
def test_what_is_too_much_or_no_yaml_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setattr(yaml_stream, "MAX_NODES", 1000)
    monkeypatch.setattr(yaml_stream, "MAX_DOCUMENTS", 100)
    began = time.process_time()
    with pytest.raises(YamlRefused, match=said):
        list(documents(text))
    assert time.process_time() - began < 3


def test_what_stands_before_a_fault_is_read() -> None:
    reading = documents("a: 1\n---\nb: [\n")
    assert next(reading) == {"a": "1"}
    with pytest.raises(YamlRefused) as refused:
        next(reading)
    assert refused.value.line >= 3


def test_bombs_in_many_documents_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_stream, "MAX_NODES", 1000)
    one = f"---\na: &a [{'x,' * 50}]\nb: [{'*a,' * 9}]\n"
    assert list(documents(one))
    with pytest.raises(YamlRefused, match="by aliases"):
        list(documents(one * 10))
    plain = "---\n" + "- x\n" * 900
    assert list(documents(plain * 10)) == []
