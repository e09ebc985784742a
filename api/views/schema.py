"""The API's description of itself, and the answer where there is no API."""

from typing import NoReturn

from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

from api import security_schemes  # noqa: F401 - registers what describes them


class SchemaView(SpectacularAPIView):
    """OpenAPI, in YAML or JSON as asked for. Public, like the committed copy of it."""


class DocsView(SpectacularSwaggerSplitView):
    """The schema for people, from files of our own: works offline, and under our Content-Security-Policy."""

    template_name = "api/docs.html"
    url_name = "api:schema"


@extend_schema(exclude=True)
class NowhereView(APIView):
    """Whatever has no address under the API: programs get JSON, as everywhere in it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise NotFound("There is nothing at this address. See /api/docs/.", "no_such_address")
