"""Addresses of images and endpoints."""

from django.urls import path

from dashboard.compressed import fragment
from dashboard.image import views

urlpatterns = [
    path("resources/<int:resource_id>/", views.resource, {"template": "dashboard/image/page.html"}, name="resource"),
    path(
        "resources/<int:resource_id>/live/",
        fragment(views.resource),
        {"template": "dashboard/image/fragment.html"},
        name="resource-live",
    ),
]
