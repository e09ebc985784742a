"""Every address of the control plane."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from probes.extras import without

with without("jinja2", "markdown", "pygments", "requests"):  # before all that stands on REST framework
    import drf_spectacular.openapi  # noqa: F401 - loading is the import's effect

from api.metrics.views import MetricsView
from kairos import health
from kairos.admin_site import find_pages

find_pages()

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("admin/", admin.site.urls),
    path("api/", include("api.urls")),
    path("", include("dashboard.urls")),
]

# Errors outside of any view: problems to programs, pages to people.
handler400 = "kairos.faults.bad_request"
handler403 = "kairos.faults.permission_denied"
handler404 = "kairos.faults.page_not_found"
handler500 = "kairos.faults.server_error"

if settings.KAIROS_OIDC:
    urlpatterns.append(path("oidc/", include("kairos.oidc.urls")))
