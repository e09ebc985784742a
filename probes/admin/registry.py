from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from probes.actions import registries as actions
from probes.actions.logins import LONGEST_SECRET
from probes.admin import display
from probes.admin.fields import AddressesField, WordsField
from probes.admin.secrecy import SecretAdmin, SecretArea
from probes.models import Registry, validation
from probes.models.client_identity import LONGEST_CHAIN, ClientCertificate, IdentityRefused, read_identity
from probes.policy.quota import SHARE_PERCENT
from probes.selectors.registries import registries, users_of

_WHERE_LOGINS_GO: Final = ("api_host", "plain_http", "resolve", "ca_pem", "trusted_auth_hosts")
_SHOWN_BY_DJANGO: Final = "resources"
"""What a registry is protected by; Django lists these one by one."""
_MAY_TOUCH_SECRETS: Final = "probes.change_credential"
_IDENTITY_FIELDS: Final = ("identity_certificate", "identity_key", "identity_removed")
_LONGEST_PASTE: Final = 4 * (LONGEST_CHAIN + LONGEST_SECRET)  # `openssl -text` writes much beside the PEM


class RegistryForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    resolve = AddressesField(
        label="Fixed addresses",
        help_text="Addresses to use instead of DNS, one host a line: registry.example.com=10.0.0.5,10.0.0.6",
    )

    allow_cidrs = WordsField(
        each=validation.allowed_cidr,
        required=False,
        label="Allowed networks",
        help_text="Non-public networks that checks of this registry may dial, separated by commas: 10.20.0.0/16",
    )
    allow_hosts = WordsField(
        each=validation.host,
        required=False,
        label="Allowed hosts",
        help_text="Hosts that checks of this registry may dial wherever their names lead, separated by commas: "
        "registry.internal, blobs.internal:9000. Cloud metadata addresses are refused all the same.",
    )
    trusted_auth_hosts = WordsField(
        each=validation.host,
        required=False,
        help_text="Hosts outside the registry's own domain that may receive its credential, separated by commas.",
    )
    quota_share_percent = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=100,
        initial=SHARE_PERCENT,
        label="Share of the quota",
        help_text="Percent of its limit, and of what is left of it, that checks may use. "
        f"Empty is the usual {SHARE_PERCENT}.",
    )
    identity_certificate = forms.CharField(
        required=False,
        max_length=_LONGEST_PASTE,
        widget=SecretArea,
        label="Certificate",
        help_text="PEM: the client's own certificate first, then its chain. Leave empty to keep what is stored.",
    )
    identity_key = forms.CharField(
        required=False,
        max_length=LONGEST_SECRET,
        widget=SecretArea,
        label="Private key",
        help_text="PEM, not encrypted, unless it is pasted above. Stored encrypted, and never shown again.",
    )
    identity_removed = forms.BooleanField(required=False, label="Remove what is stored")

    class Meta:
        model = Registry
        help_texts: ClassVar = {
            "quota_limit": "What each login, and each address without one, may ask for in the window below. Empty: "
            "what the registry tells; a number here goes before that.",
            "quota_window_seconds": "In how many seconds that may be used: 21600 are six hours.",
        }
        fields = (
            "host",
            "name",
            "notes",
            "api_host",
            "plain_http",
            "resolve",
            "allow_cidrs",
            "allow_hosts",
            "ca_pem",
            "trusted_auth_hosts",
            "quota_share_percent",
            "quota_limit",
            "quota_window_seconds",
            "quota_counts",
        )
        widgets: ClassVar = {
            "ca_pem": forms.Textarea({"rows": 6, "cols": 70, "spellcheck": "false", "class": "kairos-code"}),
            "notes": forms.Textarea({"rows": 3, "cols": 70}),
        }

    def clean_quota_share_percent(self) -> int:
        percent: int | None = self.cleaned_data["quota_share_percent"]
        return SHARE_PERCENT if percent is None else percent

    def clean(self) -> dict[str, Any]:
        """Hold the client certificate against its key. Who may not change it has none of its fields."""
        cleaned = super().clean() or {}
        certificate, key = cleaned.get("identity_certificate"), cleaned.get("identity_key")
        if not (certificate or key) or self.errors.keys() & set(_IDENTITY_FIELDS):
            return cleaned
        if cleaned.get("identity_removed"):
            self.add_error("identity_removed", "Remove what is stored, or give another certificate: not both.")
        try:
            read_identity(certificate or "", key or "", now=timezone.now())
        except IdentityRefused as refused:
            self.add_error(f"identity_{refused.part}", refused.message)
        return cleaned


@admin.register(Registry)
class RegistryAdmin(SecretAdmin):
    form = RegistryForm
    list_display = ("host", "name", "asked_at", "resources", "credentials", "client_identity")
    search_fields = ("host", "name")
    empty_hint = "A registry is added with the first image of it. Add one before, to say how it is reached."
    _described = (
        (None, {"fields": ("host", "name", "notes")}),
        (
            "How it is reached",
            {
                "fields": ("api_host", "plain_http", "resolve", "allow_cidrs", "allow_hosts"),
                "description": "What follows decides where this registry's credentials and client certificate "
                "are shown; with any stored, it takes the right to change those.",
            },
        ),
        ("Whom checks trust", {"fields": ("ca_pem", "trusted_auth_hosts")}),
        ("Its quota", {"fields": ("quota_share_percent", "quota_limit", "quota_window_seconds", "quota_counts")}),
    )

    def get_queryset(self, _request: HttpRequest) -> QuerySet[Registry]:
        return registries()

    def get_readonly_fields(self, request: HttpRequest, registry: Any = None) -> tuple[str, ...]:
        withheld = () if request.user.has_perm(_MAY_TOUCH_SECRETS) else _IDENTITY_FIELDS
        if registry is None:
            return withheld
        # Its resources and credentials are bound to the name they were made for, and whoever may not touch its
        # credentials may not say where they are shown either.
        is_guarded = withheld and (registry.credential_count or registry.has_client_identity)
        return ("host", "client_identity", *withheld, *(_WHERE_LOGINS_GO if is_guarded else ()))

    def get_fieldsets(self, request: HttpRequest, registry: Any = None) -> Any:
        may_change = request.user.has_perm(_MAY_TOUCH_SECRETS) and (
            registry is None or self.has_change_permission(request, registry)
        )
        has_one = registry is not None and registry.has_client_identity
        typed = _IDENTITY_FIELDS if has_one else _IDENTITY_FIELDS[:2]
        fields = (*(("client_identity",) if registry else ()), *(typed if may_change else ()))
        identity = {
            "fields": fields,
            "description": "Shown to this registry's own host, with every credential and without any.",
        }
        return (*self._described, *((("Client certificate", identity),) if fields else ()))

    def has_delete_permission(self, request: HttpRequest, registry: Any = None) -> bool:
        """Its client certificate goes with it; its credentials do not, as it is not deleted while there are any."""
        has_one = registry is not None and registry.has_client_identity
        may_touch = not has_one or request.user.has_perm("probes.delete_credential")
        return may_touch and super().has_delete_permission(request, registry)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Keep what others name, as the API does: a credential would go with it, a rule then tell of all others."""
        deleted, counts, needed, protected = super().get_deleted_objects(objs, request)
        named = [
            f"{registry}: {user.told}"
            for registry in objs
            for user in users_of(registry)
            if user.kind != _SHOWN_BY_DJANGO
        ]
        return deleted, counts, needed, [*protected, *named]

    def save_model(self, _request: HttpRequest, registry: Registry, form: Any, _change: bool) -> None:  # noqa: FBT001 - Django's signature
        certificate, key, removed = (form.cleaned_data.get(name) for name in _IDENTITY_FIELDS)
        actions.save(
            registry,
            certificate=certificate or "",
            key=key or "",
            is_identity_removed=bool(removed),
            now=timezone.now(),
        )

    @admin.display(description="asked at", ordering="api_host")
    def asked_at(self, registry: Registry) -> SafeString | str:
        """Where that is not its own name, or not over TLS."""
        host = registry.api_host or ("" if registry.plain_http else display.NOTHING)
        return format_html("{} {}", host, display.badge("degraded", "plain HTTP")) if registry.plain_http else host

    @admin.display(ordering="resource_count")
    def resources(self, registry: Any) -> SafeString:
        address = reverse("admin:probes_resource_changelist")
        return format_html(
            '<a href="{}?registry__id__exact={}">{}</a>', address, registry.pk, registry.resource_count
        )

    @admin.display(description="client certificate")
    def client_identity(self, registry: Registry) -> SafeString | str:
        if not registry.has_client_identity:
            return display.NOTHING
        certificate = ClientCertificate.of(registry.client_certificate)
        now = timezone.now()
        when = display.stamp(certificate.not_after)
        if certificate.not_after <= now:
            state, words = "unavailable", f"expired {display.age(certificate.not_after, now)}"
        elif now < certificate.not_before:
            state, words = "degraded", f"valid {display.age(certificate.not_before, now)}"
        else:
            state, words = "available", f"expires {display.age(certificate.not_after, now)}"
        return format_html(
            '{}<br><span class="quiet">issued by {}; until {}</span><br>{}',
            certificate.subject,
            certificate.issuer,
            when,
            display.badge(state, words),
        )

    @admin.display(ordering="credential_count")
    def credentials(self, registry: Any) -> int:
        count: int = registry.credential_count
        return count
