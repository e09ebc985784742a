"""Tokens of the API: made here, shown once, and never listed by what they are."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from rest_framework.authtoken.admin import TokenAdmin
from rest_framework.authtoken.models import Token, TokenProxy


def _name(token: Any) -> str:
    return f"of {token.user}"


# The library names a token by the token itself, and pages, histories and questions repeat a row's name: even
# the one whether to delete its user.
Token.__str__ = _name  # type: ignore[method-assign]

# The import above has registered the library's page, which lists every token in clear.
admin.site.unregister(TokenProxy)


@admin.register(TokenProxy)
class OwnTokenAdmin(TokenAdmin):
    list_display = ("user", "created")
    list_filter = ()
    autocomplete_fields = ("user",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TokenProxy]:
        tokens: QuerySet[TokenProxy] = super().get_queryset(request)
        return tokens.select_related("user")

    def has_change_permission(self, _request: HttpRequest, _token: TokenProxy | None = None) -> bool:
        # A token that went to another user would keep opening doors for the first one.
        return False

    def save_model(self, request: HttpRequest, token: TokenProxy, form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        super().save_model(request, token, form, change)
        words = "Copy it now, it is not shown again: <code>Authorization: Token {}</code>"
        self.message_user(request, format_html(words, token.key), messages.WARNING)
