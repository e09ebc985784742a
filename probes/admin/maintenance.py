from typing import Any, ClassVar, Final
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from probes.actions import maintenance as actions
from probes.admin import display
from probes.admin.base import KairosAdmin
from probes.models import MaintenanceWindow
from probes.policy.maintenance import WindowRefused
from probes.policy.recurrence import RuleRefused

PREVIEWED: Final = 5
_WHEN: Final = ("starts_on", "starts_at", "zone", "duration_minutes", "rule")
_TARGETS: Final = ("resources", "groups", "registries", "regions")


class ZoneInput(forms.TextInput):
    """A text that the browser completes from the names that there are."""

    template_name = "admin/probes/maintenance/zone.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(
            name, value, {**(attrs or {}), "list": f"{name}-choices", "autocomplete": "off"}
        )
        return {**context, "choices": sorted(available_timezones()), "choices_id": f"{name}-choices"}


class MaintenanceForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    class Meta:
        model = MaintenanceWindow
        fields = ("name", "slug", *_WHEN, *_TARGETS)
        labels: ClassVar = {
            "starts_on": "Starts on",
            "starts_at": "At",
            "duration_minutes": "Lasts so many minutes",
            "rule": "Happens again",
        }
        widgets: ClassVar = {
            "zone": ZoneInput({"class": "vTextField", "spellcheck": "false"}),
            "rule": forms.TextInput({"class": "vTextField kairos-code", "spellcheck": "false"}),
            "registries": forms.CheckboxSelectMultiple,
            "regions": forms.CheckboxSelectMultiple,
        }

    def clean(self) -> dict[str, Any]:
        """Insist on something to work on. The model tells what is wrong with the times, afterwards."""
        cleaned = super().clean() or {}
        if not any(cleaned.get(name) for name in _TARGETS):
            self.add_error(None, "Choose what is worked on, or from where it is seen.")
        return cleaned

    def _post_clean(self) -> None:
        """Refuse what is over before it was planned: a figure of the past does not change."""
        super()._post_clean()  # type: ignore[misc]  # Django's hook after the model was filled and cleaned
        if self.errors:
            return
        try:
            actions.refuse_past(self.instance, now=timezone.now())
        except ValidationError as error:
            self.add_error(None, error)


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(KairosAdmin):
    form = MaintenanceForm
    empty_hint = "No work is planned. Plan some, and nobody is told of what fails meanwhile."
    list_display = ("name", "next_time", "zone", "rule")
    search_fields = ("name", "slug")
    autocomplete_fields = ("resources", "groups")
    readonly_fields = ("preview",)
    fieldsets = (
        (None, {"fields": ("name", "slug")}),
        (
            "When",
            {
                "fields": (("starts_on", "starts_at"), "zone", "duration_minutes", "rule", "preview"),
                "description": "By the clock on the wall of its time zone, also where that is changed meanwhile.",
            },
        ),
        (
            "What",
            {
                "fields": _TARGETS,
                "description": "Resources, and all that belongs to these groups or is at these registries. With "
                "regions chosen, only as seen from there; regions alone concern whatever is seen from them. Checks "
                "go on, and uptime leaves the time out.",
            },
        ),
    )

    def save_model(self, _request: HttpRequest, window: MaintenanceWindow, form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        actions.save(window, **{name: form.cleaned_data[name] for name in _TARGETS}, now=timezone.now())

    def delete_model(self, _request: HttpRequest, window: MaintenanceWindow) -> None:
        actions.delete([window.pk], now=timezone.now())

    def delete_queryset(self, _request: HttpRequest, chosen: QuerySet[MaintenanceWindow]) -> None:
        actions.delete(chosen.values_list("pk", flat=True), now=timezone.now())

    def response_add(
        self, request: HttpRequest, window: MaintenanceWindow, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Lead to the new window's page, which shows when it happens."""
        if {"_addanother", "_continue", "_popup"} & request.POST.keys() or not self.has_view_or_change_permission(
            request, window
        ):
            return super().response_add(request, window, post_url_continue)
        self.message_user(request, f"{window} is planned as shown below.")
        return HttpResponseRedirect(reverse("admin:probes_maintenancewindow_change", args=[window.pk]))

    @admin.display(description="next")
    def next_time(self, window: MaintenanceWindow) -> str:
        lines = _lines(window, count=1)
        return f"{lines[0]['start']} ({lines[0]['when']})" if lines else "over"

    @admin.display(description=f"Next {PREVIEWED} times")
    def preview(self, window: MaintenanceWindow) -> SafeString | str:
        if window._state.adding:  # noqa: SLF001 - Django's own way to ask
            return "shown once it is stored"
        lines = _lines(window, count=PREVIEWED)
        return (
            render_to_string("admin/probes/maintenance/occurrences.html", {"occurrences": lines}) if lines else "none"
        )


def _lines(window: MaintenanceWindow, *, count: int) -> list[dict[str, str]]:
    now = timezone.now()
    try:
        found = window.upcoming(after=now, count=count)
    except (RuleRefused, WindowRefused):
        return []  # of a version that took what this one does not
    return [
        {
            "start": f"{start:%a %d %b %Y %H:%M %Z}",
            "end": f"{end:%a %d %b %Y %H:%M %Z}",
            "when": "now" if start <= now else display.age(start, now),
        }
        for start, end in found
    ]
