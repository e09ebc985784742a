"""Many rows of a noun made, changed and deleted in one request (ADR 34)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar, Final, Generic, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import Model, Q
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api.access import reach_of
from api.codes import PROBLEMS, TYPE_PREFIX
from api.deadlocks import is_deadlock
from api.errors import NOT_DONE, BulkFailed, InvalidProblemSerializer, ProblemSerializer, problem
from api.problems import document, known
from api.strict import StrictBody
from probes.selectors import visible

RowT = TypeVar("RowT", bound=Model)

MOST_ITEMS: Final = 1_000
_LARGEST_ID: Final = 2**63 - 1
OPERATIONS: Final = ("create", "update", "delete")
_STATUS: Final = {"create": 201, "update": 200, "delete": 204}


class BulkItemSerializer(StrictBody):
    """One row to make, change or delete. Which one, for the latter two, say `id` or `name`."""

    op = serializers.ChoiceField(choices=OPERATIONS)
    id = serializers.IntegerField(required=False, min_value=0, help_text="Of the row.")
    name = serializers.CharField(required=False, max_length=260, help_text="The row's stable name, in place of `id`.")
    if_match = serializers.CharField(required=False, max_length=1_000, help_text="As the header `If-Match`.")
    values = serializers.DictField(
        required=False, help_text="Of `create`, as a body that makes a row; of `update`, as one that is patched."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_made = attrs["op"] == "create"
        if is_made is bool({"id", "name"} & attrs.keys()) or {"id", "name"} <= attrs.keys():
            raise ValidationError("Name the row by either id or name, or by neither to create one.")
        if (attrs["op"] == "delete") is ("values" in attrs):
            message = "There are values to create and to update, and none to delete."
            raise ValidationError({"values": [ErrorDetail(message, "invalid")]})
        return attrs


class BulkSerializer(StrictBody):
    """What is to be done, in this order."""

    items = BulkItemSerializer(many=True, help_text=f"1 to {MOST_ITEMS}.")
    atomic = serializers.BooleanField(default=False, help_text="Whether nothing is done if any of it cannot be.")


class _BulkBody(StrictBody):
    """The same, of which each item is looked at by itself."""

    items = serializers.ListField(child=serializers.DictField(), min_length=1, max_length=MOST_ITEMS)
    atomic = serializers.BooleanField(default=False)


class BulkResultSerializer(serializers.Serializer[Any]):
    """What became of one item."""

    index = serializers.IntegerField(help_text="Of the item, from 0.")
    status = serializers.IntegerField(help_text="As if it had been a request of its own.")
    row = serializers.DictField(allow_null=True, help_text="As it is shown; null if it was deleted, or not done.")
    problem = InvalidProblemSerializer(allow_null=True, help_text="Why it was not done; null if it was.")


class BulkResultsSerializer(serializers.Serializer[Any]):
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    results = BulkResultSerializer(many=True, help_text="Of all items, in their order.")


class BulkProblemSerializer(ProblemSerializer):
    """Why nothing was done of many things, of all of which it was asked or of none."""

    results = BulkResultSerializer(many=True, required=False, help_text="Only of `bulk_failed`: what cannot be done.")


_TAKEN: Final = "This stable name is taken."

BULK_FAILED: Final = problem(
    "All or nothing was asked for, and some of it cannot be done; `results` tells what. Or another request with this "
    "`Idempotency-Key` is not done.",
    ("bulk_failed", "1 of the items cannot be done, so nothing was."),
    NOT_DONE,
    serializer=BulkProblemSerializer,
    members={
        "bulk_failed": {
            "results": [
                {
                    "index": 3,
                    "status": 400,
                    "row": None,
                    "problem": {
                        "type": f"{TYPE_PREFIX}invalid",
                        "title": PROBLEMS["invalid"].title,
                        "status": 400,
                        "detail": f"items[3].slug: {_TAKEN}",
                        "code": "invalid",
                        "instance": "/api/v1/resources/bulk",
                        "errors": [{"field": "items[3].slug", "code": "unique", "message": _TAKEN}],
                    },
                }
            ]
        }
    },
)


class BulkView(Generic[RowT]):
    """What a `NounViewSet` does with many rows. Each item has a savepoint, or what is made together."""

    named_by: ClassVar[str] = "slug"
    """The column of the stable name."""

    def make_together(self, bodies: Mapping[int, Any]) -> Mapping[int, RowT]:  # noqa: ARG002 - for who can
        """Store new rows in a few statements; return those that could be, by the keys of their bodies.

        The others are made by themselves, which tells what is wrong with each. Raises what `make` raises, or an
        `IntegrityError`, where none of them is to be stored so.
        """
        return {}

    def carry_out(self, request: Request) -> Response:
        """Do all that can be done of a body, in a transaction. Raises `BulkFailed` where it is all or nothing."""
        body = _BulkBody(data=request.data)
        body.is_valid(raise_exception=True)
        self._hold(body.validated_data["items"])
        results = list(self._results(request, body.validated_data["items"]))
        failed = [result for result in results if result["problem"]]
        told = {"succeeded": len(results) - len(failed), "failed": len(failed), "results": results}
        if failed and body.validated_data["atomic"]:
            raise BulkFailed(failed)
        return Response(told)

    def _hold(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Lock all rows that are named, in the order of their ids.

        Two requests that name the same rows in another order would else wait for each other.
        """
        view: Any = self
        ids = {item["id"] for item in items if type(item.get("id")) is int and 0 <= item["id"] <= _LARGEST_ID}
        names = {item["name"] for item in items if isinstance(item.get("name"), str)}
        if len(ids) + len(names) > 1:
            reached = visible.among(view.get_queryset().model.objects.all(), reach_of(view.request))
            rows = reached.filter(Q(pk__in=ids) | Q(**{f"{self.named_by}__in": names})).order_by("pk")
            list(rows.select_for_update(no_key=True, of=("self",)).values_list("pk"))

    def _results(self, request: Request, items: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield what became of each item, in their order: what is created one after another is made together."""
        for is_made, run in groupby(enumerate(items), key=lambda pair: pair[1].get("op") == "create"):
            pairs = list(run)
            made = self._made_together(pairs) if is_made and len(pairs) > 1 else {}
            for index, item in pairs:
                yield made.get(index) or self._result(request, index, item)

    def _made_together(self, pairs: Sequence[tuple[int, dict[str, Any]]]) -> Mapping[int, dict[str, Any]]:
        wanted = {index: BulkItemSerializer(data=item) for index, item in pairs}
        bodies = {index: asked.validated_data["values"] for index, asked in wanted.items() if asked.is_valid()}
        try:
            with transaction.atomic():
                rows = self.make_together(bodies)
        except Exception as error:
            if is_deadlock(error) or not (isinstance(error, IntegrityError) or known(error)):
                raise
            return {}  # by itself each is told what is wrong with it
        view: Any = self
        shown = view.get_serializer([], many=True).child
        return {
            index: {
                "index": index,
                "status": _STATUS["create"],
                "row": dict(shown.to_representation(row)),
                "problem": None,
            }
            for index, row in rows.items()
        }

    def _result(self, request: Request, index: int, item: dict[str, Any]) -> dict[str, Any]:
        try:
            with transaction.atomic():
                status, row = self._done(item)
        except Exception as error:
            refusal = known(error)
            if refusal is None or is_deadlock(error):  # of which the whole request is done again
                raise
            problem = document(refusal, instance=request.path, within=f"items[{index}]")
            return {"index": index, "status": refusal.status_code, "row": None, "problem": problem}
        return {"index": index, "status": status, "row": row, "problem": None}

    def _done(self, item: dict[str, Any]) -> tuple[int, dict[str, Any] | None]:
        view: Any = self
        wanted = BulkItemSerializer(data=item)
        wanted.is_valid(raise_exception=True)
        asked = wanted.validated_data
        if asked["op"] == "create":
            return _STATUS["create"], self._shown(_told_of_values(lambda: view.make(asked["values"])))
        lookup = {"pk": asked["id"]} if "id" in asked else {self.named_by: asked["name"]}
        row = view.locked(lookup, asked.get("if_match"))
        if asked["op"] == "delete":
            view.remove(row)
            return _STATUS["delete"], None
        changed = _told_of_values(lambda: view.change(row, asked["values"], partial=True))
        return _STATUS["update"], self._shown(changed)

    def _shown(self, row: Any) -> dict[str, Any]:
        view: Any = self
        return dict(view.get_serializer(row).data)


def _told_of_values(do: Any) -> Any:
    """Do something, and tell its mistakes by fields of `values`."""
    try:
        return do()
    except Exception as error:
        refusal = known(error)
        if isinstance(refusal, ValidationError):
            raise ValidationError({"values": refusal.detail}) from None
        raise
