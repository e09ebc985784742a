"""Addresses of registries."""

from django.urls import path

from dashboard.compressed import fragment
from dashboard.registries import views

urlpatterns = [
    path("registries/", views.registries, {"template": "dashboard/registries/list.html"}, name="registries"),
    path(
        "registries/live/",
        fragment(views.registries),
        {"template": "dashboard/registries/list_fragment.html"},
        name="registries-live",
    ),
    path("registries/<str:host>/", views.registry, {"template": "dashboard/registries/page.html"}, name="registry"),
    path(
        "registries/<str:host>/live/",
        fragment(views.registry),
        {"template": "dashboard/registries/fragment.html"},
        name="registry-live",
    ),
]
