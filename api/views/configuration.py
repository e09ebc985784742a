"""The configuration as documents: applied, exported and described (ADR 41)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.exceptions import ErrorDetail, PermissionDenied, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import applying_examples as examples
from api import bodies
from api.access import access_of
from api.errors import (
    APPLY_IN_PROGRESS,
    BAD_REQUEST,
    FORBIDDEN,
    PRECONDITION_FAILED,
    UNAUTHENTICATED,
    ApplyInProgress,
    BodyTooLarge,
    DocumentsRefused,
    MalformedBody,
    PreconditionFailed,
    problem,
)
from api.serializers.applying import (
    IN_JSON,
    IN_YAML,
    AppliedSerializer,
    ApplyBody,
    ApplyQuery,
    ExportQuery,
    ExportSerializer,
    RefusedDocumentsSerializer,
    mistake,
    shown,
)
from probes.actions import prompt_applying
from probes.actions.applying import Applied, ApplyRefused
from probes.policy.access import SECRETIVE, Need, NeedTable, Role, Scope
from probes.policy.declared import schema, writing
from probes.policy.declared.kinds import Kind
from probes.policy.declared.planning import Wishes
from probes.policy.declared.reading import Fault, Place, Reading
from probes.selectors.declared import everything
from probes.selectors.snapshot import of_one_moment

YAML: Final = "application/yaml"
SCHEMA: Final = "application/schema+json"
_JSON: Final = "application/json"
_TRUE: Final = frozenset({"true", "1"})
_APPLYING: Final = Need(Scope.WRITE, Role.EDITOR, over_all=True, or_scope=Scope.READ)
"""Who may change what is shared, for that is what documents declare. A dry run changes nothing: `read` is enough."""

DOCUMENTS_REFUSED: Final = problem(
    "What is wrong with the documents. Nothing was changed.",
    ("documents_refused", "line 9: Image/web: group: There is no Group 'shop', neither stored nor declared."),
    serializer=RefusedDocumentsSerializer,
    members={"documents_refused": examples.refused()},
)


class DocumentsParser(bodies.BodyParser):
    """Reads JSON as for any body, but more of it."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:  # noqa: ARG002 - DRF's signature
        return bodies.body(bodies.read(stream, prompt_applying.MOST_BYTES))


class YamlParser(BaseParser):
    """Reads the text of `application/yaml`: what it says is read later, and its faults told by line."""

    media_type = YAML

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:  # noqa: ARG002 - likewise
        text = bodies.read(stream, prompt_applying.MOST_BYTES)
        try:
            return text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise MalformedBody(f"The body is not UTF-8: byte {error.start} is wrong.") from None


class YamlRenderer(JSONRenderer):
    """Stands for YAML where a representation is chosen. What it is of is written as it is read.

    What else there is to answer, such as to OPTIONS, is written as JSON, which is YAML too.
    """

    media_type = YAML
    format = "yaml"


class SchemaRenderer(YamlRenderer):
    """Likewise for a JSON Schema."""

    media_type = SCHEMA
    format = "json"


@dataclass(frozen=True, slots=True)
class _Asked:
    reading: Reading
    options: dict[str, Any]

    @property
    def is_dry_run(self) -> bool:
        return bool(self.options.get("dry_run"))


class ApplyView(APIView):
    needs: ClassVar[NeedTable] = {"POST": _APPLYING}
    parser_classes = (DocumentsParser, YamlParser)

    def check_permissions(self, request: Request) -> None:
        """Let who may only read ask for a dry run alone: by the query, as nothing of a body is read at the door."""
        is_dry_run = request.query_params.get("dry_run") in _TRUE
        is_known = request.user.is_authenticated and request.method == "POST"
        if is_known and not is_dry_run and Scope.WRITE not in access_of(request).scopes:
            message = "This takes a token with the scope `write`, or `read` for a dry run that the query asks for."
            raise PermissionDenied(message, code="missing_scope")
        super().check_permissions(request)

    @extend_schema(
        operation_id="configuration_apply",
        parameters=[ApplyQuery],
        summary="Apply documents",
        description=(
            "Makes what is stored as documents declare it, as a whole or not at all, as `manage.py apply` does. A "
            "document says a thing whole: a field that is left out has its default. What is as declared is not "
            "touched, so the same may be sent again. With `dry_run` nothing is done, and the answer is the same. "
            "At most 8 MiB are taken, and at most 50 seconds; one applies at a time, and who comes meanwhile gets a "
            "409 and is to ask again. Secrets are given by reference on the server's own machine alone. The scope "
            "`read` is enough where the query asks for a dry run; a token has to be without limits. Whether a "
            "header, a body or a query value is the one that is stored, no dry run tells: it is told to change."
        ),
        request={_JSON: ApplyBody, YAML: OpenApiTypes.STR},
        examples=[
            OpenApiExample("An image", value=examples.asked(), request_only=True, media_type=_JSON),
            OpenApiExample("An image in YAML", value=examples.text(), request_only=True, media_type=YAML),
            OpenApiExample("What would be done", value=examples.applied(), response_only=True),
        ],
        responses={
            200: AppliedSerializer,
            400: BAD_REQUEST,
            401: UNAUTHENTICATED,
            403: FORBIDDEN,
            409: APPLY_IN_PROGRESS,
            412: PRECONDITION_FAILED,
            422: DOCUMENTS_REFUSED,
        },
    )
    def post(self, request: Request) -> Response:
        asked = _asked(request)
        source = asked.reading.source_called(asked.options.get("source"), "source")
        wishes = Wishes(
            source=source,
            prune=bool(asked.options.get("prune")),
            adopt=bool(asked.options.get("adopt")),
            any_share=bool(asked.options.get("yes")),
            tells_hidden=False,
        )
        user: Any = request.user
        applied = _applied(asked, wishes, is_superuser=user.is_superuser)
        document = shown(applied, source=source.name if source else None, dry_run=asked.is_dry_run)
        return Response(document, headers={"Cache-Control": "no-store"})


class ExportView(APIView):
    """All of a kind after another, of one moment, as it is read. What fails meanwhile breaks the connection off."""

    needs: ClassVar[NeedTable] = {"GET": SECRETIVE}
    renderer_classes = (JSONRenderer, YamlRenderer)

    @extend_schema(
        operation_id="configuration_export",
        parameters=[ExportQuery],
        summary="Export documents",
        description=(
            "What is stored, as documents that apply takes, in the order in which they can be stored; what is "
            "retired is left out. As JSON, or as a stream of YAML where `Accept` says `application/yaml`. Nothing "
            "secret is told: `metadata.withheld` names what is not shown of a thing, and stays as it is when the "
            "document is applied. A token has to be without limits."
        ),
        examples=[
            OpenApiExample("An image", value=examples.exported(), response_only=True, media_type=_JSON),
            OpenApiExample("An image in YAML", value=examples.text(), response_only=True, media_type=YAML),
        ],
        responses={
            (200, _JSON): ExportSerializer,
            (200, YAML): OpenApiResponse(OpenApiTypes.STR, description="A stream of documents."),
            400: BAD_REQUEST,
            401: UNAUTHENTICATED,
            403: FORBIDDEN,
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        query = ExportQuery(data=request.query_params, context={"request": request})
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        source = asked["source"].slug if "source" in asked else None
        kinds = [kind for kind in Kind if not asked.get("kind") or kind in asked["kind"]]
        found = writing.documents(everything(kinds, source=source), withholds=True)
        accepted: Any = request
        is_yaml = accepted.accepted_renderer.media_type == YAML
        response = StreamingHttpResponse(
            of_one_moment(writing.text(found) if is_yaml else _in_json(found)),
            content_type=YAML if is_yaml else _JSON,
        )
        response["Cache-Control"] = "no-store"
        return response


class ConfigurationSchemaView(APIView):
    """Public, like the committed copy of it: editors fetch it without a token."""

    permission_classes = (AllowAny,)
    renderer_classes = (SchemaRenderer,)

    @extend_schema(
        operation_id="configuration_schema",
        summary="Describe documents",
        description="The JSON Schema (2020-12) of one document, for editors and for whoever writes documents.",
        examples=[OpenApiExample("Its beginning", value=examples.schema(), response_only=True, media_type=SCHEMA)],
        responses={(200, SCHEMA): OpenApiTypes.OBJECT},
    )
    def get(self, _request: Request) -> HttpResponse:
        return HttpResponse(schema.text(), content_type=SCHEMA)


def _in_json(documents: Iterator[Any]) -> Iterator[str]:
    yield '{"documents": ['
    for number, document in enumerate(documents):
        yield (",\n" if number else "\n") + json.dumps(document)
    yield "]}\n"


def _asked(request: Request) -> _Asked:
    """Return the documents and what is wanted besides. Raises `ValidationError`."""
    query = ApplyQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    options = {name: value for name, value in query.validated_data.items() if value is not None}
    reading = Reading()
    sent: Any = request.data
    if isinstance(sent, str):
        if not sent.strip():
            raise MalformedBody("There is nothing in the body.")
        reading.add_text(sent, IN_YAML)
        if not (reading.things or reading.source or reading.faults):
            reading.faults.append(Fault(place=Place(IN_YAML, 1), message="There is no document in it."))
        return _Asked(reading, options)
    body = ApplyBody(data=sent)
    body.is_valid(raise_exception=True)
    of_body = dict(body.validated_data)
    reading.add_values(of_body.pop("documents"), IN_JSON)
    if twice := sorted(options.keys() & of_body.keys()):
        message = "It is in the query as well: write it once."
        raise ValidationError({name: [ErrorDetail(message, "repeated")] for name in twice})
    return _Asked(reading, {**options, **of_body})


def _applied(asked: _Asked, wishes: Wishes, *, is_superuser: bool) -> Applied:
    """Return what was done. Raises the problem that there is."""
    try:
        return prompt_applying.apply(
            asked.reading,
            wishes,
            now=timezone.now(),
            note=asked.options.get("note", ""),
            dry_run=asked.is_dry_run,
            shown=asked.options.get("fingerprint"),
            is_superuser=is_superuser,
        )
    except ApplyRefused as refused:
        raise DocumentsRefused(
            _sentence(refused.faults[0], refused.count), list(map(mistake, refused.faults)), refused.count
        ) from None
    except prompt_applying.AnotherApplies:
        raise ApplyInProgress(prompt_applying.RETRY_SECONDS) from None
    except prompt_applying.NotAsShown:
        raise PreconditionFailed("Something else would be done by now than was shown. Look again.") from None
    except prompt_applying.TooMuch:
        message = (
            f"It takes longer than {prompt_applying.MOST_SECONDS} seconds: apply it in parts, or by the command."
        )
        raise BodyTooLarge(message) from None


def _sentence(fault: Fault, count: int) -> str:
    told = mistake(fault)
    where = f"line {told['line']}" if told["line"] else ""
    where = f"documents[{told['document']}]" if told["document"] is not None else where
    said = ": ".join(part for part in (where, fault.thing, told["field"], fault.message) if part)
    return said if count == 1 else f"{said} And {count - 1} more."
