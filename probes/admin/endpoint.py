"""The form of a resource that is an endpoint: the resource's own fields, and those of its detail."""

from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import fields_for_model

from probes.admin.fields import HeadersField, LinesField
from probes.admin.terms import FIELDSETS as TERMS
from probes.models import Endpoint, Resource, ResourceKind
from probes.models.terms import TERM_FIELDS

_REQUEST: Final = ("method", "headers", "body", "follow_redirects", "tls_minimum")
_EXPECTED: Final = ("statuses", "contains", "matches", "json_path", "json_equals", "latency_ms", "certificate_days")
_DETAIL: Final = (*_REQUEST, *_EXPECTED, "login_header")

FIELDSETS: Final[Any] = (
    (None, {"fields": ("reference", "name", "slug", "labels", "interval_seconds", "schedule")}),
    ("What is asked", {"fields": _REQUEST}),
    ("What the answer has to be", {"fields": _EXPECTED}),
    ("From where, and as whom", {"fields": ("regions", "credential", "login_header")}),
    *TERMS,
)

SHOWN_FIELDSETS: Final[Any] = (
    (None, {"fields": ("reference", "name", "slug", "interval_seconds", "schedule", "regions", "credential")}),
)
"""For whoever may only look: what is expected is told on the dashboard."""


class EndpointForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    labels = LinesField(
        help_text="One NAME=VALUE a line, such as team=payments.", widget=forms.Textarea({"rows": 2, "cols": 60})
    )

    class Meta:
        model = Resource
        fields = (
            *("reference", "name", "slug", "interval_seconds", "schedule", "regions", "credential", "labels"),
            *("group", "policy", *TERM_FIELDS),
        )
        labels: ClassVar = {"reference": "URL", "interval_seconds": "Interval in seconds"}
        help_texts: ClassVar = {
            "reference": "https://api.example.com/health. Results do not show its query values; still, a secret "
            "belongs into a credential.",
            "credential": "One of the URL's own host. None is chosen by itself.",
        }
        widgets: ClassVar = {
            "reference": forms.TextInput({"class": "vTextField kairos-code", "spellcheck": "false", "size": 80}),
            "name": forms.TextInput({"class": "vTextField"}),
            "regions": forms.CheckboxSelectMultiple,
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.instance.kind = ResourceKind.ENDPOINT
        self.detail = Endpoint.of(self.instance)
        for name in _DETAIL:
            if name in self.fields:  # whoever may only look has none
                self.fields[name].initial = self.initial.setdefault(name, getattr(self.detail, name))

    def _post_clean(self) -> None:
        """Hold resource and detail against their rules, which tell by field what is wrong."""
        super()._post_clean()  # type: ignore[misc]  # Django's own hook, which its stubs leave out
        for name in _DETAIL:
            if name in self.cleaned_data:
                setattr(self.detail, name, self.cleaned_data[name])
        self.detail.resource = self.instance
        try:
            # Of what a field itself has refused, that is said already.
            self.detail.full_clean(exclude=("resource", *self.errors), validate_unique=False)
        except ValidationError as error:
            for name, messages in error.update_error_dict({}).items():
                if name not in self.errors:
                    self.add_error(name if name in self.fields else None, messages)


def _detail_fields() -> dict[str, forms.Field]:
    widgets: dict[str, Any] = {
        "body": forms.Textarea({"rows": 4, "cols": 70, "spellcheck": "false", "class": "kairos-code"}),
        **{
            name: forms.TextInput({"class": "vTextField kairos-code", "spellcheck": "false"})
            for name in ("contains", "matches", "json_path", "json_equals")
        },
    }
    found = fields_for_model(Endpoint, fields=_DETAIL, widgets=widgets)
    headers = Endpoint._meta.get_field("headers").help_text  # noqa: SLF001 - Django's documented API
    found["headers"] = HeadersField(help_text=f"One NAME: VALUE a line. {headers}")
    # A text that is looked for may begin or end with a space.
    found["contains"].strip = False
    return found


# As if they were declared above: the admin makes a class of its own from this one.
for _fields in (EndpointForm.declared_fields, EndpointForm.base_fields):
    _fields.update(_detail_fields())
