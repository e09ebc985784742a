from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from probes.actions import status_pages as actions
from probes.admin import display
from probes.admin.base import KairosAdmin
from probes.admin.fields import WordsField
from probes.models import Announcement, StatusGroup, StatusPage, validation
from probes.policy.publishing import Visibility


class StatusPageForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    frame_origins = WordsField(
        each=validation.origin,
        required=False,
        label="May be embedded by",
        help_text="Origins whose pages may put the widget in a frame, separated by commas: https://www.example.com. "
        "A * is any of them.",
    )

    class Meta:
        model = StatusPage
        fields = (
            *("title", "slug", "description", "visibility"),
            *("shows_reasons", "shows_hosts", "shows_regions", "frame_origins"),
        )
        widgets: ClassVar = {"description": forms.Textarea({"rows": 3, "cols": 70})}


class StatusGroupForm(forms.ModelForm):  # type: ignore[type-arg]  # likewise
    class Meta:
        model = StatusGroup
        fields = ("group", "public_name", "slug", "description", "visibility", "naming", "position")
        widgets: ClassVar = {"description": forms.TextInput({"class": "vTextField"})}

    def clean_slug(self) -> str | None:
        """Have groups that are still to be named pass for different ones."""
        return self.cleaned_data["slug"] or None


class StatusGroupInline(admin.StackedInline):  # type: ignore[type-arg]  # likewise
    model = StatusGroup
    form = StatusGroupForm
    extra = 0
    autocomplete_fields = ("group",)
    verbose_name_plural = "Groups that it shows: each by its public name, and to whom"


@admin.register(StatusPage)
class StatusPageAdmin(KairosAdmin):
    """What is published of groups, and to whom."""

    form = StatusPageForm
    inlines = (StatusGroupInline,)
    list_display = ("title", "slug", "shown_to", "groups_shown")
    search_fields = ("title", "slug")
    empty_hint = "Nothing is published. A status page tells of chosen groups, by names that you give them there."
    fieldsets = (
        (None, {"fields": ("title", "slug", "description", "visibility")}),
        (
            "What is told of incidents",
            {
                "fields": ("shows_reasons", "shows_hosts", "shows_regions"),
                "description": "That something cannot be had is always told, and since when. Nothing else is, unless "
                "you choose it here.",
            },
        ),
        ("The widget", {"fields": ("frame_origins",)}),
    )

    def get_queryset(self, _request: HttpRequest) -> QuerySet[StatusPage]:
        shown = Count("groups", filter=~Q(groups__visibility=Visibility.HIDDEN.value))
        return StatusPage.objects.annotate(group_count=shown).order_by("title", "pk")

    def save_model(self, _request: HttpRequest, page: StatusPage, _form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        actions.save(page)

    def view_on_site(self, page: StatusPage) -> str:
        """The preview, which is there whoever the page is shown to."""
        return reverse("dashboard:status-preview", args=[page.slug])

    @admin.display(description="shown to")
    def shown_to(self, page: StatusPage) -> str:
        return _shown_to(page.visibility)

    @admin.display(description="groups shown")
    def groups_shown(self, page: StatusPage) -> int:
        return int(getattr(page, "group_count", 0))


@admin.register(Announcement)
class AnnouncementAdmin(KairosAdmin):
    """What is announced on status pages."""

    list_display = ("title", "page", "kind", "when", "start_age", "shown_to")
    list_select_related = ("page",)
    list_filter = ("page",)
    search_fields = ("title",)
    show_full_result_count = False
    empty_hint = "Nothing is announced on a status page yet."
    fields = (
        *("page", "kind", "title", "slug", "text", "visibility"),
        *("starts_at", "expires_at", "is_pinned", "made_by"),
    )
    readonly_fields = ("made_by",)
    start_age = display.ago("starts_at", "starts")

    def save_model(self, request: HttpRequest, announcement: Announcement, _form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        actions.announce(announcement, by=request.user, now=timezone.now())

    @admin.display(description="now")
    def when(self, announcement: Announcement) -> str:
        now = timezone.now()
        if announcement.starts_at > now:
            return "to come"
        is_over = announcement.expires_at is not None and announcement.expires_at <= now
        return "over" if is_over else "pinned" if announcement.is_pinned else "on"

    @admin.display(description="shown to")
    def shown_to(self, announcement: Announcement) -> str:
        return _shown_to(announcement.visibility)


def _shown_to(visibility: str) -> str:
    told = {Visibility.PUBLIC: "everybody", Visibility.SIGNED_IN: "who has logged in", Visibility.HIDDEN: "nobody"}
    return told[Visibility(visibility)]
