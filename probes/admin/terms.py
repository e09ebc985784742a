from collections.abc import Sequence
from typing import Any, Final

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from probes.actions import terms as actions
from probes.admin.base import KairosAdmin
from probes.models import GlobalTerms, Policy, ResourceGroup
from probes.policy.terms import USUAL
from probes.selectors.terms import groups

TERMS: Final[tuple[Any, ...]] = (
    ("quorum_votes", "quorum_percent"),
    "minimum_votes",
    ("failures", "recoveries"),
    "fresh_intervals",
    ("severity", "degraded_after_seconds"),
    "uptime_target_percent",
)
INHERITED: Final = (
    "What is left empty is inherited: by an image from its policy and then its group, by a group from its policy, "
    "and last from the terms of all."
)
_USUAL: Final = (
    f"What is left empty is as Kairos has it: {USUAL.quorum.percent} % of the regions with a vote,"
    f" {USUAL.minimum_votes} votes at least, {USUAL.failures} failures, {USUAL.recoveries} recoveries,"
    f" fresh for {USUAL.fresh_intervals} intervals, {USUAL.severity},"
    f" {USUAL.degraded_after.total_seconds():.0f} seconds, and no uptime target."
)


@admin.register(ResourceGroup)
class ResourceGroupAdmin(KairosAdmin):
    list_display = ("name", "images", "slug")
    search_fields = ("name", "slug")
    empty_hint = "Add a group for what belongs together: it has terms, roles and notices of its own."
    fieldsets = (
        (None, {"fields": ("name", "slug", "notes")}),
        ("On which terms", {"fields": ("policy", *TERMS), "description": INHERITED}),
    )
    autocomplete_fields = ("policy",)

    def get_queryset(self, _request: HttpRequest) -> QuerySet[ResourceGroup]:
        return groups()

    @admin.display(description="images")
    def images(self, group: ResourceGroup) -> int:
        count: int = getattr(group, "image_count", 0)
        return count

    def save_model(self, _request: HttpRequest, group: ResourceGroup, _form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        actions.save(group, now=timezone.now())


@admin.register(Policy)
class PolicyAdmin(KairosAdmin):
    list_display = ("name", "images", "slug")
    search_fields = ("name", "slug")
    empty_hint = "The terms of all hold for everything. Add a policy where some of it is to be judged otherwise."
    fieldsets = (
        (None, {"fields": ("name", "slug", "notes")}),
        ("Terms of what takes it", {"fields": TERMS, "description": INHERITED}),
    )

    def get_queryset(self, _request: HttpRequest) -> QuerySet[Policy]:
        return Policy.objects.annotate(image_count=Count("resources")).order_by("name")

    @admin.display(description="images")
    def images(self, policy: Policy) -> int:
        return int(getattr(policy, "image_count", 0))

    def save_model(self, _request: HttpRequest, policy: Policy, _form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        actions.save(policy, now=timezone.now())


@admin.register(GlobalTerms)
class GlobalTermsAdmin(KairosAdmin):
    """One page: its list is the page itself."""

    fieldsets = ((None, {"fields": TERMS, "description": _USUAL}),)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            return super().changelist_view(request, extra_context)  # which refuses
        row, _ = GlobalTerms.objects.get_or_create(pk=1)
        return HttpResponseRedirect(reverse("admin:probes_globalterms_change", args=[row.pk]))

    def save_model(self, _request: HttpRequest, terms: GlobalTerms, _form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        actions.save(terms, now=timezone.now())

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _terms: GlobalTerms | None = None) -> bool:
        return False

    def get_actions(self, _request: HttpRequest) -> dict[str, Any]:
        return {}


FIELDSETS: Final[Sequence[Any]] = (
    ("On which terms", {"classes": ("collapse",), "fields": ("group", "policy", *TERMS), "description": INHERITED}),
)
