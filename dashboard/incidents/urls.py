"""Addresses of incidents."""

from django.urls import path

from dashboard.compressed import fragment
from dashboard.incidents import views

urlpatterns = [
    path(
        "incidents/<int:incident_id>/",
        views.incident,
        {"template": "dashboard/incidents/incident.html"},
        name="incident",
    ),
    path(
        "incidents/<int:incident_id>/live/",
        fragment(views.incident),
        {"template": "dashboard/incidents/incident_fragment.html"},
        name="incident-live",
    ),
    path("incidents/<int:incident_id>/note/", views.note, name="incident-note"),
]
