"""The answer to a scrape."""

import re
from typing import Any, ClassVar, Final

from django.conf import settings
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from api.authentication import AccessTokenAuthentication
from api.metrics.access import MetricsTokenAuthentication
from api.metrics.exposition import Format, encoded, gzipped
from api.metrics.families import lines
from api.metrics.scrape import Scrape
from api.strict import StrictSerializer
from probes.policy.access import Need, NeedTable, Role, Scope
from probes.selectors.series import Which

_OPENMETRICS: Final = "application/openmetrics-text"
_GZIP: Final = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)


class MetricsQuery(StrictSerializer):
    resources = serializers.ChoiceField(choices=[which.value for which in Which], required=False)


class WhateverIsAsked(BaseContentNegotiation):
    """Errors are JSON, whatever a scraper says it accepts."""

    def select_parser(self, _request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(
        self, _request: Request, renderers: Any, _format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class MetricsView(APIView):
    """How everything stands now, for Prometheus, line by line as it is read.

    What fails while it is sent breaks the connection off, so that a scraper does not take a part for the whole.
    """

    authentication_classes = (
        MetricsTokenAuthentication,
        AccessTokenAuthentication,
        SessionAuthentication,
    )
    content_negotiation_class = WhateverIsAsked
    # It counts over everything, and tells of everybody's images.
    needs: ClassVar[NeedTable] = {
        "GET": Need(Scope.METRICS, Role.VIEWER, over_all=True, or_scope=Scope.READ),
    }
    schema = None  # it has a reference of its own

    def get(self, request: Request) -> StreamingHttpResponse:
        query = MetricsQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        scrape = Scrape(
            now=timezone.now(),
            which=Which(query.validated_data.get("resources", settings.KAIROS_METRICS_PER_RESOURCE)),
            by_registry=settings.KAIROS_METRICS_PER_REGISTRY,
        )
        format_ = Format.OPENMETRICS if _OPENMETRICS in request.headers.get("Accept", "") else Format.TEXT
        text = encoded(lines(scrape, format_))
        packed = _GZIP.search(request.headers.get("Accept-Encoding", "")) is not None
        response = StreamingHttpResponse(gzipped(text) if packed else text, content_type=format_.value)
        if packed:
            response["Content-Encoding"] = "gzip"
        response["Cache-Control"] = "no-store"
        patch_vary_headers(response, ("Accept", "Accept-Encoding"))
        return response
