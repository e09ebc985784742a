"""Addresses of status pages and badges. What is compressed holds no secret: no form is on these pages."""

from django.urls import path
from django.views.decorators.gzip import gzip_page

from dashboard.status import badge_views, views

urlpatterns = [
    path("status/<str:slug>/", gzip_page(views.page), name="status"),
    path("status/<str:slug>/history/", gzip_page(views.history), name="status-history"),
    path("status/<str:slug>/preview/", views.preview, name="status-preview"),
    path("status/<str:slug>/summary.json", views.summary_json, name="status-summary"),
    path("status/<str:slug>/feed.atom", views.feed_of, {"kind": "atom"}, name="status-atom"),
    path("status/<str:slug>/feed.rss", views.feed_of, {"kind": "rss"}, name="status-rss"),
    path("status/<str:slug>/widget", views.widget, name="status-widget"),
    path("badges/<str:slug>/state.svg", badge_views.state, name="badge-state"),
    path("badges/<str:slug>/uptime.svg", badge_views.uptime, name="badge-uptime"),
]
