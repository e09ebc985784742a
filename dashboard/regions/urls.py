"""Addresses of regions."""

from dashboard.compressed import whole_and_live
from dashboard.regions import views

urlpatterns = [
    *whole_and_live(
        "regions/",
        views.regions,
        "regions/list",
        "regions/list_fragment",
        name="regions",
        shared=True,
        live="live/regions/",
    ),
    *whole_and_live(
        "regions/<slug:slug>/", views.region, "regions/page", "regions/fragment", name="region", shared=True
    ),
]
