"""Addresses of events."""

from django.urls import path

from dashboard.compressed import fragment
from dashboard.events import views

urlpatterns = [
    path("events/", views.events, {"template": "dashboard/events/page.html"}, name="events"),
    path("events/live/", fragment(views.events), {"template": "dashboard/events/fragment.html"}, name="events-live"),
]
