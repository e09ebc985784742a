"""Something checked: an image or an HTTP endpoint."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from probes.models import validation
from probes.models.audited import audited
from probes.models.credential import Credential, CredentialKind
from probes.models.group import ResourceGroup
from probes.models.named import Named
from probes.models.policy import Policy
from probes.models.region import Region
from probes.models.registry import Registry
from probes.models.schedule import Schedule
from probes.models.source import Managed
from probes.models.terms import TERM_FIELDS, TermFields
from probes.policy import credentials, slots
from probes.policy.depth import BLOBS_CADENCE, MANIFEST_CADENCE
from probes.protocol.endpoint import EndpointPlan, problems
from probes.protocol.plan import DEFAULT_PLATFORM
from probes.protocol.reference import Reference, ReferenceInvalid, parse_reference
from probes.protocol.taxonomy import Depth

DEFAULT_INTERVAL_SECONDS = 300


def default_platforms() -> list[str]:
    return [DEFAULT_PLATFORM]


def at_once() -> datetime:
    """The due time of what is to be checked by the next tick."""
    return slots.whole_second(timezone.now())


class ResourceKind(models.TextChoices):
    """What is checked; the values are those of an outcome's `kind`."""

    IMAGE = "image", "image"
    ENDPOINT = "http", "HTTP endpoint"


@audited(
    told=(
        "kind",
        "slug",
        "name",
        "registry",
        "platforms",
        "strict_platform",
        "depth",
        "manifest_cadence_seconds",
        "blobs_cadence_seconds",
        "sample_blobs",
        "check_tag",
        "is_tag_immutable",
        "interval_seconds",
        "credential",
        "group",
        "policy",
        "schedule",
        "managed_by",
        "labels",
        "paused_at",
        "stale_at",
        "retired_at",
        "resume_at",
        *TERM_FIELDS,
    ),
    addresses=("reference",),
    unwatched=(
        "repository",
        "tag",
        "digest",
        "next_due_at",
        "asked_slot",
        "turn",
        "spacing_seconds",
        "reference_since",
        "created_at",
        "updated_at",
    ),
    many=("regions",),
)
class Resource(Named, Managed, TermFields):
    """An image or an endpoint to check, with its schedule, and the terms that are its own.

    States of a row:
    - scheduled: `paused_at` is null; the tick claims it when `next_due_at` has come;
    - paused: `paused_at` is set; nothing is claimed until it is resumed, then one check at once. Somebody resumes it,
      or the upkeep does once `resume_at` has come; one that is not after `paused_at` is of a pause before;
    - retired: `retired_at` is set, and with it `paused_at`; it is not counted any more, and keeps its history until
      somebody restores or deletes it.

    Besides, `stale_at` says since when its source lists it no more. It is checked on until it is retired.

    When it is due says its `schedule`, or with none its own `interval_seconds`. What follows
    from a schedule is `spacing_seconds`: of a crontab the time about the slot that was claimed last
    (`policy.slots.interval_by`), and `turn` counts these slots.

    `registry`, `repository`, `tag` and `digest` follow from `reference`: `clean` fills them, and
    `actions.resources.save` makes the registry where none is known. No `regions` means every active one.

    The reference of an endpoint is its URL. Its registry is the settings of the URL's host, the other three are
    empty, and whatever else concerns images alone has no effect; what concerns endpoints alone is in `Endpoint`.
    """

    kind = models.CharField(
        max_length=5,
        choices=ResourceKind.choices,
        default=ResourceKind.IMAGE,
        db_default=ResourceKind.IMAGE,
        editable=False,
    )
    name = models.CharField(max_length=255, blank=True)
    reference = models.CharField(max_length=1024, help_text="As you would pull it: ghcr.io/org/app:1.2.")
    registry = models.ForeignKey(Registry, on_delete=models.PROTECT, related_name="resources", editable=False)
    repository = models.CharField(max_length=255, editable=False)
    tag = models.CharField(max_length=128, blank=True, editable=False)
    digest = models.CharField(max_length=140, blank=True, editable=False)
    platforms = ArrayField(
        models.CharField(max_length=100, validators=[validation.platform]),
        size=20,
        default=default_platforms,
        help_text="OS/ARCH[/VARIANT], separated by commas, or the single word all.",
    )
    strict_platform = models.BooleanField(
        default=False,
        help_text="Call it unavailable where the reference names one image, and that is for another platform. "
        "Otherwise it is available with a warning. Looked at from the depth platform on.",
    )
    depth = models.CharField(
        max_length=8,
        null=True,
        blank=True,
        choices=[(depth.value, depth.value) for depth in Depth],
        help_text="Empty is automatic: often cheap, deep when something changed and now and then.",
    )
    manifest_cadence_seconds = models.PositiveIntegerField(
        default=int(MANIFEST_CADENCE.total_seconds()),
        validators=[validation.cadence_seconds],
        help_text="How often an unchanged image's manifests are read again.",
    )
    blobs_cadence_seconds = models.PositiveIntegerField(
        default=int(BLOBS_CADENCE.total_seconds()),
        validators=[validation.cadence_seconds],
        help_text="How often an unchanged image's config and layers are asked for, where the depth is automatic.",
    )
    sample_blobs = models.BooleanField(
        default=False,
        help_text="Look at the first, the last, the largest and one more layer in turn, instead of at all of them.",
    )
    check_tag = models.BooleanField(
        default=False,
        help_text="Of name:tag@digest, ask for the tag as well, and warn when it points elsewhere by now. "
        "The digest alone is what is available or not.",
    )
    is_tag_immutable = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The tag is to point at one digest for ever: should it move, that is a critical event.",
    )
    interval_seconds = models.PositiveIntegerField(
        default=DEFAULT_INTERVAL_SECONDS, validators=[validation.interval_seconds]
    )
    schedule = models.ForeignKey(
        Schedule,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="resources",
        db_index=False,
        help_text="In place of the interval.",
    )
    spacing_seconds = models.PositiveIntegerField(null=True, blank=True, editable=False)
    turn = models.PositiveIntegerField(null=True, blank=True, editable=False)
    credential = models.ForeignKey(
        Credential,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="resources",
        help_text="Empty is automatic: the registry's credential with the longest matching prefix.",
    )
    regions = models.ManyToManyField(Region, blank=True, related_name="resources", help_text="None chosen means all.")
    group = models.ForeignKey(
        ResourceGroup,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="resources",
        help_text="Whose terms hold where this image has none of its own.",
    )
    policy = models.ForeignKey(
        Policy,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="resources",
        db_index=False,
        help_text="Whose terms hold before those of the group.",
    )
    labels = models.JSONField(default=dict, blank=True, validators=[validation.labels])
    stale_at = models.DateTimeField(null=True, blank=True, editable=False)
    retired_at = models.DateTimeField(null=True, blank=True, editable=False)
    paused_at = models.DateTimeField(null=True, blank=True, editable=False)
    resume_at = models.DateTimeField(null=True, blank=True, editable=False)
    next_due_at = models.DateTimeField(default=at_once, editable=False)
    asked_slot = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="The slot of the last check that was asked for by hand.",
    )
    reference_since = models.DateTimeField(
        default=at_once, editable=False, help_text="Outcomes for earlier slots are of another image."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta(TermFields.Meta):
        ordering = ["name", "id"]
        indexes: ClassVar = [
            models.Index(fields=["next_due_at"], condition=Q(paused_at=None), name="resource_due"),
            # Of those that have one: each claim writes to all indexes.
            *(
                models.Index(fields=[name], condition=~Q(**{name: None}), name=f"resource_{name}")
                for name in ("schedule", "policy", "managed_by", "retired_at")
            ),
            models.Index(fields=["resume_at"], condition=Q(resume_at__isnull=False), name="resource_to_resume"),
            # Orders of lists that no check changes.
            models.Index(fields=["name", "id"], name="resource_by_name"),
            models.Index(fields=["created_at", "id"], name="resource_by_creation"),
        ]
        constraints: ClassVar = [
            *Named.Meta.constraints,
            *TermFields.Meta.constraints,
            models.CheckConstraint(
                condition=Q(kind=ResourceKind.ENDPOINT, tag="", digest="")
                | Q(kind=ResourceKind.IMAGE) & (~Q(tag="") | ~Q(digest="")),
                name="resource_names_tag_or_digest",
            ),
            models.CheckConstraint(
                condition=Q(interval_seconds__range=(1, validation.LONGEST_INTERVAL_SECONDS)),
                name="resource_interval_in_range",
            ),
            models.CheckConstraint(
                condition=Q(manifest_cadence_seconds__range=(1, validation.LONGEST_INTERVAL_SECONDS))
                & Q(blobs_cadence_seconds__range=(1, validation.LONGEST_INTERVAL_SECONDS)),
                name="resource_cadences_in_range",
            ),
            models.CheckConstraint(
                condition=Q(depth=None) | Q(depth__in=[depth.value for depth in Depth]),
                name="resource_depth_is_known",
            ),
            models.CheckConstraint(condition=~Q(platforms=[]), name="resource_wants_a_platform"),
            models.CheckConstraint(condition=Q(kind__in=ResourceKind.values), name="resource_kind_is_known"),
            models.CheckConstraint(
                condition=Q(retired_at=None) | Q(paused_at__isnull=False), name="resource_that_is_retired_is_paused"
            ),
        ]

    known_registries: Mapping[str, Registry] | None = None
    """All there are, by host, from whoever checks many rows; otherwise each row asks for its own."""

    def __str__(self) -> str:
        return self.name or self.shown_reference

    @property
    def named_after(self) -> str:
        """Its name, or its reference: of a URL without its query, in which there may be a secret."""
        return self.name or (self.reference.partition("?")[0] if self.is_endpoint else self.reference)

    @property
    def is_endpoint(self) -> bool:
        return self.kind == ResourceKind.ENDPOINT

    @property
    def shown_reference(self) -> str:
        """The reference as whoever may look at results may see it: of a URL, its query values stay hidden."""
        return EndpointPlan(url=self.reference).reference if self.is_endpoint else self.reference

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    @property
    def every_seconds(self) -> int:
        """The seconds from one check to the next: of its schedule, or its own."""
        return self.spacing_seconds or self.interval_seconds

    @property
    def is_retired(self) -> bool:
        return self.retired_at is not None

    def slot_number(self, slot: datetime) -> int:
        """Return the place of a slot among its slots: it grows by one with each, and is that of the one before it."""
        if self.turn is not None:
            return self.turn
        return slots.number(slot, interval_seconds=self.every_seconds, key=self.pk)

    def follow_schedule(self, now: datetime) -> None:
        """Take over what follows from the schedule, if it has one."""
        if self.schedule is None:
            self.turn = self.spacing_seconds = None
            return
        calendar = self.schedule.calendar
        self.turn = None if calendar is None else self.turn or 0
        if calendar is None:
            self.spacing_seconds = self.schedule.interval_seconds
        else:
            self.spacing_seconds = min(slots.interval_by(calendar, now), validation.LONGEST_INTERVAL_SECONDS)

    @property
    def resumes_at(self) -> datetime | None:
        """When the present pause ends by itself; None where it does not, or there is none."""
        if self.paused_at is None or self.resume_at is None or self.is_retired:
            return None
        return self.resume_at if self.resume_at > self.paused_at else None

    @property
    def canonical(self) -> str:
        """`host/repository[:tag][@digest]`, or the URL of an endpoint without its query values."""
        if self.is_endpoint:
            return self.shown_reference
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry.host}/{self.repository}{tag}{digest}"

    def clean(self) -> None:
        """Check what no single field can; fill the canonical fields. Raises `ValidationError` by field."""
        super().clean()
        errors: dict[str, Any] = {}
        if self.reference:  # of an empty one its own field has told
            errors |= self._settle_url() if self.is_endpoint else self._settle_reference()
        if self.depth == "":
            errors["depth"] = "Write a depth, or null for the automatic one."
        if validation.ALL_PLATFORMS in (self.platforms or ()) and len(self.platforms) > 1:
            errors["platforms"] = "all stands alone."
        if errors:
            raise ValidationError(errors)

    def _settle_reference(self) -> dict[str, Any]:
        """Adopt the reference, if the credential may be used for it; return what is wrong, by field."""
        try:
            reference = parse_reference(self.reference)
        except ReferenceInvalid as error:
            refusal = ValidationError(
                "%(message)s (at character %(character)s)",
                code=error.reason.value,
                params={"message": error.message, "character": error.position + 1},
            )
            return {"reference": refusal}
        self.adopt(reference)
        refused = self.credential and _credential_refusal(self.credential, reference)
        return {"credential": refused} if refused else {}

    def _settle_url(self) -> dict[str, Any]:
        """Adopt the URL, if the credential may be used for it; return what is wrong, by field."""
        plan = EndpointPlan(url=self.reference)
        if sentence := problems(plan).get("url"):
            return {"reference": sentence}
        self.repository = self.tag = self.digest = ""
        self._adopt_registry(plan.host)
        refused = self.credential and _endpoint_credential_refusal(self.credential, plan)
        return {"credential": refused} if refused else {}

    def adopt(self, reference: Reference) -> None:
        """Take over what `reference` names. An unknown registry is left out for the action to make."""
        self.repository = reference.repository
        self.tag = reference.tag or ""
        self.digest = str(reference.digest or "")
        self._adopt_registry(reference.host)

    def _adopt_registry(self, host: str) -> None:
        if self.known_registries is not None:
            known = self.known_registries.get(host)
        else:
            known = Registry.objects.filter(host=host).first()
        if known:
            self.registry = known


def _endpoint_credential_refusal(credential: Credential, plan: EndpointPlan) -> str | None:
    if credential.registry.host != plan.host:
        return f"This credential is for {credential.registry.host}, the endpoint is at {plan.host}."
    if not credentials.covers(credential.repository_prefix, plan.path):
        return f"This credential is for paths under {credential.repository_prefix}."
    if credential.kind not in (CredentialKind.PASSWORD, CredentialKind.BEARER):
        return "An endpoint takes a user name and password, or a bearer token."
    if plan.reach.plain_http and not credential.registry.plain_http:
        return f"It would be readable on the way: allow plain HTTP for {plan.host} first, or write https."
    return None


def _credential_refusal(credential: Credential, reference: Reference) -> str | None:
    if credential.registry.host != reference.host:
        return f"This credential is for {credential.registry.host}, the image is at {reference.host}."
    if not credentials.covers(credential.repository_prefix, reference.repository):
        return f"This credential is for repositories under {credential.repository_prefix}."
    return None
