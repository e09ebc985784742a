"""How the description of the API says that requests are authenticated."""

from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from api.access import need_of

_TOKEN: Final = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "kairos_PREFIX_SECRET",
    "description": "A token with the scope that the operation names. The word `Token` is taken as well.",
}


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """A token, and of each operation the scope that it takes."""

    target_class = "api.authentication.AccessTokenAuthentication"
    name = "token"

    def get_security_definition(
        self,
        auto_schema: AutoSchema,  # noqa: ARG002 - the library's signature
    ) -> dict[str, Any]:
        return _TOKEN

    def get_security_requirement(self, auto_schema: AutoSchema) -> dict[str, list[str]]:
        """Return the scopes: OpenAPI 3.1 has them named for any kind of scheme."""
        return {"token": sorted(need_of(auto_schema.view).scopes)}
