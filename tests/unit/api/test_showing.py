"""`ShownRow` shows what DRF's own serializers do, whatever the row has or lacks."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from rest_framework import serializers

from api.showing import ShownRow


@dataclass
class Row:
    name: str = "a"
    count: int | None = 3
    owner: Any = field(default_factory=lambda: SimpleNamespace(slug="shop"))

    def loud(self) -> str:
        return self.name.upper()


def fields() -> dict[str, Any]:
    """Return fields of every kind: plain, renamed, by a path, computed, called, nested, missing and only written."""

    class Inner(serializers.Serializer[Any]):
        name = serializers.CharField()

    return {
        "name": serializers.CharField(),
        "number": serializers.IntegerField(source="count", allow_null=True),
        "owner": serializers.CharField(source="owner.slug", allow_null=True),
        "same": serializers.SlugRelatedField(source="owner", slug_field="slug", read_only=True),
        "loud": serializers.CharField(default="none"),
        "long": serializers.SerializerMethodField(),
        "inner": Inner(source="*"),
        "gone": serializers.CharField(required=False),
        "usual": serializers.CharField(default="usual", source="nowhere"),
        "secret": serializers.CharField(write_only=True),
    }


def method(_self: Any, row: Any) -> str:
    return "dictionary" if isinstance(row, dict) else "row"


Ours: Any = type("Ours", (ShownRow,), {**fields(), "get_long": method})
Theirs: Any = type("Theirs", (serializers.Serializer,), {**fields(), "get_long": method})


@pytest.mark.parametrize(
    "row",
    [
        Row(),
        Row(count=None),
        Row(owner=None),
        Row(owner=SimpleNamespace(slug=None)),
        {"name": "b", "count": 1, "owner": {"slug": "till"}},
        {"name": "b", "count": 1, "owner": None, "loud": "B", "gone": "here"},
    ],
)
def test_a_row_is_shown_as_by_drf_itself(row: Any) -> None:
    if isinstance(row, dict):
        ours, theirs = Ours(row), Theirs(row)
        for serializer in (ours, theirs):
            serializer.fields.pop("same")  # of a dictionary it has no attribute to show
        assert ours.data == theirs.data
    else:
        assert Ours(row).data == Theirs(row).data


def test_rows_of_a_list_are_each_shown() -> None:
    assert [item["name"] for item in Ours([Row("a"), Row("b")], many=True).data] == ["a", "b"]


def test_what_is_nowhere_is_told_as_drf_tells_it() -> None:
    class Wanting(ShownRow):
        missing = serializers.CharField()

    with pytest.raises(AttributeError, match="field `missing` on serializer `Wanting`"):
        _ = Wanting(Row()).data


def test_a_field_that_was_taken_away_is_not_shown() -> None:
    serializer = Ours(Row())
    for name in set(serializer.fields) - {"name"}:
        serializer.fields.pop(name)
    assert serializer.data == {"name": "a"}
