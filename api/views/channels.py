"""Who is told of what."""

from hashlib import sha256
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from kombu.exceptions import OperationalError
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from api import shared_examples as examples
from api.enrolment import equipped
from api.pagination import AS_MADE, TEXTS, Order
from api.serializers.channel import ChannelSerializer, RuleSerializer, TrialSerializer
from api.setting_queries import ChannelQuery, RuleQuery
from api.views.writing import NounViewSet, described, filled, writing_takes
from probes.actions import channels as actions
from probes.actions import notices
from probes.models import Channel, Rule
from probes.policy.access import SECRETIVE, SHARED, NeedTable
from probes.policy.delivery import ChannelKind
from probes.selectors import shared
from probes.tasks.notices import deliver_on_commit

_NEEDS: NeedTable = {**writing_takes(SHARED), "test": SHARED, "list": SECRETIVE, "retrieve": SECRETIVE}


@described(
    noun="a channel",
    plural="channels",
    order="In the order they were made.",
    shown=examples.channel(),
    sent=examples.new_channel(),
    patch={"reminder_minutes": 60},
)
class ChannelViewSet(NounViewSet[Channel]):
    lookup_value_converter = "int"
    serializer_class = ChannelSerializer
    query_class = ChannelQuery
    orders: ClassVar = {
        "id": AS_MADE,
        "name": Order(column="name", values=TEXTS),
        "slug": Order(column="slug", values=TEXTS),
    }
    needs: ClassVar[NeedTable] = _NEEDS
    queryset = Channel.objects.none()

    def rows(self) -> QuerySet[Channel]:
        return shared.channels()

    def settings_of(self, row: Channel) -> dict[str, Any]:
        # As it is encrypted, which is another text each time: nothing can be guessed by it.
        return {**super().settings_of(row), "secret": sha256(bytes(row.secret_encrypted)).hexdigest()}

    def store(self, row: Channel | None, values: dict[str, Any]) -> Channel:
        url, signing_key = values.pop("url", ""), values.pop("signing_key", "")
        channel = filled(row or Channel(), values)
        user: Any = self.request.user
        if channel.kind == ChannelKind.APPRISE and not user.is_superuser:
            message = "Apprise dials wherever its URL leads: only a superuser may set it."
            raise ValidationError({"kind": [ErrorDetail(message, "superuser")]})
        if channel.kind == ChannelKind.WEBHOOK and not (signing_key or channel.has_secret):
            # The admin makes one and shows it once. An answer that may be kept for a retry must not.
            raise ValidationError(
                {"signing_key": [ErrorDetail("A webhook is signed: say by which key.", "required")]}
            )
        with equipped():
            actions.save(channel, url=url, signing_key=signing_key)
        return channel

    @extend_schema(
        summary="Send a test notice to a channel",
        description="At once, also where the channel is disabled.",
        request=None,
        examples=[OpenApiExample("On its way", value=examples.trial(), response_only=True, status_codes=["202"])],
        responses={202: TrialSerializer},
    )
    @action(detail=True, methods=["post"])
    def test(self, _request: Request, **_: Any) -> Response:
        channel = self.get_object()
        notice = None
        try:
            with transaction.atomic():
                notice = notices.test(channel, now=timezone.now())
                deliver_on_commit()
        except OperationalError:
            pass  # it is written, and sent when the broker is back
        return Response(TrialSerializer(notice).data, status=202)


@described(
    noun="a rule",
    plural="rules",
    order="In the order they were made.",
    shown=examples.rule(),
    sent=examples.new_rule(),
    patch={"severity": "critical"},
)
class RuleViewSet(NounViewSet[Rule]):
    lookup_value_converter = "int"
    serializer_class = RuleSerializer
    query_class = RuleQuery
    orders: ClassVar = {"id": AS_MADE, "slug": Order(column="slug", values=TEXTS)}
    needs: ClassVar[NeedTable] = _NEEDS
    queryset = Rule.objects.none()

    def rows(self) -> QuerySet[Rule]:
        return shared.rules()

    def store(self, row: Rule | None, values: dict[str, Any]) -> Rule:
        named = {name: values.pop(name, None) for name in ("groups", "registries")}
        return actions.save_rule(filled(row or Rule(), values), **named)
