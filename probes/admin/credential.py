from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters

from probes.actions import secrets
from probes.admin import display
from probes.admin.base import KairosAdmin
from probes.models import Credential

LONGEST_SECRET: Final = 16_384  # a Google service account's key, the longest of passwords, has about 2,400
_KEPT: Final = "Leave empty to keep what is stored."


def _secret_field(help_text: str) -> forms.CharField:
    widget = forms.PasswordInput({"autocomplete": "new-password", "class": "vTextField"}, render_value=False)
    return forms.CharField(required=False, strip=False, max_length=LONGEST_SECRET, widget=widget, help_text=help_text)


class CredentialForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A credential with a secret that goes in and never comes out."""

    password = _secret_field("Belongs to the user name.")
    identity_token = _secret_field("An OAuth2 refresh token, in place of a password.")

    class Meta:
        model = Credential
        fields = ("registry", "repository_prefix", "region", "label", "username")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.has_secret:
            for name in ("password", "identity_token"):
                self.fields[name].help_text = f"{self.fields[name].help_text} {_KEPT}"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        password, token = cleaned.get("password"), cleaned.get("identity_token")
        if password and token:
            raise ValidationError({"identity_token": "A password or an identity token, and not both."})
        if password and "username" in cleaned and not cleaned["username"]:
            raise ValidationError({"username": "A password needs its user name."})
        is_given = {"password", "identity_token"} & self.errors.keys() or password or token
        if not is_given and not self.instance.has_secret:
            raise ValidationError({"password": "Give a password, or an identity token below."})
        return cleaned


@admin.register(Credential)
class CredentialAdmin(KairosAdmin):
    form = CredentialForm
    list_display = ("__str__", "registry", "prefix", "where", "username", "secret")
    list_select_related = ("registry", "region")
    list_filter = ("registry", "region")
    search_fields = ("label", "username", "repository_prefix", "registry__host")
    autocomplete_fields = ("registry",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credential]:
        return super().get_queryset(request).select_related("registry", "region")

    def get_readonly_fields(self, _request: HttpRequest, credential: Credential | None = None) -> tuple[str, ...]:
        # Moved to another registry, a stored secret would be sent there: make a new credential instead.
        return ("registry", "secret") if credential else ()

    def get_fieldsets(self, request: HttpRequest, credential: Credential | None = None) -> Any:
        where = ("registry", "repository_prefix", "region", "label")
        what = ("username", "password", "identity_token")
        can_type = not credential or self.has_change_permission(request, credential)
        shown = ("secret", *(what if can_type else what[:1])) if credential else what
        return (
            ("Where it is used", {"fields": where}),
            (
                "What is sent",
                {
                    "fields": shown,
                    "description": "A user name with its password, or an identity token. "
                    "Stored encrypted, sealed for each region, and never shown again.",
                },
            ),
        )

    @method_decorator(sensitive_post_parameters("password", "identity_token"))
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except secrets.SecretUnreadable as error:
            self.message_user(request, f"Nothing was stored: {error}.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def save_model(self, _request: HttpRequest, credential: Credential, form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        given = {name: form.cleaned_data[name] for name in ("password", "identity_token")}
        if any(given.values()):
            secrets.store_secret(credential, **given, now=timezone.now())
        else:
            credential.save()

    @admin.display(description="repositories", ordering="repository_prefix")
    def prefix(self, credential: Credential) -> str:
        return f"{credential.repository_prefix}/…" if credential.repository_prefix else "all"

    @admin.display(description="used from", ordering="region")
    def where(self, credential: Credential) -> str:
        return str(credential.region or "everywhere")

    @admin.display(description="secret stored", ordering="rotated_at")
    def secret(self, credential: Credential) -> SafeString | str:
        return display.aged(credential.rotated_at) if credential.has_secret else display.badge("none")
