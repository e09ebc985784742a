"""Addresses of the pages: each package has its own, and under `live/` the fragments that keep them current."""

from django.urls import include, path

from dashboard.access import LoginPage, LogoutPage
from dashboard.design import design
from dashboard.theme import choose

app_name = "dashboard"

urlpatterns = [
    path("", include("dashboard.overview.urls")),
    path("", include("dashboard.image.urls")),
    path("", include("dashboard.incidents.urls")),
    path("", include("dashboard.compare.urls")),
    path("", include("dashboard.registries.urls")),
    path("", include("dashboard.regions.urls")),
    path("", include("dashboard.events.urls")),
    path("theme/", choose, name="theme"),
    path("design/", design, name="design"),
    path("", include("dashboard.live.urls")),
    path("", include("dashboard.status.urls")),
    path("login/", LoginPage.as_view(), name="login"),
    path("logout/", LogoutPage.as_view(), name="logout"),
]
