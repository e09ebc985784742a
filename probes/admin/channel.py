from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from kombu.exceptions import OperationalError

from probes.actions import channels, notices
from probes.admin import display
from probes.admin.fields import LinesField, WordsField
from probes.admin.login import secret_field
from probes.admin.secrecy import SecretAdmin
from probes.models import Channel, Rule, validation
from probes.policy.channel_url import ChannelUrlRefused, shown
from probes.policy.delivery import ChannelKind
from probes.policy.notices import ASKED_FOR
from probes.tasks.notices import deliver_on_commit

_KEPT: Final = "Leave empty to keep what is stored."
_URLS: Final = (
    "<b>E-mail:</b> smtp://USER:PASSWORD@HOST (STARTTLS, port 587), smtps://… (TLS, 465) or smtp+plain://HOST "
    "(no TLS and no login, 25).<br><b>Webhook:</b> https://….<br><b>Alertmanager:</b> https://HOST:9093.<br>"
    "<b>Apprise:</b> any one of its URLs; it dials by itself, past the address guard, so only a superuser may set "
    "it.<br>"
)


class ChannelForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A channel whose URL and signing key go in and never come out."""

    is_of_superuser = False

    url = secret_field(_URLS, label="URL")
    signing_key = secret_field("Of a webhook. Empty: one is made, and shown once.", label="Signing key")
    recipients = WordsField(each=validate_email, required=False, help_text="Addresses, separated by commas.")
    allowed_cidrs = WordsField(
        each=validation.allowed_cidr,
        required=False,
        label="Allowed networks",
        help_text="Besides public addresses, where a webhook or Alertmanager may be: 10.20.0.0/16, say.",
    )

    class Meta:
        model = Channel
        fields = (
            *("name", "slug", "kind", "is_enabled", "sender", "recipients"),
            *("allowed_cidrs", "ca_pem", "reminder_minutes"),
        )
        help_texts: ClassVar = {"sender": "The address that it comes from."}
        widgets: ClassVar = {"ca_pem": forms.Textarea({"rows": 4, "cols": 70, "class": "kairos-code"})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.has_secret:
            for name in ("url", "signing_key"):
                if name in self.fields:
                    self.fields[name].help_text = f"{self.fields[name].help_text} {_KEPT}"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind, url = cleaned.get("kind") or self.instance.kind, cleaned.get("url", "")
        if not kind or "url" in self.errors:
            return cleaned
        if not url and not self.instance.has_secret:
            self.add_error("url", "Say where it leads.")
        elif url:
            try:
                shown(ChannelKind(kind), url)
            except ChannelUrlRefused as refused:
                self.add_error("url", str(refused))
        if kind == ChannelKind.APPRISE and not self.is_of_superuser:
            self.add_error(None, "Apprise dials wherever its URL leads: only a superuser may set it.")
        return cleaned


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]  # likewise
    topics = forms.MultipleChoiceField(
        choices=[(topic.value, topic.value.replace("_", " ")) for topic in ASKED_FOR],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen means all.",
    )
    labels = LinesField(
        help_text="Of the resource, one NAME=VALUE a line; an empty value takes any.",
        widget=forms.Textarea({"rows": 2, "cols": 60}),
    )

    class Meta:
        model = Rule
        fields = ("slug", "topics", "severity", "groups", "registries", "labels")
        widgets: ClassVar = {"registries": forms.CheckboxSelectMultiple}

    def clean_slug(self) -> str | None:
        """Have rules that are still to be named pass for different ones."""
        return self.cleaned_data["slug"] or None


class RuleInline(admin.StackedInline):  # type: ignore[type-arg]  # likewise
    model = Rule
    form = RuleForm
    extra = 0
    min_num = 1
    autocomplete_fields = ("groups",)
    verbose_name_plural = "What is told there: whatever one of these asks for"


@admin.register(Channel)
class ChannelAdmin(SecretAdmin):
    """Where people are told, with a button that tries it."""

    form = ChannelForm
    inlines = (RuleInline,)
    list_display = ("name", "kind", "address", "is_enabled", "standing", "sent_age")
    search_fields = ("name", "slug")
    empty_hint = "Nobody is told of anything yet. Add a channel, and send a test notice from its page."
    change_form_template = "admin/probes/channel/change_form.html"
    sent_age = display.ago("last_sent_at", "last sent")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        form = super().get_form(request, obj, change, **kwargs)
        form.is_of_superuser = bool(getattr(request.user, "is_superuser", False))  # type: ignore[attr-defined]  # a class of ours, made for this request
        return form

    def get_readonly_fields(self, _request: HttpRequest, channel: Channel | None = None) -> tuple[str, ...]:
        # Its URL would mean something else.
        return ("kind", "address", "standing") if channel else ()

    def get_fieldsets(self, request: HttpRequest, channel: Channel | None = None) -> Any:
        may_change = channel is None or self.has_change_permission(request, channel)
        secrets = ("url", "signing_key") if may_change else ()
        known = ("address", "standing") if channel else ()
        return (
            (None, {"fields": ("name", "slug", "kind", "is_enabled", *known, *secrets)}),
            ("E-mail", {"fields": ("sender", "recipients")}),
            ("The way there", {"fields": ("allowed_cidrs", "ca_pem")}),
            ("Reminders", {"fields": ("reminder_minutes",)}),
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.test_view)
        return [path("<int:channel_id>/test/", view, name="probes_channel_test"), *super().get_urls()]

    def save_model(self, request: HttpRequest, channel: Channel, form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        given = form.cleaned_data
        made = channels.save(channel, url=given["url"], signing_key=given["signing_key"])
        if made:
            text = "Copy it now, it is not shown again: this webhook's bodies are signed with <code>{}</code>"
            self.message_user(request, format_html(text, made), messages.WARNING)

    def test_view(self, request: HttpRequest, channel_id: int) -> HttpResponseBase:
        """Send a test notice at once, and lead to its page, which shows what comes of it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        channel = get_object_or_404(Channel, pk=channel_id)
        if not self.has_change_permission(request, channel):
            raise PermissionDenied
        try:
            with transaction.atomic():
                notice = notices.test(channel, now=timezone.now())
                deliver_on_commit()
        except OperationalError:
            self.message_user(request, "The broker does not answer: it is sent when it does.", messages.WARNING)
        return HttpResponseRedirect(reverse("admin:probes_notice_change", args=[notice.pk]) + "?wait=1")

    @admin.display(description="state")
    def standing(self, channel: Channel) -> SafeString | str:
        if not channel.failures:
            return display.badge("active", "well") if channel.last_sent_at else "nothing sent yet"
        text = "{} since {}: {}"
        return format_html(
            text, display.badge("unavailable", "failing"), display.aged(channel.failing_since), channel.last_error
        )
