"""The addresses of the control plane as they are where a provider is set."""

from django.urls import include, path

from kairos.urls import handler400, handler403, handler404, handler500
from kairos.urls import urlpatterns as usual

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [*usual, path("oidc/", include("kairos.oidc.urls"))]
