"""Roles, and tokens of the API: made here, shown once, and revoked."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from probes.actions import access_tokens
from probes.admin import display
from probes.admin.base import KairosAdmin, is_administrator, log_change
from probes.models import AccessToken, RoleGrant
from probes.policy.access import Scope
from probes.selectors.access import tokens

_SCOPES: Final = [
    (Scope.READ.value, "read: look at everything that is within reach"),
    (Scope.PROBE.value, "probe: order checks"),
    (Scope.WRITE.value, "write: change what is checked, note incidents, plan work"),
    (Scope.ADMIN.value, "admin: enrol regions, give roles"),
    (Scope.METRICS.value, "metrics: read /metrics"),
]


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    scopes = forms.MultipleChoiceField(
        choices=_SCOPES,
        initial=[Scope.READ.value],
        widget=forms.CheckboxSelectMultiple,
        help_text="It never can more than its owner's roles allow.",
    )

    class Meta:
        model = AccessToken
        fields = ("owner", "name", "scopes", "expires_at", "groups", "regions")
        widgets: ClassVar = {"regions": forms.CheckboxSelectMultiple}


class ForceFilter(admin.SimpleListFilter):
    """Whether it opens anything, as far as the token itself says."""

    title = "state"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _admin: Any) -> Sequence[tuple[str, str]]:
        return [("valid", "neither revoked nor expired"), ("expired", "expired"), ("revoked", "revoked")]

    def queryset(self, _request: HttpRequest, rows: QuerySet[AccessToken]) -> QuerySet[AccessToken]:
        is_expired = Q(expires_at__lte=timezone.now())
        match self.value():
            case "valid":
                return rows.filter(Q(revoked_at=None) & ~is_expired)
            case "expired":
                return rows.filter(is_expired, revoked_at=None)
            case "revoked":
                return rows.filter(revoked_at__isnull=False)
            case _:
                return rows


@admin.register(AccessToken)
class AccessTokenAdmin(KairosAdmin):
    """Tokens are made and revoked: nothing of one is changed, and none is deleted but with its owner."""

    form = TokenForm
    list_display = ("__str__", "owner", "state", "may", "used", "ends")
    list_filter = (ForceFilter,)
    empty_hint = "No program has a token yet. Make a user for it with the least role that it needs, and a token here."
    search_fields = ("name", "prefix", "owner__username")
    autocomplete_fields = ("owner", "groups")
    actions = ("revoke",)
    change_form_template = "admin/probes/accesstoken/change_form.html"

    shown_fields = (
        ("owner", "name"),
        ("state", "of_scopes"),
        ("limits", "created_stamp"),
        ("used_stamp", "ends_stamp"),
        ("created_by", "made_with"),
    )
    created_stamp = display.at("created_at", "made")
    used_stamp = display.at("last_used_at", "last used")
    ends_stamp = display.at("expires_at", "expires")
    used = display.ago("last_used_at", "last used")
    ends = display.ago("expires_at", "expires")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.revoke_view)
        return [path("<int:token_id>/revoke/", view, name="probes_accesstoken_revoke"), *super().get_urls()]

    def revoke_view(self, request: HttpRequest, token_id: int) -> HttpResponseBase:
        """Revoke one token, as a button of its page says, and come back to it."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        chosen = self.get_queryset(request).filter(pk=token_id)
        if not chosen.exists():
            raise Http404
        self.revoke(request, chosen)
        return HttpResponseRedirect(reverse("admin:probes_accesstoken_change", args=[token_id]))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        token: AccessToken | None = context["original"]
        if token is not None and token.revoked_at is None and self.has_revoke_permission(request):
            context["revoke_address"] = reverse("admin:probes_accesstoken_revoke", args=[token.pk])
        return super().render_change_form(request, context, *args, **kwargs)

    def get_fieldsets(self, request: HttpRequest, token: AccessToken | None = None) -> Any:
        if token is None:
            return super().get_fieldsets(request)
        return ((None, {"fields": self.shown_fields}),)

    def get_readonly_fields(self, _request: HttpRequest, token: AccessToken | None = None) -> tuple[str, ...]:
        return () if token is None else tuple(name for pair in self.shown_fields for name in pair)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessToken]:
        return tokens() if is_administrator(request) else tokens().filter(owner=request.user.pk)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        if db_field.name == "owner" and not is_administrator(request):
            # Nobody hands out what another one may.
            users = get_user_model().objects.filter(pk=request.user.pk or 0)
            return forms.ModelChoiceField(users, initial=request.user.pk)
        if db_field.name == "owner" and not request.user.is_superuser:
            options["queryset"] = get_user_model().objects.filter(is_superuser=False)  # as `access_tokens.may_own`
        return super().formfield_for_foreignkey(db_field, request, **options)

    def has_change_permission(self, _request: HttpRequest, _token: AccessToken | None = None) -> bool:
        # A token that went to another user would keep opening doors for the first one.
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return super().has_delete_permission(request)

    @admin.action(permissions=["revoke"], description="Revoke for good")
    def revoke(self, request: HttpRequest, chosen: QuerySet[AccessToken]) -> None:
        log_change(request, chosen, "Revoked.")
        count = access_tokens.revoke(list(chosen.values_list("pk", flat=True)), now=timezone.now())
        self.message_user(request, f"{count} revoked, those included that were made with them.")

    def save_model(self, request: HttpRequest, token: AccessToken, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        if change:
            raise PermissionDenied
        user: Any = request.user
        issued = access_tokens.issue(
            token,
            groups=form.cleaned_data["groups"],
            regions=form.cleaned_data["regions"],
            by=user,
            now=timezone.now(),
        )
        words = "Copy it now, it is not shown again: <code>Authorization: Bearer {}</code>"
        self.message_user(request, format_html(words, issued.text), messages.WARNING)

    @admin.display(description="scopes")
    def of_scopes(self, token: AccessToken) -> str:
        return ", ".join(token.scopes)

    @admin.display(description="scopes and limits")
    def may(self, token: AccessToken) -> SafeString:
        return format_html('{}<br><span class="quiet">{}</span>', self.of_scopes(token), self.limits(token))

    @admin.display(description="limited to")
    def limits(self, token: AccessToken) -> str:
        limits = (
            (token.is_of_all_groups, "groups", token.groups),
            (token.is_of_all_regions, "regions", token.regions),
        )
        told = [
            f"{noun} {', '.join(sorted(row.slug for row in rows.all())) or 'that are gone'}"
            for is_of_all, noun, rows in limits
            if not is_of_all
        ]
        return "; ".join(told) or "no limit"

    @admin.display(description="state")
    def state(self, token: AccessToken) -> SafeString:
        if token.revoked_at is not None:
            return display.badge("revoked")
        if token.expires_at is not None and token.expires_at <= timezone.now():
            return display.badge("expired")
        maker = token.created_by
        is_dormant = not token.owner.is_active or (maker is not None and not maker.is_active)
        return display.badge("dormant") if is_dormant else display.badge("active", "in force")


@admin.register(RoleGrant)
class RoleGrantAdmin(KairosAdmin):
    """Whoever gives roles could give themselves any: that is for admins, whatever Django's permissions say."""

    list_display = ("holder", "role", "over")
    list_filter = ("role",)
    list_select_related = ("user", "team", "group")
    empty_hint = "Nobody but superusers sees anything yet. Give a person or a group of people a role."
    search_fields = ("user__username", "team__name", "group__name")
    autocomplete_fields = ("user", "team", "group")
    fields = ("user", "team", "role", "group")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)

    def has_change_permission(self, request: HttpRequest, _grant: RoleGrant | None = None) -> bool:
        return is_administrator(request)

    def has_delete_permission(self, request: HttpRequest, _grant: RoleGrant | None = None) -> bool:
        return is_administrator(request)

    @admin.display(description="user or group of users")
    def holder(self, grant: RoleGrant) -> str:
        return str(grant.user or grant.team)

    @admin.display(description="over")
    def over(self, grant: RoleGrant) -> str:
        return str(grant.group or "everything")
