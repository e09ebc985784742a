"""Believing a provider: mozilla-django-oidc's backend, with our own dialling, our own demands and our own people.

What is left of the library's is the order of things; what it would ask by `requests`, check loosely and match by
e-mail address is replaced.
"""

import logging
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import SuspiciousOperation
from django.utils import timezone
from mozilla_django_oidc.auth import OIDCAuthenticationBackend

from kairos.oidc.configuration import Configuration
from kairos.oidc.provider import Provider
from kairos.oidc.tokens import TokenRefused, verified
from probes.actions import people
from probes.policy.vouching import VouchingRefused, vouch

_log = logging.getLogger(__name__)


@lru_cache(maxsize=4)
def provider_of(configuration: Configuration) -> Provider:
    """Return the provider that is set: one for the process, so that what it says of itself is asked once an hour."""
    return Provider(configuration)


def configuration() -> Configuration:
    """Return what is set. Raises RuntimeError where nothing is: then nothing leads here."""
    found: Configuration | None = settings.KAIROS_OIDC
    if found is None:
        raise RuntimeError("KAIROS_OIDC_ISSUER is not set")
    return found


class ProviderBackend(OIDCAuthenticationBackend):  # type: ignore[misc]  # it has no types
    """Logs in whoever the provider vouches for."""

    def __init__(self) -> None:  # the library's reads endpoints, and this is made for each request of a session
        self.UserModel = User
        self.OIDC_RP_CLIENT_ID = configuration().client_id
        # Ours goes with the request's own login, see `Provider.tokens`; the library would put it into the form.
        self.OIDC_RP_CLIENT_SECRET = ""

    def get_token(self, payload: dict[str, str]) -> dict[str, Any]:
        form = {name: value for name, value in payload.items() if name != "client_secret"}
        return provider_of(configuration()).tokens(form)

    def verify_token(self, token: object, **options: Any) -> dict[str, Any]:
        ours = configuration()
        keys = provider_of(ours).keys()
        try:
            return verified(
                token, keys, issuer=ours.issuer, client_id=ours.client_id, nonce=options.get("nonce") or ""
            )
        except TokenRefused as refused:
            raise SuspiciousOperation(str(refused)) from None

    def get_or_create_user(self, access_token: object, id_token: object, payload: dict[str, Any]) -> User | None:  # noqa: ARG002 - the library's signature
        """Return the person, with the roles that the provider gives now; None for whoever gets nothing."""
        ours = configuration()
        further = provider_of(ours).userinfo(access_token) if isinstance(access_token, str) else {}
        if further and further.get("sub") != payload["sub"]:
            raise SuspiciousOperation("what it says of somebody is about another")
        try:
            vouched = vouch(ours.issuer, {**further, **payload}, ours.rules)
        except VouchingRefused as refused:
            raise SuspiciousOperation(str(refused)) from None
        return people.welcome(vouched, now=timezone.now())

    def get_user(self, user_id: Any) -> User | None:
        """Return who a session is of, unless he was made inactive, which the library does not ask."""
        user: User | None = ModelBackend.get_user(self, user_id)
        return user

    def store_tokens(self, access_token: object, id_token: object) -> None:
        """Keep neither: nothing is asked in somebody's name after the login."""
