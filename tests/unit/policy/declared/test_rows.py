"""What a row holds is the value that its document gives, and is written as that."""

from typing import Any

import pytest

from probes.policy.declared import planning, telling, writing
from probes.policy.declared.fields import STORED, Shape, Value, frozen, plain
from probes.policy.declared.kinds import KINDS, Kind
from probes.policy.declared.planning import Stored, Wishes
from probes.policy.declared.reading import DeclaredSource, Place


@pytest.mark.parametrize(
    ("shape", "held", "value", "again"),
    [
        (Shape.TEXT_BY_NAME, {"b": "2", "a": "1"}, (("a", "1"), ("b", "2")), {"a": "1", "b": "2"}),
        (Shape.TEXTS_BY_NAME, {"a": ["1", "2"]}, (("a", ("1", "2")),), {"a": ["1", "2"]}),
        (Shape.TEXTS, ["b", "a"], ("b", "a"), ["b", "a"]),
        (Shape.NAMES, ["b", "a"], ("a", "b"), ["a", "b"]),
        (Shape.TEXT_BY_NAME, None, (), {}),
        (Shape.BOOLEAN, True, True, True),
        (Shape.INTEGER, 5, 5, 5),
    ],
)
def test_row_holds_what_its_document_says(shape: Shape, held: object, value: Value, again: object) -> None:
    assert frozen(held, shape) == value
    assert plain(value, shape) == again


@pytest.mark.parametrize(("has_secret", "value"), [(True, STORED), (False, ())])
def test_of_a_secret_a_row_says_only_whether_there_is_one(has_secret: bool, value: Value) -> None:  # noqa: FBT001 - a row's
    assert frozen(has_secret, Shape.SECRET) == value


def stored(kind: Kind, **values: Any) -> Stored:
    return Stored(kind=kind, name="it", key=1, values={**KINDS[kind].defaults, **values}, managed_by="shop")


def test_channel_goes_with_its_notices_and_that_is_told() -> None:
    source = DeclaredSource(name="shop", is_complete=True, place=Place("kairos.yaml", 1))
    plan = planning.plan([], [stored(Kind.CHANNEL)], Wishes(source=source, prune=True))

    assert [line.text for line in telling.lines(plan)] == [
        "- Channel/it is not listed any more: deleted, with the notices that went there"
    ]


def test_region_is_never_pruned() -> None:
    source = DeclaredSource(name="shop", is_complete=True, place=Place("kairos.yaml", 1))

    assert planning.plan([], [stored(Kind.REGION)], Wishes(source=source, prune=True)).changes == ()


def test_labels_of_a_rule_stand_in_its_spec_and_those_of_an_image_in_its_metadata() -> None:
    rule, image = writing.documents(
        [
            stored(Kind.RULE, channel="c", labels=(("team", "shop"),)),
            stored(Kind.IMAGE, reference="a:1", labels=(("team", "shop"),)),
        ]
    )

    assert (rule["spec"]["labels"], rule["metadata"]) == ({"team": "shop"}, {"name": "it"})
    assert image["metadata"]["labels"] == {"team": "shop"}


@pytest.mark.parametrize(
    ("url", "is_told"), [("https://a.example/", False), ("https://a.example/?token=s3cret", True)]
)
def test_what_may_be_secret_of_a_document_is_found(url: str, is_told: bool) -> None:  # noqa: FBT001 - what is expected
    (document,) = writing.documents([stored(Kind.ENDPOINT, reference=url)])

    assert writing.shows_hidden(document) is is_told
