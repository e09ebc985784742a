"""The admin's name and the order of its front page: what people came to do first, the machinery last."""

from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar, Final

from django.apps import AppConfig
from django.contrib.admin import AdminSite, autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.checks import CheckMessage, Tags, register
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

_SECTIONS: Final = (
    (
        "What is checked",
        "probes",
        (
            *("Resource", "ResourceGroup", "Registry", "Credential", "Region", "Schedule", "Policy"),
            *("MaintenanceWindow", "GlobalTerms", "Source"),
        ),
    ),
    (
        "What was found",
        "probes",
        ("Incident", "Event", "Outcome", "RegionState", "Verdict", "VerdictChange", "HostCertificate", "Run"),
    ),
    ("Who is told", "probes", ("Channel", "Notice", "StatusPage", "Announcement")),
    ("What it costs", "probes", ("QuotaAccount", "ResourceCosts")),
    ("What did not arrive", "probes", ("MissedSlots", "MessageRefusal")),
    ("People and programs", "auth", ("User", "Group", "ProviderIdentity", "AccessAttempt")),
    ("Who may do what", "probes", ("RoleGrant", "AccessToken", "AuditEntry")),
    ("Clockwork", "django_celery_beat", ("PeriodicTask",)),
)


class KairosAdminConfig(SimpleAdminConfig):
    """The admin, whose pages are loaded with the addresses: of the programs that have models, few serve any."""

    default_site = "kairos.admin_site.KairosAdminSite"

    def ready(self) -> None:
        register(check_dependencies, Tags.admin)
        register(check_pages, Tags.admin)


@cache
def find_pages() -> None:
    """Load the pages of all apps, then put our own in the place of Django's: its app is looked at after ours."""
    autodiscover()
    from kairos import people  # noqa: PLC0415 - once models and pages are there

    people.register()


def check_pages(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """Return what Django's check of the pages finds, which are to be there for it."""
    find_pages()
    return check_admin_app(app_configs, **options)


class KairosAdminSite(AdminSite):
    site_header = "Kairos"
    site_title = "Kairos"
    index_title = "Administration"

    # Schedules of beat are our own tasks' and not images': what nobody is to change is reached by its address only.
    sections: ClassVar = _SECTIONS

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the login, with the way to a provider where one is set."""
        from dashboard.access import provider_button  # noqa: PLC0415 - the site is made before the apps are ready

        following = request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index")
        return super().login(request, {**(extra_context or {}), "provider": provider_button(following)})

    def logout(  # type: ignore[override]  # of a login at a provider it is another page
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Log out, of what is at a provider as well where somebody wants that."""
        from dashboard.access import PROVIDER_LOGOUT, LogoutPage  # noqa: PLC0415 - likewise

        if request.session.get(PROVIDER_LOGOUT):
            return LogoutPage.as_view()(request)
        return super().logout(request, extra_context)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return sections in place of apps, each with what this person may see; an app's own page as it is."""
        apps = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        models = {model["object_name"]: model for app in apps for model in app["models"]}
        addresses = {app["app_label"]: app["app_url"] for app in apps}
        sections = [
            {
                "name": title,
                "app_label": label,
                # With a fragment, so that the page of one section does not mark the others as the current one too.
                "app_url": f"{addresses.get(label, '')}#{label}",
                "has_module_perms": True,
                "models": [models[name] for name in names if name in models],
            }
            for title, label, names in self.sections
        ]
        return [section for section in sections if section["models"]]
