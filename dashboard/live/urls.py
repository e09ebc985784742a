"""Where open pages hear of changes."""

from django.urls import path

from dashboard.live import views

urlpatterns = [
    path("live/events", views.events, name="live-events"),
]
