"""Addresses of images and endpoints."""

from django.urls import path

from dashboard.compressed import fragment
from dashboard.image import check_views, evidence_views, more_views, outcome_views, views

urlpatterns = [
    path("resources/<int:resource_id>/", views.resource, name="resource"),
    path("resources/<int:resource_id>/live/", fragment(views.live), name="resource-live"),
    path("resources/<int:resource_id>/more/", fragment(more_views.more), name="resource-more"),
    path("resources/<int:resource_id>/check/", check_views.check, name="resource-check"),
    path("resources/<int:resource_id>/runs/<uuid:run>/", check_views.run, name="resource-run"),
    path("resources/<int:resource_id>/outcomes/", outcome_views.outcomes, name="resource-outcomes"),
    *(
        path(
            f"resources/<int:resource_id>/evidence.{form}",
            evidence_views.evidence,
            {"form": form},
            name=f"resource-evidence-{form}",
        )
        for form in ("zip", "json", "txt")
    ),
]
