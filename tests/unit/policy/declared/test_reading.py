"""Documents are read as what is declared; every fault is told with its place."""

from decimal import Decimal
from typing import Any

import pytest

from probes.policy.declared.kinds import Kind
from probes.policy.declared.reading import Declared, Reading

HEAD = "apiVersion: kairos/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n"


def document(spec: str = "", *, kind: str = "Image", name: str = "web") -> str:
    lines = "".join(f"  {line}\n" for line in spec.splitlines())
    required = "  reference: ghcr.io/shop/web:1\n" if kind == "Image" and "reference" not in spec else ""
    return HEAD.format(kind=kind, name=name) + required + (lines or "")


def read(text: str) -> Reading:
    reading = Reading()
    reading.add_text(text, "kairos.yaml")
    return reading


def thing(text: str) -> Declared:
    reading = read(text)
    assert reading.faults == []
    (found,) = reading.things
    return found


def faults(text: str) -> list[str]:
    return [str(fault) for fault in read(text).faults]


def test_what_is_left_out_has_its_default() -> None:
    found = thing(document())

    assert (found.kind, found.name, found.thing) == (Kind.IMAGE, "web", "Image/web")
    assert found.values["platforms"] == ("linux/amd64",)
    assert found.values["terms.failures"] is None


def test_display_name_that_is_left_out_is_the_stable_name() -> None:
    assert thing(document(kind="Group", name="shop")).values["name"] == "shop"
    assert thing(document("name: The shop", kind="Group", name="shop")).values["name"] == "The shop"


@pytest.mark.parametrize(
    ("spec", "path", "value"),
    [
        ("interval_seconds: 60", "interval_seconds", 60),
        ("check_tag: true", "check_tag", True),
        ("name: 1.20", "name", "1.20"),
        ("name: no", "name", "no"),
        ("regions: [us, eu]", "regions", ("eu", "us")),
        ("platforms: [b/b, a/a]", "platforms", ("b/b", "a/a")),
        ("terms:\n  uptime_target_percent: 99.90", "terms.uptime_target_percent", Decimal("99.9")),
        ("terms:\n  uptime_target_percent: 10", "terms.uptime_target_percent", Decimal(10)),
        ("terms: {quorum: {votes: 2}}", "terms.quorum.votes", 2),
        ("terms:", "terms.failures", None),
        ("group:", "group", None),
        ("depth: null", "depth", None),
    ],
)
def test_value_is_what_its_field_wants(spec: str, path: str, value: object) -> None:
    assert thing(document(spec)).values[path] == value


def test_objects_are_pairs_in_the_order_of_their_names() -> None:
    found = thing(
        document("resolve: {b.example: [10.0.0.2], a.example: [10.0.0.1]}", kind="Registry", name="a.example")
    )

    assert found.values["resolve"] == (("a.example", ("10.0.0.1",)), ("b.example", ("10.0.0.2",)))


def test_labels_stand_in_the_metadata() -> None:
    text = document().replace("{name: web}", "{name: web, labels: {team: shop}, found_in: [a]}")

    assert thing(text).values["labels"] == (("team", "shop"),)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ('interval_seconds: "60"', "interval_seconds: Write a whole number, without quotation marks."),
        ("interval_seconds: 1.5", "interval_seconds: Write a whole number."),
        ("interval_seconds: [1]", "interval_seconds: Write a whole number, not a list."),
        ("interval_seconds: 0", "interval_seconds: Write a number from 1 to "),
        ("interval_seconds:", "interval_seconds: Write a whole number; leave it out for its default."),
        ("check_tag: yes", "check_tag: Write true or false."),
        ("check_tag: 'true'", "check_tag: Write true or false, without quotation marks."),
        ("name: {a: b}", "name: Write a text, not an object."),
        ('name: "\\0"', "name: There is a NUL character in it."),
        ("platforms: all", "platforms: Write a list, not a single value."),
        ("platforms: [[a]]", "platforms: Write a text, not a list."),
        ("platforms: [~]", "platforms: Write a text, not nothing."),
        ("regions: [eu, eu]", "regions: A name is there twice."),
        ("terms: {severity: mild}", "terms.severity: Write one of critical, warning, info."),
        ("terms: {uptime_target_percent: high}", "terms.uptime_target_percent: Write a number, such as 99.9."),
        ("terms: 3", "terms: Write an object."),
        ("terms: {fails: 3}", "terms.fails: There is no such field. There are: degraded_after_seconds, failures, "),
        (
            "labels: {a: b}",
            "labels: Labels are said of a thing, not of how it is checked: write them in metadata.labels.",
        ),
        ("reference:", "reference: Write a text; leave it out for its default."),
        ("reference: ''", "reference: It has to be there."),
    ],
)
def test_field_that_is_wrong_is_named(spec: str, told: str) -> None:
    (found, *_) = faults(document(spec))

    assert f"Image/web: {told}" in found
    assert found.startswith("kairos.yaml:")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (document(name="Web"), "Image/Web: metadata.name: Write small letters"),
        (document(kind="Registry", name="''"), "Registry/: metadata.name: Write a host."),
        (document(kind="Moon"), "kind: There is no such kind. There are: Source, Schedule, "),
        (document().replace("v1", "v2"), "apiVersion: Write kairos/v1."),
        (document() + "status: {}\n", "status: There is no such member."),
        (document().replace("name: web", "name: web, uid: 1"), "metadata.uid: There is no such field."),
        (document(kind="Group").replace("name: web", "name: web, labels: {a: b}"), "A Group has no labels."),
        (document().replace("name: web", "name: web, labels: [a]"), "labels: Write an object, not a list."),
        (document().replace("name: web", "name: web, labels: {a: [b]}"), "labels: a: Write a text, not a list."),
        ("apiVersion: kairos/v1\nkind: Image\nmetadata: web\nspec: []", "metadata: Write an object."),
        (document() + "---\n" + document(), "It is declared twice, first at kairos.yaml:1."),
        (document() + "---\n" + document("reference: https://a.example/", kind="Endpoint"), "declared twice"),
        ("a: 1\na: 2", "kairos.yaml:2: a is there twice"),
        ("[a]: 1", "a key is a text"),
        ("- a", "a document is an object"),
        ("a: &b {c: 1}\nd: [*b, *e]", "*e stands for nothing"),
    ],
)
def test_document_that_is_wrong_is_told_of(text: str, told: str) -> None:
    assert any(told in fault for fault in faults(text)), faults(text)


def test_what_is_large_is_refused() -> None:
    long = "x" * 300_001
    assert "at most 300,000 characters" in faults(document(f"name: {long}"))[0]
    assert "at most 1,000 items" in faults(document(f"platforms: [{', '.join(['a/b'] * 1001)}]"))[0]
    labels = ", ".join(f"l{number}: x" for number in range(1001))
    assert "at most 1,000 members" in faults(document().replace("name: web", f"name: web, labels: {{{labels}}}"))[0]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("[endpoint.body]", ""),
        ("endpoint.body", "metadata.withheld: Write a list of texts."),
        ("[[a]]", "metadata.withheld: Write a list of texts."),
        ("[name]", "metadata.withheld: What is withheld may be: reference, endpoint.headers, endpoint.body."),
        ("[endpoint.headers]", "endpoint.headers: It is there, and said to be withheld: write one or the other."),
    ],
)
def test_document_may_say_what_was_withheld(given: str, told: str) -> None:
    text = document("reference: https://a.example/\nendpoint: {headers: {a: b}}", kind="Endpoint")
    reading = read(text.replace("{name: web}", f"{{name: web, withheld: {given}}}"))

    assert [str(fault).partition("Endpoint/web: ")[2] for fault in reading.faults] == ([told] if told else [])
    if not told:
        assert reading.things[0].withheld == {"endpoint.body"}


def test_nothing_of_an_image_is_withheld() -> None:
    (fault,) = faults(document().replace("{name: web}", "{name: web, withheld: [reference]}"))

    assert fault.endswith("metadata.withheld: Nothing of it is withheld.")


def source(spec: str, name: str = "shop") -> str:
    return f"apiVersion: kairos/v1\nkind: Source\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"


def test_source_says_who_manages_the_others() -> None:
    reading = read(f"{source('complete: true, documents: 1')}---\n{document()}")

    assert reading.faults == []
    assert reading.source is not None
    assert (reading.source.name, reading.source.is_complete) == ("shop", True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (source("complete: true, documents: 2") + "---\n" + document(), "2 documents are said to follow, and 1 do"),
        (document() + "---\n" + source("complete: true"), "A source is the first document of its stream."),
        (source("complete: maybe"), "complete: Write true or false."),
        (source("complete: true, documents: few"), "documents: Write a whole number."),
        (source("complete: true, done: 1"), "done: There is no such field."),
    ],
)
def test_source_that_is_wrong_is_told_of(text: str, told: str) -> None:
    assert any(told in fault for fault in faults(text)), faults(text)


def test_streams_without_a_source_are_all_that_the_one_manages_who_is_named() -> None:
    reading = read(document())

    assert reading.source_called(None, "--source") is None
    found = reading.source_called("shop", "--source")
    assert found is not None
    assert (found.name, found.is_complete, str(found.place)) == ("shop", True, "--source")
    assert reading.faults == []


def test_nothing_is_no_source_that_has_nothing() -> None:
    reading = read("")

    assert reading.source_called("git", "--source") is None
    assert [str(fault) for fault in reading.faults] == [
        "--source: Nothing was read. That a source has nothing any more is for a Source document to say."
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Shop!", "--source: Write small letters and digits, with . - _ between them."),
        ("other", "--source: The source is shop by kairos.yaml:1."),
    ],
)
def test_source_that_is_named_wrongly_is_a_fault(name: str, told: str) -> None:
    reading = read(source("complete: true"))

    assert reading.source_called("shop", "--source") == reading.source
    assert reading.faults == []
    reading.source_called(name, "--source")
    assert [str(fault) for fault in reading.faults] == [told]


def test_there_is_one_source() -> None:
    reading = read(source("complete: true"))
    reading.add_text(source("complete: true", "other"), "other.yaml")

    assert [str(fault) for fault in reading.faults] == [
        "other.yaml:1: Source/other: There is one source already, at kairos.yaml:1."
    ]


def test_source_without_a_name_is_named_by_whoever_applies_and_says_whether_these_are_all() -> None:
    nameless = "apiVersion: kairos/v1\nkind: Source\nspec: {{complete: {}, documents: 1}}\n---\n"
    part, whole = read(nameless.format("false") + document()), read(nameless.format("true") + document())

    assert (part.faults, part.source) == ([], None)
    given = [reading.source_called("git", "--source") for reading in (part, whole, read(document()), read(""))]
    assert [source and (source.name, source.is_complete) for source in given] == [
        ("git", False),
        ("git", True),
        ("git", True),
        None,  # that it has nothing any more would have been said
    ]
    assert faults(nameless.format("true")) == [
        "kairos.yaml:1: Source: 1 documents are said to follow, and 0 do: the stream was cut off."
    ]


def test_source_is_complete_where_every_stream_is() -> None:
    part = "apiVersion: kairos/v1\nkind: Source\nspec: {complete: false}\n"
    named = "apiVersion: kairos/v1\nkind: Source\nmetadata: {name: git}\nspec: {complete: true}\n"
    for texts in ([named, part], [part, named]):
        reading = Reading()
        for number, text in enumerate(texts):
            reading.add_text(text, f"{number}.yaml")
        assert reading.faults == []
        source = reading.source_called("git", "--source")
        assert source is not None
        assert (source, source.is_complete) == (reading.source, False)


def test_values_of_json_are_read_by_the_same_rules() -> None:
    spec: dict[str, Any] = {"reference": "a.example/b:1", "interval_seconds": 60, "check_tag": False, "group": None}
    spec |= {"platforms": ["linux/amd64"], "terms": {"uptime_target_percent": 99.5}}
    value = {"apiVersion": "kairos/v1", "kind": "Image", "metadata": {"name": "web"}, "spec": spec}
    reading = Reading()
    reading.add_values([value, "web", {**value, "spec": {**spec, "interval_seconds": "60"}}], "documents")

    assert reading.things[0].values["terms.uptime_target_percent"] == Decimal("99.5")
    assert [str(fault) for fault in reading.faults] == [
        "documents:2: A document is an object.",
        "documents:3: Image/web: interval_seconds: Write a whole number, without quotation marks.",
    ]


def test_fault_is_one_line_and_moves_no_cursor() -> None:
    (fault,) = faults(document('"a\\e[2J\\nb": 1'))
    assert fault.isprintable()
    assert "a\ufffd[2J b" in fault
