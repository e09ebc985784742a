"""Tokens of the API."""

from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from api.fields import InstantField, NamedRowsField
from api.strict import StrictBody
from probes.models import AccessToken, Region, ResourceGroup
from probes.policy.access import Scope

SCOPES: Final = [(scope.value, scope.value) for scope in Scope]
_MOST_LIMITS: Final = 100


class AccessTokenSerializer(serializers.Serializer[AccessToken]):
    """A token, without what it is: that is shown once, when it is made."""

    id = serializers.IntegerField()
    name = serializers.CharField(help_text="What it is for.")
    prefix = serializers.CharField(help_text="What stands between `kairos_` and the next `_`: it may be shown.")
    owner = serializers.CharField(source="owner.username", help_text="Whose roles it acts with.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES), help_text="None of them includes another."
    )
    groups = serializers.SerializerMethodField(help_text="The slugs of groups that it is limited to; null: no limit.")
    regions = serializers.SerializerMethodField(help_text="The slugs of regions likewise.")
    created_at = InstantField()
    created_by = serializers.CharField(
        source="created_by.username", allow_null=True, help_text="Null: at the command line."
    )
    expires_at = InstantField(allow_null=True, help_text="Null: never.")
    last_used_at = InstantField(allow_null=True, help_text="To the minute; null: never.")
    revoked_at = InstantField(allow_null=True)

    def get_groups(self, token: AccessToken) -> list[str] | None:
        return None if token.is_of_all_groups else sorted(group.slug for group in token.groups.all())

    def get_regions(self, token: AccessToken) -> list[str] | None:
        return None if token.is_of_all_regions else sorted(region.slug for region in token.regions.all())


class IssuedTokenSerializer(AccessTokenSerializer):
    """A new token, with what it is."""

    token = serializers.CharField(help_text="Send it as `Authorization: Bearer …`. It is not shown again.")


class NewTokenSerializer(StrictBody):
    """A token to be made."""

    name = serializers.CharField(max_length=100, help_text="What it is for.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES),
        allow_empty=False,
        max_length=len(Scope),
        help_text="Such as whoever asks has.",
    )
    owner = serializers.CharField(
        max_length=150,
        required=False,
        help_text="The name of another user, for whom admins alone may make one. Else whoever asks.",
    )
    groups = NamedRowsField(
        queryset=ResourceGroup.objects.only("pk", "slug"),
        required=False,
        max_length=_MOST_LIMITS,
        default=list,
        help_text="The slugs of groups to limit it to. Left out: as whoever asks.",
    )
    regions = NamedRowsField(
        queryset=Region.objects.only("pk", "slug"),
        required=False,
        max_length=_MOST_LIMITS,
        default=list,
        help_text="The slugs of regions likewise.",
    )
    expires_at = InstantField(
        required=False,
        allow_null=True,
        default=None,
        help_text="Left out or null: never, or with the token that asks.",
    )

    def validate_expires_at(self, value: datetime | None) -> Any:
        if value is not None and value <= timezone.now():
            raise ValidationError("This lies behind.", "min_value")
        return value
