"""Addresses of regions."""

from django.urls import path

from dashboard.compressed import fragment
from dashboard.regions import views

urlpatterns = [
    path("regions/", views.regions, {"template": "dashboard/regions/list.html"}, name="regions"),
    path(
        "regions/live/",
        fragment(views.regions),
        {"template": "dashboard/regions/list_fragment.html"},
        name="regions-live",
    ),
    path("regions/<slug:slug>/", views.region, {"template": "dashboard/regions/page.html"}, name="region"),
    path(
        "regions/<slug:slug>/live/",
        fragment(views.region),
        {"template": "dashboard/regions/fragment.html"},
        name="region-live",
    ),
]
