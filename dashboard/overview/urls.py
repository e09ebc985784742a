"""Addresses of the overview."""

from django.urls import path

from dashboard.compressed import fragment
from dashboard.overview import views

urlpatterns = [
    path("", views.overview, {"template": "dashboard/overview/page.html"}, name="overview"),
    path(
        "live/",
        fragment(views.overview, shared=True),
        {"template": "dashboard/overview/fragment.html"},
        name="overview-live",
    ),
    path("live/rows", fragment(views.rows, shared=True), name="overview-rows"),
]
