"""Addresses of incidents."""

from django.urls import path

from dashboard.compressed import fragment
from dashboard.incidents import lists, views

urlpatterns = [
    path("incidents/", lists.incidents, {"template": "dashboard/incidents/list.html"}, name="incidents"),
    path(
        "incidents/live/",
        fragment(lists.incidents),
        {"template": "dashboard/incidents/list_fragment.html"},
        name="incidents-live",
    ),
    path("incidents/calendar/", lists.month, name="incident-calendar"),
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
