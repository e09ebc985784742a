"""Addresses of registries."""

from dashboard.compressed import whole_and_live
from dashboard.registries import views

urlpatterns = [
    *whole_and_live(
        "registries/",
        views.registries,
        "registries/list",
        "registries/list_fragment",
        name="registries",
        shared=True,
        live="live/registries/",
    ),
    *whole_and_live(
        "registries/<str:host>/",
        views.registry,
        "registries/page",
        "registries/fragment",
        name="registry",
        shared=True,
    ),
]
