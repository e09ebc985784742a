from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from probes.admin.base import KairosAdmin
from probes.admin.fields import AddressesField, WordsField
from probes.models import Registry, validation
from probes.selectors.registries import registries

_WHERE_LOGINS_GO: Final = ("api_host", "plain_http", "resolve", "ca_pem", "trusted_auth_hosts")


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

    class Meta:
        model = Registry
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
        )
        widgets: ClassVar = {
            "ca_pem": forms.Textarea({"rows": 6, "cols": 70, "spellcheck": "false", "class": "kairos-code"}),
            "notes": forms.Textarea({"rows": 3, "cols": 70}),
        }


@admin.register(Registry)
class RegistryAdmin(KairosAdmin):
    form = RegistryForm
    list_display = ("host", "name", "api_host", "plain_http", "resources", "credentials")
    search_fields = ("host", "name")
    fieldsets = (
        (None, {"fields": ("host", "name", "notes")}),
        (
            "How it is reached",
            {
                "fields": ("api_host", "plain_http", "resolve", "allow_cidrs", "allow_hosts"),
                "description": "What follows decides where this registry's credentials are shown; "
                "with any stored, it takes the right to change those.",
            },
        ),
        ("Whom checks trust", {"fields": ("ca_pem", "trusted_auth_hosts")}),
    )

    def get_queryset(self, _request: HttpRequest) -> QuerySet[Registry]:
        return registries()

    def get_readonly_fields(self, request: HttpRequest, registry: Any = None) -> tuple[str, ...]:
        if registry is None:
            return ()
        # Its resources and credentials are bound to the name they were made for, and whoever may not touch its
        # credentials may not say where they are shown either.
        is_guarded = registry.credential_count and not request.user.has_perm("probes.change_credential")
        return ("host", *_WHERE_LOGINS_GO) if is_guarded else ("host",)

    @admin.display(ordering="resource_count")
    def resources(self, registry: Any) -> SafeString:
        address = reverse("admin:probes_resource_changelist")
        return format_html(
            '<a href="{}?registry__id__exact={}">{}</a>', address, registry.pk, registry.resource_count
        )

    @admin.display(ordering="credential_count")
    def credentials(self, registry: Any) -> int:
        count: int = registry.credential_count
        return count
