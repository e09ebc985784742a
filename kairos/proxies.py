"""Whose request it is, decided once: whatever asks for REMOTE_ADDR further in gets the client's address."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from probes.policy.forwarded import client_address


class ClientAddressMiddleware:
    """Put the client's address in the place of the proxy's, as far as KAIROS_TRUSTED_PROXIES lets it be believed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.META["REMOTE_ADDR"] = client_address(
            request.META.get("REMOTE_ADDR", ""),
            request.META.get("HTTP_X_FORWARDED_FOR", ""),
            settings.KAIROS_TRUSTED_PROXIES,
        )
        return self.get_response(request)
