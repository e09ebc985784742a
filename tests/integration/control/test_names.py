"""Stable names: given, or made of a name or reference, and then kept."""

from datetime import datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection

from probes.actions import resources
from probes.models import Channel, Credential, MaintenanceWindow, Region, Registry, Resource, ResourceGroup, Rule
from probes.models.resource import ResourceKind

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("fields", "slug"),
    [
        ({"reference": "ghcr.io/org/app:1.2"}, "ghcr.io-org-app-1.2"),
        ({"reference": "ghcr.io/org/app:1.2", "name": "Müller's Café"}, "muller-s-cafe"),
        ({"reference": "ghcr.io/org/app:1.2", "name": "检查"}, "resource"),
        (
            {"kind": ResourceKind.ENDPOINT, "reference": "https://api.example/health?token=hush"},
            "https-api.example-health",
        ),
        ({"reference": "ghcr.io/org/app:1.2", "slug": "the_app"}, "the_app"),
    ],
)
def test_resource_is_named_after_what_it_is(fields: dict[str, Any], slug: str, now: datetime) -> None:
    assert resources.save(Resource(**fields), now=now).slug == slug


def test_others_are_named_after_what_they_are() -> None:
    registry, region = Registry.objects.create(host="ghcr.io"), Region.objects.create(slug="eu-west", name="Europe")
    channel = Channel.objects.create(name="On call", kind="email")
    made = [
        channel,
        Rule.objects.create(channel=channel),
        Rule.objects.create(channel=channel, topics=["expiry"]),
        Rule.objects.create(channel=channel),
        ResourceGroup.objects.create(name="Web shop"),
        Credential.objects.create(registry=registry, repository_prefix="team/project"),
        Credential.objects.create(registry=registry, repository_prefix="team/project", region=region),
        Credential.objects.create(registry=registry, label="The robot"),
        MaintenanceWindow.objects.create(
            name="Sunday's upgrade", starts_on="2026-01-04", starts_at="02:00", duration_minutes=60
        ),
    ]

    assert [row.slug for row in made] == [
        "on-call",
        "on-call-everything",
        "on-call-expiry",
        "on-call-everything-2",
        "web-shop",
        "ghcr.io-team-project",
        "ghcr.io-team-project-from-eu-west",
        "the-robot",
        "sunday-s-upgrade",
    ]


def test_name_that_is_taken_gets_a_number(now: datetime) -> None:
    made = [resources.save(Resource(reference="ghcr.io/org/app:1"), now=now).slug for _ in range(3)]

    assert made == ["ghcr.io-org-app-1", "ghcr.io-org-app-1-2", "ghcr.io-org-app-1-3"]


def test_name_stays_when_what_it_was_made_of_changes(now: datetime) -> None:
    row = resources.save(Resource(reference="ghcr.io/org/app:1"), now=now)
    row.reference, row.name = "ghcr.io/org/app:2", "App"

    assert resources.save(row, now=now).slug == "ghcr.io-org-app-1"


def test_name_that_is_emptied_is_the_one_that_was(now: datetime) -> None:
    row = resources.save(Resource(reference="ghcr.io/org/app:1"), now=now)
    row.slug = ""

    assert resources.save(row, now=now).slug == "ghcr.io-org-app-1"


def test_name_can_be_changed_by_who_wants_to(now: datetime) -> None:
    row = resources.save(Resource(reference="ghcr.io/org/app:1"), now=now)
    row.slug = "app"
    resources.save(row, now=now)

    assert Resource.objects.get().slug == "app"


def test_name_that_is_given_twice_is_refused_by_field(now: datetime) -> None:
    resources.save(Resource(reference="ghcr.io/org/app:1", slug="app"), now=now)

    with pytest.raises(ValidationError) as refused:
        resources.save(Resource(reference="ghcr.io/org/app:2", slug="app"), now=now)

    assert refused.value.message_dict == {"slug": ["This stable name is taken."]}


@pytest.mark.parametrize("slug", ["App", "-app", "app.", "a/b", "ä", "app\n", " app", "a" * 101])
def test_name_that_is_none_is_refused_by_field(slug: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ResourceGroup(name="Shop", slug=slug).full_clean()

    assert set(refused.value.message_dict) == {"slug"}


@pytest.mark.parametrize("slug", ["App", "app\n", "app."])
def test_database_refuses_what_is_no_name(slug: str) -> None:
    with pytest.raises(IntegrityError, match="resourcegroup_slug_is_stable"):
        ResourceGroup.objects.create(name="Shop", slug=slug)


def test_rows_that_are_stored_in_bulk_have_a_name_each() -> None:
    ResourceGroup.objects.bulk_create(ResourceGroup(name=f"Shop{mark}") for mark in "!?")
    ResourceGroup.objects.bulk_create([ResourceGroup(name="Given", slug="given")])

    *made, given = sorted(ResourceGroup.objects.values_list("slug", flat=True), key=lambda slug: slug == "given")
    assert all(slug.startswith("shop-") for slug in made)
    assert (len(set(made)), given) == (2, "given")


def test_what_is_stored_past_django_has_a_name_as_well() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO probes_resourcegroup (name, notes) VALUES ('Old', '')")

    assert len(ResourceGroup.objects.get().slug) == 36


def test_row_that_is_read_in_part_is_stored_in_part() -> None:
    ResourceGroup.objects.create(name="Shop")
    row = ResourceGroup.objects.only("notes").get()
    row.notes = "ours"
    row.save(update_fields=["notes"])

    assert ResourceGroup.objects.values_list("slug", "notes").get() == ("shop", "ours")
