from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from probes.actions import resources as actions
from probes.admin import display, endpoint
from probes.admin.endpoint import EndpointForm
from probes.admin.fields import LinesField, WordsField
from probes.admin.filters import PauseFilter, StalenessFilter, VerdictFilter
from probes.admin.importing import ImportingAdmin
from probes.admin.ledger import CutChangeList, WindowedAdmin
from probes.admin.standing import panel
from probes.admin.terms import FIELDSETS as TERMS
from probes.admin.trial import TrialAdmin, offered
from probes.models import Resource, ResourceKind, validation
from probes.models.terms import TERM_FIELDS
from probes.policy.spans import exact
from probes.protocol.plan import DEFAULT_PLATFORM
from probes.protocol.taxonomy import Depth, Status
from probes.selectors.resources import resources, states, verdict_state


class ResourceForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    platforms = WordsField(
        each=validation.platform,
        initial=DEFAULT_PLATFORM,
        help_text="OS/ARCH[/VARIANT], separated by commas, or the single word all.",
    )
    labels = LinesField(
        help_text="One NAME=VALUE a line, such as team=payments.", widget=forms.Textarea({"rows": 2, "cols": 60})
    )

    class Meta:
        model = Resource
        fields = (
            "reference",
            "name",
            "slug",
            "platforms",
            "strict_platform",
            "depth",
            "check_tag",
            "is_tag_immutable",
            "interval_seconds",
            "schedule",
            "manifest_cadence_seconds",
            "blobs_cadence_seconds",
            "sample_blobs",
            "regions",
            "credential",
            "labels",
            "group",
            "policy",
            *TERM_FIELDS,
        )
        labels: ClassVar = {
            "reference": "Image",
            "strict_platform": "Insist on the platform",
            "check_tag": "Check the tag beside a digest",
            "is_tag_immutable": "The tag never moves",
            "interval_seconds": "Interval in seconds",
            "manifest_cadence_seconds": "Manifests every so many seconds",
            "blobs_cadence_seconds": "Layers every so many seconds",
            "sample_blobs": "Sample layers",
        }
        widgets: ClassVar = {
            "reference": forms.TextInput({"class": "vTextField kairos-code", "spellcheck": "false", "size": 80}),
            "name": forms.TextInput({"class": "vTextField"}),
            "regions": forms.CheckboxSelectMultiple,
        }
        help_texts: ClassVar = {
            "depth": "Automatic is often cheap, and deep when something changed and now and then."
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if (depth := self.fields.get("depth")) is not None:
            depth.choices = [("", "automatic"), *((item.value, item.value) for item in Depth)]  # type: ignore[attr-defined]  # a field of choices


@admin.register(Resource)
class ResourceAdmin(ImportingAdmin, WindowedAdmin, TrialAdmin):
    form = ResourceForm
    list_display = ("resource", "standing", "from_regions", "due")
    list_filter = (
        *(VerdictFilter, PauseFilter, StalenessFilter, "kind", "registry", "regions"),
        *("group", "schedule", "policy", "managed_by"),
    )
    search_fields = ("name", "slug", "reference")
    actions = (*TrialAdmin.actions, "export")
    show_full_result_count = False
    empty_value_display = "none"
    empty_hint = "Nothing is checked yet. Add an image by its reference: its first check is sent within a second."
    autocomplete_fields = ("credential", "group", "policy", "schedule")
    change_form_template = "admin/probes/resource/change_form.html"
    fieldsets = (
        (None, {"fields": ("reference", "name", "slug", "labels")}),
        (
            "What, and how often",
            {
                "fields": (
                    "platforms",
                    "strict_platform",
                    "depth",
                    "check_tag",
                    "is_tag_immutable",
                    "interval_seconds",
                    "schedule",
                )
            },
        ),
        (
            "What is costly",
            {
                "classes": ("collapse",),
                "fields": ("manifest_cadence_seconds", "blobs_cadence_seconds", "sample_blobs"),
            },
        ),
        ("From where, and as whom", {"fields": ("regions", "credential")}),
        *TERMS,
    )

    class Media:
        js = ("probes/standing.js", "probes/trial.js")

    def get_form(self, request: HttpRequest, obj: Resource | None = None, *args: Any, **options: Any) -> Any:
        if _is_endpoint(request, obj):
            # Django would look for the detail's fields in the resource's table.
            options |= {"form": EndpointForm, "fields": EndpointForm.Meta.fields}
        return super().get_form(request, obj, *args, **options)

    def get_fieldsets(self, request: HttpRequest, obj: Resource | None = None) -> Any:
        if not _is_endpoint(request, obj):
            return super().get_fieldsets(request, obj)
        may_write = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        return endpoint.FIELDSETS if may_write else endpoint.SHOWN_FIELDSETS

    def get_changelist(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        **_: Any,
    ) -> type[CutChangeList]:
        return CutChangeList

    def get_queryset(self, _request: HttpRequest) -> QuerySet[Resource]:
        seen = states().select_related("region").only("resource_id", "region__slug", "status", "reason", "checked_at")
        return resources().prefetch_related(Prefetch("states", seen)).order_by("name", "reference", "pk")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:resource_id>/standing/", view(self.standing_view), name="probes_resource_standing"),
            path("<int:resource_id>/order/", view(self.order_view), name="probes_resource_order"),
            *super().get_urls(),
        ]

    def standing_view(self, request: HttpRequest, resource_id: int) -> HttpResponse:
        """Answer the panel alone, for the page that shows it."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        found = panel(request, resource_id)
        if found is None:
            raise Http404
        return HttpResponse(found)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if (resource := context["original"]) is None:
            is_endpoint = _is_endpoint(request, None)
            context["title"] = f"Add an {'HTTP endpoint' if is_endpoint else 'image'} to check"
            context["other_kind"] = "" if is_endpoint else ResourceKind.ENDPOINT
            context["test_address"] = reverse("admin:probes_resource_test_typed")
            context["test_kind"] = ResourceKind.ENDPOINT if is_endpoint else ResourceKind.IMAGE
        else:
            context["standing"] = panel(request, resource.pk)
            context["standing_address"] = reverse("admin:probes_resource_standing", args=[resource.pk])
            context["may_order"] = self.has_order_permission(request)
            context["order_address"] = reverse("admin:probes_resource_order", args=[resource.pk])
            if context["may_order"] and not resource.is_retired:
                context["test_address"] = reverse("admin:probes_resource_test", args=[resource.pk])
                context["test_regions"] = offered(resource)
                context["test_depths"] = () if resource.is_endpoint else [depth.value for depth in Depth]
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, _request: HttpRequest, resource: Resource, form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        detail = form.detail if isinstance(form, EndpointForm) else None
        actions.save(resource, endpoint=detail, regions=form.cleaned_data["regions"], now=timezone.now())

    def delete_model(self, _request: HttpRequest, resource: Resource) -> None:
        actions.delete([resource.pk], now=timezone.now())

    def delete_queryset(self, _request: HttpRequest, chosen: QuerySet[Resource]) -> None:
        actions.delete(chosen.values_list("pk", flat=True), now=timezone.now())

    def response_add(
        self, request: HttpRequest, resource: Resource, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Lead to the new resource's page, which shows it being checked."""
        if {"_addanother", "_continue", "_popup"} & request.POST.keys() or not self.has_view_or_change_permission(
            request, resource
        ):
            return super().response_add(request, resource, post_url_continue)
        self.message_user(
            request,
            format_html("{} was added. Its first check is on the way; the results appear here.", resource),
        )
        return HttpResponseRedirect(reverse("admin:probes_resource_change", args=[resource.pk]))

    def view_on_site(self, resource: Resource) -> str | None:
        """Return its page on the dashboard, where there is one."""
        try:
            return reverse("dashboard:resource", args=[resource.pk])
        except NoReverseMatch:
            return None

    @admin.display(description="resource", ordering="name")
    def resource(self, resource: Resource) -> SafeString | str:
        if not resource.name:
            return resource.shown_reference
        return format_html('{}<br><span class="quiet">{}</span>', resource.name, resource.shown_reference)

    @admin.display(description="verdict", ordering="verdict__state")
    def standing(self, resource: Resource) -> SafeString:
        if resource.is_retired:
            return display.badge("paused", "retired")
        found = display.badge("paused") if resource.is_paused else display.badge(verdict_state(resource).value)
        if resource.stale_at is None:
            return found
        return format_html('{}<br><span class="quiet">last listed {}</span>', found, display.aged(resource.stale_at))

    @admin.display(description="from each region")
    def from_regions(self, resource: Resource) -> SafeString | str:
        """Count the good and name the others: there may be many regions."""
        now = timezone.now()
        seen = list(resource.states.all())
        good = [state.region.slug for state in seen if state.status == Status.AVAILABLE]
        signs = [display.sign(Status.AVAILABLE.value, str(len(good)), ", ".join(good))] if good else []
        signs += [
            display.sign(state.status, state.region.slug, f"{state.reason}, {display.age(state.checked_at, now)}")
            for state in seen
            if state.status != Status.AVAILABLE
        ]
        return format_html_join(" ", "{}", ((sign,) for sign in signs)) or display.NOTHING

    @admin.display(description="schedule", ordering="next_due_at")
    def due(self, resource: Resource) -> SafeString:
        now = timezone.now()
        every = f"every {exact(resource.every_seconds)}"
        if resource.is_retired:
            following = "retired"
        elif (ends := resource.resumes_at) is not None:
            following = f"paused, resumed {display.due(ends, now)}"
        elif resource.is_paused:
            following = "paused"
        else:
            following = f"next {display.due(resource.next_due_at, now)}"
        return format_html('{}<br><span class="quiet">{}</span>', display.whole(every), display.whole(following))


def _is_endpoint(request: HttpRequest, resource: Resource | None) -> bool:
    """Tell which form is wanted: that of the resource's kind, or of the kind that is to be added."""
    return request.GET.get("kind") == ResourceKind.ENDPOINT if resource is None else resource.is_endpoint
