"""The fields of each kind of credential: typed once, and never shown again."""

import json
from collections.abc import Mapping
from typing import Any, Final

from django import forms

from probes.models import CredentialKind
from probes.protocol.provider import KeyInvalid, read_key, write_key
from probes.protocol.token import is_bearer

LONGEST_SECRET: Final = 16_384  # a Google service account's key, the longest of passwords, has about 2,400

KIND_FIELDS: Final[Mapping[CredentialKind, tuple[str, ...]]] = {
    CredentialKind.PASSWORD: ("password",),
    CredentialKind.IDENTITY_TOKEN: ("identity_token",),
    CredentialKind.BEARER: ("bearer",),
    CredentialKind.ECR: (
        "ecr_access_key_id",
        "ecr_secret_access_key",
        "ecr_session_token",
        "ecr_own_role",
        "ecr_role_arn",
        "ecr_region",
        "ecr_endpoint",
    ),
    CredentialKind.GOOGLE: ("google_key",),
    CredentialKind.ACR: ("acr_tenant", "acr_client_id", "acr_client_secret", "acr_authority"),
}
SECRET_FIELDS: Final = tuple(name for names in KIND_FIELDS.values() for name in names)

_MISSING: Final = {
    CredentialKind.PASSWORD: "Give the password.",
    CredentialKind.IDENTITY_TOKEN: "Give the identity token.",
    CredentialKind.BEARER: "Give the bearer token.",
    CredentialKind.ECR: "Give an access key, or tick the worker's own role below.",
    CredentialKind.GOOGLE: "Give the service account's key.",
    CredentialKind.ACR: "Give the service principal: tenant, client ID and client secret.",
}


def secret_field(help_text: str = "", *, label: str | None = None) -> forms.CharField:
    """Return a field that takes what is typed as it is, and renders no value."""
    widget = forms.PasswordInput({"autocomplete": "new-password", "class": "vTextField"}, render_value=False)
    return forms.CharField(
        required=False, strip=False, max_length=LONGEST_SECRET, widget=widget, label=label, help_text=help_text
    )


def plain_field(help_text: str = "", *, label: str) -> forms.CharField:
    widget = forms.TextInput({"class": "vTextField", "spellcheck": "false"})
    return forms.CharField(required=False, max_length=255, widget=widget, label=label, help_text=help_text)


class FieldRefused(Exception):
    """What is wrong with the form's field `name`; `message` repeats nothing that was typed."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


def read_login(kind: CredentialKind, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of `Secret` that `given`, fields of the form for `kind`, mean. Raises `FieldRefused`."""
    [first, *_] = KIND_FIELDS[kind]
    if not given:
        raise FieldRefused(first, _MISSING[kind])
    if not kind.is_exchanged:
        if kind is CredentialKind.BEARER and not is_bearer(given[first]):
            raise FieldRefused(first, "A bearer token is visible ASCII, without spaces or line ends.")
        return {first: given[first]}
    prefix = f"{kind}_"
    if kind is CredentialKind.GOOGLE:
        text = given[first]
    else:
        text = json.dumps({name.removeprefix(prefix): value for name, value in given.items()})
    try:
        key = read_key(kind, text)
    except KeyInvalid as invalid:
        name = prefix + invalid.field
        raise FieldRefused(name if name in KIND_FIELDS[kind] else first, invalid.message) from None
    return {"provider": kind.value, "provider_key": write_key(key)}
