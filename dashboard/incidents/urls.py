"""Addresses of incidents."""

from django.urls import path

from dashboard.compressed import whole_and_live
from dashboard.incidents import lists, views

urlpatterns = [
    *whole_and_live(
        "incidents/", lists.incidents, "incidents/list", "incidents/list_fragment", name="incidents", shared=True
    ),
    path("incidents/calendar/", lists.month, name="incident-calendar"),
    *whole_and_live(
        "incidents/<int:incident_id>/",
        views.incident,
        "incidents/incident",
        "incidents/incident_fragment",
        name="incident",
        shared=True,
    ),
    path("incidents/<int:incident_id>/note/", views.note, name="incident-note"),
]
