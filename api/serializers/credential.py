from typing import Any

from rest_framework import serializers

from api.declaring import declared
from api.fields import InstantField, NamedRowField, managed_by_field, slug_field
from api.strict import StrictBody
from probes.actions.logins import LONGEST_SECRET
from probes.models import CredentialKind, Region, Registry


def _typed(kind: CredentialKind, name: str, help_text: str, *, longest: int = LONGEST_SECRET) -> Any:
    return serializers.CharField(
        source=name, required=False, max_length=longest, trim_whitespace=False, help_text=f"`{kind}`: {help_text}"
    )


class SecretSerializer(StrictBody):
    """One secret, with the fields of the credential's kind: all of them each time, as it is stored as a whole."""

    password = serializers.CharField(
        required=False, max_length=LONGEST_SECRET, trim_whitespace=False, help_text="`password`: of the user name."
    )
    identity_token = serializers.CharField(
        required=False,
        max_length=LONGEST_SECRET,
        trim_whitespace=False,
        help_text="`identity_token`: an OAuth2 refresh token.",
    )
    bearer = serializers.CharField(
        required=False, max_length=LONGEST_SECRET, trim_whitespace=False, help_text="`bearer`: sent as it is."
    )
    access_key_id = _typed(CredentialKind.ECR, "ecr_access_key_id", "of the access key.", longest=255)
    secret_access_key = _typed(CredentialKind.ECR, "ecr_secret_access_key", "of the access key.")
    session_token = _typed(CredentialKind.ECR, "ecr_session_token", "of temporary keys only.")
    own_role = serializers.BooleanField(
        source="ecr_own_role",
        required=False,
        help_text="`ecr`: instead of a key, whatever AWS role the region's machine has.",
    )
    role_arn = _typed(CredentialKind.ECR, "ecr_role_arn", "a role to assume.", longest=255)
    aws_region = _typed(CredentialKind.ECR, "ecr_region", "if not as the registry's host names it.", longest=255)
    api_endpoint = _typed(CredentialKind.ECR, "ecr_endpoint", "of a VPC endpoint only.", longest=255)
    service_account_key = _typed(CredentialKind.GOOGLE, "google_key", "the text of the JSON file.")
    tenant = _typed(CredentialKind.ACR, "acr_tenant", "its ID or its domain.", longest=255)
    client_id = _typed(CredentialKind.ACR, "acr_client_id", "of the service principal.", longest=255)
    client_secret = _typed(CredentialKind.ACR, "acr_client_secret", "of the service principal.")
    authority = _typed(CredentialKind.ACR, "acr_authority", "if not the public one.", longest=255)


class CredentialSerializer(StrictBody):
    """A login at a registry. Its secret is set and never shown."""

    id = serializers.IntegerField(read_only=True)
    slug = slug_field()
    registry = NamedRowField[Registry](
        slug_field="host", queryset=Registry.objects.all(), help_text="Its host. A credential stays at its registry."
    )
    repository_prefix = serializers.CharField(
        max_length=255,
        allow_blank=True,
        default="",
        help_text="Whole leading parts of a repository, such as `team/project`; empty is the whole registry.",
    )
    region = NamedRowField[Region](
        slug_field="slug",
        queryset=Region.objects.all(),
        allow_null=True,
        default=None,
        help_text="The slug of the only region from which it is used; null is everywhere.",
    )
    label = declared(serializers.CharField(max_length=100, allow_blank=True, default=""))
    kind = serializers.ChoiceField(
        choices=CredentialKind.choices, required=False, help_text="`password` if left out of a new one."
    )
    username = serializers.CharField(max_length=255, allow_blank=True, default="")
    secret = SecretSerializer(
        source="*", write_only=True, required=False, help_text="Left out, what is stored stays."
    )
    has_secret = serializers.BooleanField(read_only=True)
    rotated_at = InstantField(allow_null=True, read_only=True, help_text="When the secret was stored.")
    expires_at = InstantField(
        allow_null=True,
        default=None,
        help_text="When the secret ends, if that is known. Read from the token itself where that is a JWT.",
    )
    managed_by = managed_by_field()
