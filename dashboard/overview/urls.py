"""Addresses of the overview."""

from django.urls import path

from dashboard.compressed import fragment, whole_and_live
from dashboard.overview import views

urlpatterns = [
    *whole_and_live("", views.overview, "overview/page", "overview/fragment", name="overview", shared=True),
    path("live/rows", fragment(views.rows, shared=True), name="overview-rows"),
]
