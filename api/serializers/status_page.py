"""Public status pages: what they tell, to whom, and what is announced on them."""

from enum import StrEnum
from typing import Final

from django.utils import timezone
from rest_framework import serializers

from api.fields import InstantField, NamedRowField, managed_by_field, slug_field
from api.strict import StrictBody
from probes.models import ResourceGroup, StatusPage
from probes.models.status import LONGEST_ANNOUNCEMENT, LONGEST_DESCRIPTION, MOST_ORIGINS
from probes.policy.declared.kinds import MOST_POSITION
from probes.policy.publishing import LONGEST_ORIGIN, AnnouncementKind, Naming, Visibility

_PAGE: Final = "The slug of its page."


def _one_of(values: type[StrEnum], default: StrEnum, told: str) -> serializers.ChoiceField:
    choices = [(item.value, item.value) for item in values]
    return serializers.ChoiceField(choices=choices, default=default.value, help_text=told)


class StatusPageSerializer(StrictBody):
    """A page at `/status/<slug>/`, with its badges, feeds and widget. All begins hidden and tells nothing."""

    id = serializers.IntegerField(read_only=True)
    slug = slug_field()
    title = serializers.CharField(max_length=100)
    description = serializers.CharField(
        max_length=LONGEST_DESCRIPTION, allow_blank=True, default="", help_text="Plain text, under the title."
    )
    visibility = _one_of(
        Visibility,
        Visibility.HIDDEN,
        "Of the page as a whole: to everybody, to whoever has logged in, or to nobody, as if it were not there.",
    )
    shows_reasons = serializers.BooleanField(default=False, help_text="Of an incident, such as that a login failed.")
    shows_hosts = serializers.BooleanField(default=False, help_text="Of an incident: the registry's host.")
    shows_regions = serializers.BooleanField(
        default=False, help_text="Of an incident: the names of the regions that saw it."
    )
    frame_origins = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_ORIGIN),
        max_length=MOST_ORIGINS,
        default=list,
        help_text="Origins whose pages may put the widget in a frame, such as https://www.example.com; `*` is any.",
    )
    managed_by = managed_by_field()


class StatusGroupSerializer(StrictBody):
    """A group on a status page, by a name that says nothing of what it is called here.

    Its slug is public as well: badges are found by it.
    """

    id = serializers.IntegerField(read_only=True)
    slug = slug_field()
    page = NamedRowField[StatusPage](slug_field="slug", queryset=StatusPage.objects.all(), help_text=_PAGE)
    group = NamedRowField[ResourceGroup](
        slug_field="slug",
        queryset=ResourceGroup.objects.all(),
        help_text="The slug of the group that it tells of, once on a page.",
    )
    public_name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=300, allow_blank=True, default="")
    visibility = _one_of(
        Visibility,
        Visibility.HIDDEN,
        "What is `signed_in` is shown to those alone who may see the group here as well.",
    )
    naming = _one_of(
        Naming,
        Naming.TOGETHER,
        "How its images are told of: as one, each that has a name by it, or each with what it is pulled by.",
    )
    position = serializers.IntegerField(
        min_value=0, max_value=MOST_POSITION, default=0, help_text="Smaller numbers come first."
    )
    managed_by = managed_by_field()


class AnnouncementSerializer(StrictBody):
    """What people say on a page, from when it starts until it expires; then it is part of the page's history."""

    id = serializers.IntegerField(read_only=True)
    slug = slug_field()
    page = NamedRowField[StatusPage](slug_field="slug", queryset=StatusPage.objects.all(), help_text=_PAGE)
    kind = _one_of(AnnouncementKind, AnnouncementKind.NOTICE, "What is said: that work is planned, say.")
    title = serializers.CharField(max_length=150)
    text = serializers.CharField(
        max_length=LONGEST_ANNOUNCEMENT,
        allow_blank=True,
        default="",
        help_text="Plain text. An empty line begins a paragraph; addresses become links.",
    )
    visibility = _one_of(Visibility, Visibility.PUBLIC, "Besides the page's own.")
    starts_at = InstantField(default=timezone.now, help_text="Shown from then on; from now where it is left out.")
    expires_at = InstantField(
        allow_null=True, default=None, help_text="Then it leaves the page, and stays in its history; null is never."
    )
    is_pinned = serializers.BooleanField(default=False, help_text="Before the others.")
    made_by = serializers.CharField(
        source="made_by.username", allow_null=True, read_only=True, help_text="The user's name."
    )
    changed_at = InstantField(read_only=True)
