"""The addresses of the API. They have no slash at their end; `id` is a number."""

from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from api.views.access_tokens import AccessTokenViewSet
from api.views.audit import AuditViewSet
from api.views.channels import ChannelViewSet, RuleViewSet
from api.views.comparison import CompareView
from api.views.configuration import ApplyView, ConfigurationSchemaView, ExportView
from api.views.credentials import CredentialViewSet
from api.views.dry_run import PolicyDryRunView
from api.views.events import EventViewSet
from api.views.groups import GroupUptimeView, GroupViewSet
from api.views.incidents import IncidentViewSet
from api.views.ledgers import CertificateViewSet, MissedSlotsViewSet, NoticeViewSet, QuotaAccountViewSet
from api.views.maintenance import WindowViewSet
from api.views.outcomes import OutcomeViewSet
from api.views.regions import RegionEventViewSet, RegionViewSet
from api.views.registries import RegistryViewSet
from api.views.resources import ResourceViewSet
from api.views.rollups import GroupRollUpsView, RegionRollUpsView, RegistryRollUpsView, ResourceRollUpsView
from api.views.runs import ProbesView, RunViewSet
from api.views.schedules import PolicyViewSet, ScheduleViewSet, TermsViewSet
from api.views.schema import DocsView, NowhereView, SchemaView
from api.views.sources import SourceViewSet
from api.views.standing import ResourceUptimeView, ResourceVerdictView
from api.views.status_pages import AnnouncementViewSet, StatusGroupViewSet, StatusPageViewSet
from api.views.verdicts import VerdictChangeViewSet, VerdictViewSet

app_name = "api"

_router = SimpleRouter(trailing_slash=False, use_regex_path=False)
_router.register("resources", ResourceViewSet, basename="resources")
_router.register("outcomes", OutcomeViewSet, basename="outcomes")
_router.register("registries", RegistryViewSet, basename="registries")
_router.register("sources", SourceViewSet, basename="sources")
_router.register("missed-slots", MissedSlotsViewSet, basename="missed-slots")
_router.register("certificates", CertificateViewSet, basename="certificates")
_router.register("quota-accounts", QuotaAccountViewSet, basename="quota-accounts")
_router.register("notices", NoticeViewSet, basename="notices")
_router.register("regions", RegionViewSet, basename="regions")
_router.register("incidents", IncidentViewSet, basename="incidents")
_router.register("events", EventViewSet, basename="events")
_router.register("audit", AuditViewSet, basename="audit")
_router.register("groups", GroupViewSet, basename="groups")
_router.register("maintenance-windows", WindowViewSet, basename="maintenance-windows")
_router.register("schedules", ScheduleViewSet, basename="schedules")
_router.register("policies", PolicyViewSet, basename="policies")
_router.register("credentials", CredentialViewSet, basename="credentials")
_router.register("channels", ChannelViewSet, basename="channels")
_router.register("rules", RuleViewSet, basename="rules")
_router.register("status-pages", StatusPageViewSet, basename="status-pages")
_router.register("status-groups", StatusGroupViewSet, basename="status-groups")
_router.register("announcements", AnnouncementViewSet, basename="announcements")
_router.register("verdicts", VerdictViewSet, basename="verdicts")
_router.register("runs", RunViewSet, basename="runs")
_router.register("tokens", AccessTokenViewSet, basename="tokens")

urlpatterns = [
    path("v1/", include(_router.urls)),
    path("v1/regions/<slug:slug>/events", RegionEventViewSet.as_view({"get": "list"}), name="region-events"),
    path(
        "v1/terms",
        TermsViewSet.as_view({"get": "retrieve", "put": "update", "patch": "partial_update"}),
        name="terms",
    ),
    path("v1/policies/dry-run", PolicyDryRunView.as_view(), name="policies-dry-run"),
    path("v1/compare", CompareView.as_view(), name="compare"),
    path("v1/resources/<int:id>/verdict", ResourceVerdictView.as_view(), name="resource-verdict"),
    path(
        "v1/resources/<int:id>/verdict-changes",
        VerdictChangeViewSet.as_view({"get": "list"}),
        name="resource-verdict-changes",
    ),
    path("v1/resources/<int:id>/rollups", ResourceRollUpsView.as_view(), name="resource-rollups"),
    path("v1/groups/<int:id>/rollups", GroupRollUpsView.as_view(), name="group-rollups"),
    path("v1/registries/<int:id>/rollups", RegistryRollUpsView.as_view(), name="registry-rollups"),
    path("v1/regions/<slug:slug>/rollups", RegionRollUpsView.as_view(), name="region-rollups"),
    path("v1/resources/<int:id>/uptime", ResourceUptimeView.as_view(), name="resource-uptime"),
    path("v1/configuration/apply", ApplyView.as_view(), name="configuration-apply"),
    path("v1/configuration/export", ExportView.as_view(), name="configuration-export"),
    path("v1/configuration/schema", ConfigurationSchemaView.as_view(), name="configuration-schema"),
    path("v1/probes", ProbesView.as_view(), name="probes"),
    path("v1/groups/<int:id>/uptime", GroupUptimeView.as_view(), name="group-uptime"),
    path("v1/schema/", SchemaView.as_view(), name="schema"),
    path("docs/", DocsView.as_view(), name="docs"),
    re_path("", NowhereView.as_view()),
]
