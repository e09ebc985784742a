"""Pages on which secrets are typed: what goes in is not shown again, on no page and in no error report."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters

from probes.actions import secrets
from probes.admin.ledger import WindowedAdmin


class SecretArea(forms.Textarea):
    """Lines that are typed or pasted, and rendered never."""

    def __init__(self) -> None:
        super().__init__(
            {"rows": 6, "cols": 70, "spellcheck": "false", "autocomplete": "off", "class": "kairos-code"}
        )

    def format_value(self, _value: Any) -> None:
        return None


class SecretAdmin(WindowedAdmin):
    @method_decorator(sensitive_post_parameters())
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except secrets.SecretUnreadable as error:
            self.message_user(request, f"Nothing was stored: {error}.", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
