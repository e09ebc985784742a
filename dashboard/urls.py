"""Addresses of the pages, and under `live/` the fragments that keep them current."""

from django.urls import path
from django.views.decorators.gzip import gzip_page

from dashboard import incident_views, views
from dashboard.access import LoginPage, LogoutPage

app_name = "dashboard"

# Only fragments are compressed: they hold no secret (a CSRF token, say) that their length could tell.
live_overview = gzip_page(views.overview)
live_resource = gzip_page(views.resource)
live_incident = gzip_page(incident_views.incident)

urlpatterns = [
    path("", views.overview, {"template": "dashboard/overview.html"}, name="overview"),
    path("live/", live_overview, {"template": "dashboard/_overview.html"}, name="overview-live"),
    path("resources/<int:resource_id>/", views.resource, {"template": "dashboard/resource.html"}, name="resource"),
    path(
        "resources/<int:resource_id>/live/",
        live_resource,
        {"template": "dashboard/_resource.html"},
        name="resource-live",
    ),
    path(
        "incidents/<int:incident_id>/",
        incident_views.incident,
        {"template": "dashboard/incident.html"},
        name="incident",
    ),
    path(
        "incidents/<int:incident_id>/live/",
        live_incident,
        {"template": "dashboard/_incident.html"},
        name="incident-live",
    ),
    path("incidents/<int:incident_id>/note/", incident_views.note, name="incident-note"),
    path("login/", LoginPage.as_view(), name="login"),
    path("logout/", LogoutPage.as_view(), name="logout"),
]
