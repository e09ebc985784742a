"""Who may do what: roles of people, and tokens of programs (ADR 37)."""

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from probes.models.audited import audited
from probes.models.checked import Checked
from probes.models.group import ResourceGroup
from probes.models.region import Region
from probes.policy.access import Role, Scope

_TWICE = "There is a role for this already: change that one."


@audited(told=("user", "team", "role", "group"))
class RoleGrant(Checked):
    """A role of one user, or of all who are in an auth group, over one group of resources or over everything.

    A row has no states: it counts from the next request on, and ends with the user or with either group. A grant
    over a group is deleted with the group, and never turns into one over everything.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="role_grants"
    )
    team = models.ForeignKey(
        Group,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="role_grants",
        help_text="Instead of a user: all who are in this group of users.",
    )
    role = models.CharField(max_length=8, choices=[(role.value, role.value) for role in Role])
    group = models.ForeignKey(
        ResourceGroup,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="role_grants",
        help_text="Of resources. Empty: over everything.",
    )

    class Meta:
        verbose_name = "role"
        ordering: ClassVar = ["user", "team", "group", "role"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, team=None) | Q(user=None, team__isnull=False),
                name="role_grant_is_of_a_user_or_a_team",
                violation_error_message="Choose a user or a group of users, one of them.",
            ),
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]), name="role_grant_role_is_known"
            ),
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(group=None, user__isnull=False),
                name="role_grant_is_one_per_user",
                violation_error_message=_TWICE,
            ),
            models.UniqueConstraint(
                fields=["user", "group"],
                condition=Q(group__isnull=False, user__isnull=False),
                name="role_grant_is_one_per_user_and_group",
                violation_error_message=_TWICE,
            ),
            models.UniqueConstraint(
                fields=["team"],
                condition=Q(group=None, team__isnull=False),
                name="role_grant_is_one_per_team",
                violation_error_message=_TWICE,
            ),
            models.UniqueConstraint(
                fields=["team", "group"],
                condition=Q(group__isnull=False, team__isnull=False),
                name="role_grant_is_one_per_team_and_group",
                violation_error_message=_TWICE,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.team}: {self.role} of {self.group or 'everything'}"


@audited(
    told=(
        "owner",
        "name",
        "prefix",
        "scopes",
        "is_of_all_groups",
        "is_of_all_regions",
        "created_by",
        "made_with",
        "created_at",
        "expires_at",
        "revoked_at",
    ),
    masked=("secret_hash",),
    unwatched=("last_used_at",),
    many=("groups", "regions"),
)
class AccessToken(Checked):
    """What a program shows to act for its owner. `prefix` names it; of the rest `secret_hash` alone is kept.

    States of a row, the first that holds:
    - revoked: at `revoked_at`, for good; so are those that were made with it;
    - expired: `expires_at` has come;
    - dormant: the owner, or who made it, is not active, or the token that it was made with is not in force;
    - in force: none of these.

    `is_of_all_groups` and `is_of_all_regions` say whether it is limited, and `groups` and `regions` to what: should
    all of them be deleted, nothing is within its reach. It is deleted with its owner and with who made it, who has
    seen it; null is whoever had the command line. `made_with` is the token that asked for this one.
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_tokens")
    name = models.CharField(max_length=100, help_text="What it is for: the pipeline, the script.")
    prefix = models.CharField(max_length=16, unique=True, editable=False)
    secret_hash = models.BinaryField(editable=False)
    scopes = ArrayField(
        models.CharField(max_length=8, choices=[(scope.value, scope.value) for scope in Scope]), size=len(Scope)
    )
    is_of_all_groups = models.BooleanField(default=True, editable=False)
    is_of_all_regions = models.BooleanField(default=True, editable=False)
    groups = models.ManyToManyField(
        ResourceGroup, blank=True, related_name="+", help_text="Limits it to these. None chosen means no limit."
    )
    regions = models.ManyToManyField(
        Region, blank=True, related_name="+", help_text="Limits it to these. None chosen means no limit."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, editable=False, related_name="+"
    )
    made_with = models.ForeignKey("self", on_delete=models.CASCADE, null=True, editable=False, related_name="made")
    created_at = models.DateTimeField(editable=False)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never.")
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "API token"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(scopes__contained_by=[scope.value for scope in Scope]), name="access_token_scopes_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (kairos_{self.prefix}…)"

    def clean(self) -> None:
        if not self.scopes:
            raise ValidationError({"scopes": "Without a scope it opens nothing."})


class RequestCount(models.Model):
    """How often somebody asked in the window that began at `began_at`; the last window of each who did.

    The table is unlogged: after a crash of the database everybody begins anew.
    """

    key = models.CharField(primary_key=True, max_length=80, help_text="A kind of request, and whose.")
    began_at = models.DateTimeField()
    taken = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.key}: {self.taken}"
