"""Who asks: the owner of a token, or somebody who has logged in with a browser."""

from typing import Any, Final

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from probes.actions import access_tokens
from probes.models import AccessToken
from probes.policy import token_text
from probes.selectors.access import token_in_force

SCHEMES: Final = ("bearer", "token")
"""The second is what tokens were sent by before they had scopes."""

_NOT_IN_FORCE: Final = "This token is not in force: it is unknown, expired or revoked."


class AccessTokenAuthentication(BaseAuthentication):
    """Takes `Authorization: Bearer kairos_…`. What is wrong with a token that opens nothing is not told."""

    def authenticate(self, request: Request) -> tuple[Any, AccessToken] | None:
        """Return the owner and the token. Raises `AuthenticationFailed` for one that is not in force."""
        scheme, _, sent = get_authorization_header(request).partition(b" ")
        if scheme.decode("ascii", "replace").lower() not in SCHEMES:
            return None
        now = timezone.now()
        shown = token_text.read(sent.strip().decode("ascii", "replace"))
        found = shown and token_in_force(shown, now=now)
        if not found:
            raise AuthenticationFailed(_NOT_IN_FORCE, code="invalid_token")
        token, access = found
        access_tokens.note_use(token, now=now)
        request._request.kairos_access = access  # type: ignore[attr-defined]  # noqa: SLF001 - what `access_of` finds
        return token.owner, token

    def authenticate_header(self, _request: Request) -> str:
        return "Bearer"
