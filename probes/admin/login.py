"""The fields of a credential's secret: typed once, and never shown again."""

from django import forms

from probes.actions.logins import LONGEST_SECRET


def secret_field(help_text: str = "", *, label: str | None = None) -> forms.CharField:
    """Return a field that takes what is typed as it is, and renders no value."""
    widget = forms.PasswordInput({"autocomplete": "new-password", "class": "vTextField"}, render_value=False)
    return forms.CharField(
        required=False, strip=False, max_length=LONGEST_SECRET, widget=widget, label=label, help_text=help_text
    )


def plain_field(help_text: str = "", *, label: str) -> forms.CharField:
    widget = forms.TextInput({"class": "vTextField", "spellcheck": "false"})
    return forms.CharField(required=False, max_length=255, widget=widget, label=label, help_text=help_text)
