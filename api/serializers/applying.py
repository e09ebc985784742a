"""What is applied over the API, what came of it, and what is exported."""

from typing import Any, Final

from rest_framework import serializers

from api.declaring import declared
from api.errors import MistakeSerializer, ProblemSerializer
from api.fields import NamedRowField
from api.strict import StrictBody, StrictSerializer
from probes.actions.applying import Applied
from probes.actions.prompt_applying import fingerprint
from probes.models import Source
from probes.policy.declared import telling
from probes.policy.declared.kinds import Kind
from probes.policy.declared.planning import Verb
from probes.policy.declared.reading import Fault

KINDS: Final = [(item.value, item.value) for item in Kind]
ACTIONS: Final = [(item.value, item.value) for item in Verb]
MOST_TOLD: Final = 1_000
LONGEST_NOTE: Final = 200
LONGEST_SOURCE: Final = 100
IN_YAML, IN_JSON = "body", "documents"
"""By which a place in a body is called: with its line, or with the number of a document."""

_DRY_RUN: Final = "Tell what would be done, and do nothing."
_PRUNE: Final = "Retire or delete what the source manages and no document declares."
_ADOPT: Final = "Take over what is managed by hand, or by another source."
_YES: Final = "Prune also more than half of what the source manages."
_SOURCE: Final = (
    "Who manages all of this, where no document says so: the stable name of a source, which is made if there is none."
)
_NOTE: Final = "For the audit log: a commit, say."
_SHOWN: Final = "The `fingerprint` of a dry run: where something else would be done by now, nothing is."
_LENGTH: Final = 64


def _switch(help_text: str) -> serializers.BooleanField:
    # In a query what is left out would be false, and could not be told from what was said.
    return serializers.BooleanField(required=False, allow_null=True, default=None, help_text=help_text)


def _switch_of_body(help_text: str) -> serializers.BooleanField:
    return serializers.BooleanField(required=False, help_text=f"{help_text} False if left out.")


class ApplyQuery(StrictSerializer):
    """What is wanted besides. Each may stand in a JSON body as well, but not in both."""

    dry_run = _switch(_DRY_RUN)
    prune = _switch(_PRUNE)
    adopt = _switch(_ADOPT)
    yes = _switch(_YES)
    source = declared(serializers.CharField(required=False, max_length=LONGEST_SOURCE, help_text=_SOURCE))
    note = serializers.CharField(required=False, max_length=LONGEST_NOTE, help_text=_NOTE)
    fingerprint = serializers.CharField(required=False, min_length=_LENGTH, max_length=_LENGTH, help_text=_SHOWN)


class ApplyBody(StrictBody):
    """Documents as JSON, and what is wanted besides."""

    documents = serializers.ListField(
        child=serializers.DictField(),
        min_length=1,
        help_text="Each as a document of YAML, in the form of docs/reference/configuration.md.",
    )
    dry_run = _switch_of_body(_DRY_RUN)
    prune = _switch_of_body(_PRUNE)
    adopt = _switch_of_body(_ADOPT)
    yes = _switch_of_body(_YES)
    source = declared(serializers.CharField(required=False, max_length=LONGEST_SOURCE, help_text=_SOURCE))
    note = serializers.CharField(required=False, max_length=LONGEST_NOTE, help_text=_NOTE)
    fingerprint = serializers.CharField(required=False, min_length=_LENGTH, max_length=_LENGTH, help_text=_SHOWN)


class PlannedDifferenceSerializer(serializers.Serializer[Any]):
    """A field before and after, each in one line. What may be secret is not shown."""

    field = serializers.CharField(help_text="Its path in `spec`.")
    before = serializers.CharField(help_text="Of what is made, the default.")
    after = serializers.CharField()


class PlannedChangeSerializer(serializers.Serializer[Any]):
    """What becomes of one thing."""

    action = serializers.ChoiceField(choices=ACTIONS)
    kind = serializers.ChoiceField(choices=KINDS)
    name = serializers.CharField(help_text="Its stable name.")
    adopted_from = serializers.CharField(
        allow_null=True,
        allow_blank=True,
        help_text="Which source managed it until now, where that changes; empty if it was changed by hand.",
    )
    differences = PlannedDifferenceSerializer(many=True)


class PlanCountsSerializer(serializers.Serializer[Any]):
    """How many things are to be, or were, made and changed, and so on."""

    create = declared(serializers.IntegerField())
    update = declared(serializers.IntegerField())
    restore = serializers.IntegerField(help_text="Listed again after they were stale or retired.")
    stale = serializers.IntegerField(help_text="Not listed any more, and checked on.")
    retire = serializers.IntegerField(help_text="Not listed any more: checked no more, with their history.")
    delete = serializers.IntegerField()


class AppliedSerializer(serializers.Serializer[Any]):
    """What was done, or would be."""

    dry_run = serializers.BooleanField(help_text="Whether nothing was done.")
    source = declared(serializers.CharField(allow_null=True, help_text="Who manages what was declared."))
    source_created = serializers.CharField(allow_null=True, help_text="The source that was made.")
    fingerprint = serializers.CharField(
        help_text="Stands for all of this: it is another where anything else is done."
    )
    unchanged = serializers.IntegerField(help_text="How many things were as declared.")
    counts = PlanCountsSerializer()
    kept = serializers.ListField(
        child=serializers.CharField(),
        help_text="What is not declared any more, and kept for what is retired, as `Group/shop`.",
    )
    changes = PlannedChangeSerializer(
        many=True, help_text=f"The first {MOST_TOLD}, in the order in which they are made."
    )
    changes_left_out = serializers.IntegerField(help_text="How many more there are.")
    summary = serializers.CharField(help_text="The counts in a sentence.")
    text = serializers.CharField(help_text="All of this for people, as `manage.py apply` writes it.")


class DocumentMistakeSerializer(MistakeSerializer):
    """What is wrong with a document."""

    kind = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True, help_text="The thing's stable name.")
    line = serializers.IntegerField(allow_null=True, help_text="Of the body, from 1; null of JSON.")
    document = serializers.IntegerField(allow_null=True, help_text="Of `documents`, from 0; null of YAML.")


class RefusedDocumentsSerializer(ProblemSerializer):
    """Why documents were not applied."""

    errors = declared(DocumentMistakeSerializer(many=True, help_text="The first 100."))
    count = serializers.IntegerField(help_text="How many there are.")


class ExportQuery(StrictSerializer):
    """What is exported. Whatever is left out does not narrow it."""

    known_besides = ("format",)

    kind = serializers.MultipleChoiceField(
        choices=[kind for kind, _ in KINDS], required=False, help_text="Repeat it for several."
    )
    source = declared(
        NamedRowField[Source](
            slug_field="slug",
            queryset=Source.objects.all(),
            required=False,
            help_text="Only what this source manages.",
        )
    )


class ExportSerializer(serializers.Serializer[Any]):
    """What is stored, as documents that declare it."""

    documents = serializers.ListField(child=serializers.DictField())


def shown(applied: Applied, *, source: str | None, dry_run: bool) -> dict[str, Any]:
    """Return what was done as it is shown."""
    plan, makes_source = applied.plan, applied.makes_source
    told = telling.to_json(plan, makes_source=makes_source, kept=applied.kept, most=MOST_TOLD)
    lines = telling.lines(plan, makes_source=makes_source, kept=applied.kept, most=MOST_TOLD)
    summary = telling.summary(plan, makes_source=makes_source, is_done=not dry_run)
    document = {
        **told,
        "dry_run": dry_run,
        "source": source,
        "fingerprint": fingerprint(applied),
        "summary": summary,
        "text": "\n".join((*(line.text for line in lines), summary)),
    }
    return dict(AppliedSerializer(document).data)


def mistake(fault: Fault) -> dict[str, Any]:
    """Return a fault as an item of `errors`. What stands in no document is a parameter."""
    kind, _, name = fault.thing.partition("/")
    place, line = fault.place, fault.place.line or None
    parameter = "" if line else place.file.lstrip("-")
    return {
        "field": fault.field or parameter,
        "code": "invalid",
        "message": fault.message,
        "kind": kind,
        "name": name,
        "line": line if place.file == IN_YAML else None,
        "document": line - 1 if line and place.file == IN_JSON else None,
    }
