"""Public status pages: what is told of some groups, to whom, and what people announce beside it (ADR 48)."""

import uuid
from typing import ClassVar, Final

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from probes.models import validation
from probes.models.audited import audited
from probes.models.group import ResourceGroup
from probes.models.named import Named
from probes.models.source import Managed
from probes.policy.publishing import LONGEST_ORIGIN, AnnouncementKind, Naming, Visibility

LONGEST_DESCRIPTION: Final = 1_000
LONGEST_ANNOUNCEMENT: Final = 4_000
MOST_ORIGINS: Final = 20
_VISIBILITIES: Final = [
    (Visibility.PUBLIC.value, "public: everybody"),
    (Visibility.SIGNED_IN.value, "signed in: whoever has logged in"),
    (Visibility.HIDDEN.value, "hidden: nobody"),
]
_KNOWN: Final = [item.value for item in Visibility]


@audited(
    told=(
        "slug",
        "title",
        "description",
        "visibility",
        "shows_reasons",
        "shows_hosts",
        "shows_regions",
        "frame_origins",
        "managed_by",
    ),
    unwatched=("uid",),
)
class StatusPage(Named, Managed):
    """A page at `/status/<slug>/` that stands for itself, and shows what was chosen of some groups.

    States of a row are its visibilities: public, signed in (to everybody else it is not there), and hidden (to
    everybody; who may change it can look at a preview).

    `uid` is what the ids in its feeds are made from. It is told to nobody: whoever had it could count our incidents.
    """

    title = models.CharField(max_length=100)
    description = models.TextField(
        blank=True,
        max_length=LONGEST_DESCRIPTION,
        validators=[MaxLengthValidator(LONGEST_DESCRIPTION)],
        help_text="Plain text, in a few sentences. Shown under the title.",
    )
    visibility = models.CharField(
        max_length=10, choices=_VISIBILITIES, default=Visibility.HIDDEN.value, help_text="Of the page as a whole."
    )
    shows_reasons = models.BooleanField(
        "tell reasons", default=False, help_text="Of an incident: login refused, certificate expired, say."
    )
    shows_hosts = models.BooleanField(
        "tell hosts", default=False, help_text="Of an incident: the registry's host name."
    )
    shows_regions = models.BooleanField(
        "tell regions", default=False, help_text="Of an incident: the names of the regions that saw it."
    )
    frame_origins = ArrayField(
        models.CharField(max_length=LONGEST_ORIGIN, validators=[validation.origin]),
        default=list,
        blank=True,
        size=MOST_ORIGINS,
        verbose_name="may be embedded by",
        help_text="Origins whose pages may put the widget in a frame, such as https://www.example.com.",
    )
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        ordering: ClassVar = ["title", "id"]
        constraints: ClassVar = [
            *Named.Meta.constraints,
            models.CheckConstraint(condition=Q(visibility__in=_KNOWN), name="status_page_visibility_is_known"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def named_after(self) -> str:
        return self.title


@audited(
    told=(
        "slug",
        "page",
        "group",
        "public_name",
        "description",
        "visibility",
        "naming",
        "position",
        "managed_by",
    )
)
class StatusGroup(Named, Managed):
    """A group as a page shows it: by a name of its own, which says nothing of what it is called here.

    Its stable name is public as well: badges are found by it. It ends with its page. What is shown
    somewhere is not deleted: a page would say less one day, and nobody would know why.
    """

    page = models.ForeignKey(StatusPage, on_delete=models.CASCADE, related_name="groups", db_index=False)
    group = models.ForeignKey(ResourceGroup, on_delete=models.PROTECT, related_name="status_groups")
    public_name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    visibility = models.CharField(
        max_length=10,
        choices=_VISIBILITIES,
        default=Visibility.HIDDEN.value,
        help_text="What is signed in is shown to those alone who may see the group here as well.",
    )
    naming = models.CharField(
        "images",
        max_length=10,
        choices=[
            (Naming.TOGETHER.value, "together: neither which they are nor how many"),
            (Naming.NAMES.value, "names: each that has a name"),
            (Naming.REFERENCES.value, "references: each, with what it is pulled by"),
        ],
        default=Naming.TOGETHER.value,
    )
    position = models.PositiveSmallIntegerField(default=0, help_text="Smaller numbers come first.")

    class Meta:
        verbose_name = "group on a status page"
        verbose_name_plural = "groups on status pages"
        ordering: ClassVar = ["position", "id"]
        constraints: ClassVar = [
            *Named.Meta.constraints,
            models.UniqueConstraint(fields=["page", "group"], name="status_group_is_once_on_a_page"),
            models.CheckConstraint(
                condition=Q(visibility__in=_KNOWN, naming__in=[item.value for item in Naming]),
                name="status_group_words_are_known",
            ),
        ]

    def __str__(self) -> str:
        return self.public_name

    @property
    def named_after(self) -> str:
        return self.public_name


@audited(
    told=(
        "slug",
        "page",
        "kind",
        "title",
        "text",
        "visibility",
        "starts_at",
        "expires_at",
        "is_pinned",
        "made_by",
    ),
    unwatched=("changed_at",),
)
class Announcement(Named):
    """What people say on a page, in plain text.

    States of a row, by the clock: to come before `starts_at`, and shown to nobody; on until `expires_at`, if ever;
    over, and part of the page's history. One that is pinned comes before the others while it is on.
    """

    page = models.ForeignKey(StatusPage, on_delete=models.CASCADE, related_name="announcements", db_index=False)
    kind = models.CharField(
        max_length=8,
        choices=[
            (AnnouncementKind.NOTICE.value, "notice"),
            (AnnouncementKind.WORK.value, "planned work"),
            (AnnouncementKind.TROUBLE.value, "trouble"),
            (AnnouncementKind.SOLVED.value, "solved"),
        ],
        default=AnnouncementKind.NOTICE.value,
    )
    title = models.CharField(max_length=150)
    text = models.TextField(
        blank=True,
        max_length=LONGEST_ANNOUNCEMENT,
        validators=[MaxLengthValidator(LONGEST_ANNOUNCEMENT)],
        help_text="Plain text. An empty line begins a paragraph; addresses become links.",
    )
    visibility = models.CharField(max_length=10, choices=_VISIBILITIES, default=Visibility.PUBLIC.value)
    starts_at = models.DateTimeField(default=timezone.now, help_text="Shown from then on.")
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Then it leaves the page, and stays in its history. Empty: it stays."
    )
    is_pinned = models.BooleanField("pinned", default=False, help_text="Before the others.")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    changed_at = models.DateTimeField(editable=False)

    class Meta:
        ordering: ClassVar = ["-starts_at", "-id"]
        indexes: ClassVar = [models.Index(fields=["page", "-starts_at", "-id"], name="announcement_of_page")]
        constraints: ClassVar = [
            *Named.Meta.constraints,
            models.CheckConstraint(
                condition=Q(visibility__in=_KNOWN, kind__in=[item.value for item in AnnouncementKind]),
                name="announcement_words_are_known",
            ),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("starts_at")),
                name="announcement_ends_after_it_starts",
                violation_error_message="It expires after it starts.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def named_after(self) -> str:
        return self.title
