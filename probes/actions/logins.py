"""What is typed as the secret of a credential, by its kind, and what of it is stored."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction

from probes.actions import secrets
from probes.models import Credential, CredentialKind
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


class FieldRefused(Exception):
    """What is wrong with the field `name`; `message` repeats nothing that was typed."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message


def read_login(kind: CredentialKind, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of `Secret` that `given`, fields for `kind`, mean. Raises `FieldRefused`."""
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


def login_of(
    kind: CredentialKind, given: Mapping[str, Any], *, username: str, kept: CredentialKind | None
) -> dict[str, str]:
    """Return the fields of `Secret` to store; none where what is stored, of the kind `kept`, stays.

    `given` are fields of `SECRET_FIELDS` with what was typed. Raises `ValidationError` by field, and repeats nothing.
    """
    own = KIND_FIELDS[kind]
    errors = dict.fromkeys(given.keys() - set(own), f"This is not for a credential of the kind “{kind.label}”.")
    if kind is CredentialKind.PASSWORD:
        if own[0] in given and not username:
            errors["username"] = "A password needs its user name."
    elif kind is not CredentialKind.IDENTITY_TOKEN and username:
        errors["username"] = f"There is no user name with a credential of the kind “{kind.label}”."
    login: dict[str, str] = {}
    if (given or kept is not kind) and not errors.keys() & set(SECRET_FIELDS):
        try:
            login = read_login(kind, given)
        except FieldRefused as refused:
            errors[refused.name] = refused.message
    if errors:
        raise ValidationError(dict(errors))
    return login


def save(
    credential: Credential, given: Mapping[str, Any], *, is_end_given: bool = False, now: datetime
) -> Credential:
    """Validate and store a new or changed credential, with the secret that was typed; without one it keeps its own.

    A new secret takes away when the one before ended, unless its own end `is_end_given`. Raises `ValidationError` by
    field, and `SecretUnreadable`; then nothing is stored.
    """
    with transaction.atomic():
        before = Credential.objects.order_by().select_for_update().filter(pk=credential.pk).first()
        errors: dict[str, Any] = {}
        if before is not None and before.registry_id != credential.registry_id:
            # What is stored would be sent there.
            errors["registry"] = "A credential stays at its registry: make a new one for another."
        try:
            credential.full_clean(exclude=("secret_encrypted",))
        except ValidationError as error:
            errors |= error.update_error_dict({})
        login: dict[str, str] = {}
        if "kind" not in errors:
            kept = CredentialKind(before.kind) if before is not None and before.has_secret else None
            try:
                login = login_of(CredentialKind(credential.kind), given, username=credential.username, kept=kept)
            except ValidationError as error:
                errors |= error.update_error_dict({})
        if errors:
            raise ValidationError(errors)
        if not login:
            credential.save()
            return credential
        if not is_end_given:
            credential.expires_at = None  # that was the end of what was stored before
        secrets.store_secret(credential, **login, now=now)
    return credential
