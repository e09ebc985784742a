from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from probes.actions import logins
from probes.actions.logins import KIND_FIELDS, SECRET_FIELDS
from probes.admin import display
from probes.admin.login import plain_field, secret_field
from probes.admin.secrecy import SecretAdmin
from probes.models import Credential, CredentialKind

_KEPT: Final = "Leave empty to keep what is stored."


class CredentialForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """A credential of any kind with a secret that goes in and never comes out.

    A cloud's key is stored as a whole: whoever changes a part of it types all of it.
    """

    password = secret_field("Belongs to the user name.")
    identity_token = secret_field("An OAuth2 refresh token.")
    bearer = secret_field("Sent to the registry itself, as it is.", label="Bearer token")
    ecr_access_key_id = plain_field(label="Access key ID")
    ecr_secret_access_key = secret_field(label="Secret access key")
    ecr_session_token = secret_field("Of temporary keys only.", label="Session token")
    ecr_own_role = forms.BooleanField(
        required=False,
        label="The worker's own role",
        help_text="Instead of a key: whatever AWS role the region's machine has.",
    )
    ecr_role_arn = plain_field("Empty: none. It must trust the key or role above.", label="Role to assume (ARN)")
    ecr_region = plain_field("Empty: as the registry's host names it.", label="AWS region")
    ecr_endpoint = plain_field("Of a VPC endpoint only: https://….", label="API endpoint")
    google_key = secret_field("Paste the whole JSON file.", label="Service account key")
    acr_tenant = plain_field("Its ID or its domain.", label="Tenant")
    acr_client_id = plain_field(label="Client ID")
    acr_client_secret = secret_field(label="Client secret")
    acr_authority = plain_field("Empty: https://login.microsoftonline.com.", label="Authority")

    class Meta:
        model = Credential
        fields = ("registry", "repository_prefix", "region", "label", "slug", "kind", "username", "expires_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.has_secret:
            for name in KIND_FIELDS[CredentialKind(self.instance.kind)]:
                if name in self.fields:
                    self.fields[name].help_text = f"{self.fields[name].help_text} {_KEPT}".strip()

    def clean(self) -> dict[str, Any]:
        """Hold what was typed as the secret against its kind; `cleaned["login"]` is that."""
        cleaned = super().clean() or {}
        cleaned["login"] = {}
        if "kind" not in cleaned:
            return cleaned
        cleaned["login"] = {name: cleaned[name] for name in SECRET_FIELDS if cleaned.get(name)}
        try:
            logins.login_of(
                CredentialKind(cleaned["kind"]),
                cleaned["login"],
                username=cleaned.get("username", ""),
                kept=CredentialKind(self.instance.kind) if self.instance.has_secret else None,
            )
        except ValidationError as error:
            for name, messages in error.update_error_dict({}).items():
                if name not in self.errors:
                    self.add_error(name, messages)
        return cleaned


@admin.register(Credential)
class CredentialAdmin(SecretAdmin):
    form = CredentialForm
    empty_hint = "Images that anybody may pull need none. Add one for what takes a login."
    list_display = ("__str__", "registry", "prefix", "where", "kind", "username", "secret", "ends")
    list_select_related = ("registry", "region")
    list_filter = ("registry", "region", "kind")
    search_fields = ("label", "slug", "username", "repository_prefix", "registry__host")
    autocomplete_fields = ("registry",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credential]:
        return super().get_queryset(request).select_related("registry", "region")

    def get_readonly_fields(self, _request: HttpRequest, credential: Credential | None = None) -> tuple[str, ...]:
        # Moved to another registry, a stored secret would be sent there: make a new credential instead.
        return ("registry", "secret") if credential else ()

    def get_fieldsets(self, request: HttpRequest, credential: Credential | None = None) -> Any:
        where = ("registry", "repository_prefix", "region", "label", "slug")
        what = ("kind", "username", "expires_at")
        if credential and not self.has_change_permission(request, credential):
            return (("Where it is used", {"fields": where}), ("What is sent", {"fields": ("secret", *what)}))
        typed = [*what, *(KIND_FIELDS[kind][0] for kind in CredentialKind if not kind.is_exchanged)]
        return (
            ("Where it is used", {"fields": where}),
            (
                "What is sent",
                {
                    "fields": ("secret", *typed) if credential else typed,
                    "description": "One secret, of the kind that you choose. "
                    "Stored encrypted, sealed for each region, and never shown again.",
                },
            ),
            *(
                (kind.label, {"fields": KIND_FIELDS[kind], "classes": ("collapse",)})
                for kind in CredentialKind
                if kind.is_exchanged
            ),
        )

    def save_model(self, _request: HttpRequest, credential: Credential, form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        is_end_given = "expires_at" in form.changed_data
        logins.save(credential, form.cleaned_data["login"], is_end_given=is_end_given, now=timezone.now())

    ends = display.ago("expires_at", "expires")

    @admin.display(description="repositories", ordering="repository_prefix")
    def prefix(self, credential: Credential) -> str:
        return f"{credential.repository_prefix}/…" if credential.repository_prefix else "all"

    @admin.display(description="used from", ordering="region")
    def where(self, credential: Credential) -> str:
        return str(credential.region or "everywhere")

    @admin.display(description="secret stored", ordering="rotated_at")
    def secret(self, credential: Credential) -> SafeString | str:
        return display.aged(credential.rotated_at) if credential.has_secret else display.badge("none")
