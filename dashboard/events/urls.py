"""Addresses of events."""

from dashboard.compressed import whole_and_live
from dashboard.events import views

urlpatterns = [*whole_and_live("events/", views.events, "events/page", "events/fragment", name="events", shared=True)]
