"""The parameters that many lists can be narrowed by. Each call makes a field of its own."""

from collections.abc import Iterable
from enum import Enum
from typing import Final

from rest_framework import serializers

from api.fields import NamedRowField, RegionsField, RowT
from probes.models import Channel, Policy, Region, Registry, ResourceGroup, Schedule, Source, StatusPage

ANY_OF_SEVERAL: Final = "Repeat it for any of several."


def _row(model: type[RowT], told: str, *, by: str = "slug") -> NamedRowField[RowT]:
    rows = model._default_manager.all()  # noqa: SLF001 - Django's documented API
    return NamedRowField(slug_field=by, queryset=rows, required=False, help_text=told)


def registry(told: str = "A registry's host.") -> NamedRowField[Registry]:
    return _row(Registry, told, by="host")


def region(told: str) -> NamedRowField[Region]:
    return _row(Region, told)


def regions() -> RegionsField:
    """Any of several, found by one query however often it is repeated. What it validates to is a list of rows."""
    return RegionsField(required=False, help_text="Slugs of regions, repeated or with commas, for any of several.")


def group() -> NamedRowField[ResourceGroup]:
    return _row(ResourceGroup, "A group's slug.")


def schedule() -> NamedRowField[Schedule]:
    return _row(Schedule, "A schedule's slug.")


def policy() -> NamedRowField[Policy]:
    return _row(Policy, "A policy's slug.")


def channel() -> NamedRowField[Channel]:
    return _row(Channel, "A channel's slug.")


def status_page() -> NamedRowField[StatusPage]:
    return _row(StatusPage, "A status page's slug.")


def managed_by() -> NamedRowField[Source]:
    return _row(Source, "The slug of a source: only what that manages.")


def search(told: str = "A part of the name.", *, most: int = 100) -> serializers.CharField:
    return serializers.CharField(required=False, max_length=most, help_text=told)


def one_of(values: Iterable[Enum], told: str) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=[item.value for item in values], required=False, help_text=told)


def any_of(values: Iterable[Enum], told: str = ANY_OF_SEVERAL) -> serializers.MultipleChoiceField:
    return serializers.MultipleChoiceField(choices=[item.value for item in values], required=False, help_text=told)


def either(told: str) -> serializers.BooleanField:
    """Only those of which it is true, or only those of which it is not; None where it was not asked for."""
    return serializers.BooleanField(required=False, allow_null=True, default=None, help_text=told)
