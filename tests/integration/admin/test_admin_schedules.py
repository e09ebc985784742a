"""Schedules, policies and sources in the admin, and what of a list is chosen by them."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from probes.actions import staleness
from probes.models import Policy, Resource, Schedule, Source
from tests.fakes.control_plane import ControlPlane
from tests.integration.admin.pages import ADMIN, shown

NO_TERMS = dict.fromkeys(
    ("quorum_votes", "quorum_percent", "minimum_votes", "failures", "recoveries", "fresh_intervals", "severity"), ""
) | {"degraded_after_seconds": "", "uptime_target_percent": ""}


def test_schedule_is_made_and_shown(client: Client, db: None) -> None:
    given = {"name": "Office hours", "slug": "", "interval_seconds": "", "crontab": "0 7-19 * * mon-fri"}
    client.post(f"{ADMIN}/schedule/add/", {**given, "zone": "Europe/Berlin"})

    assert Schedule.objects.get().slug == "office-hours"
    assert "0 7-19 * * mon-fri, Europe/Berlin" in shown(client, f"{ADMIN}/schedule/")


def test_bad_crontab_is_refused_beside_its_field(client: Client, db: None) -> None:
    given = {"name": "Bad", "slug": "", "interval_seconds": "", "crontab": "61 * * * *", "zone": "UTC"}
    page = client.post(f"{ADMIN}/schedule/add/", given)

    assert "crontab" in page.context["adminform"].form.errors
    assert not Schedule.objects.exists()


def test_policy_is_made_and_its_resources_are_counted(client: Client, plane: ControlPlane) -> None:
    client.post(f"{ADMIN}/policy/add/", {"name": "Strict", "slug": "", "notes": "", **NO_TERMS, "failures": "1"})
    plane.image(policy=Policy.objects.get())

    assert Policy.objects.get().failures == 1
    assert "Strict 1 strict" in shown(client, f"{ADMIN}/policy/")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("schedule__id__exact={schedule}", {"b"}),
        ("policy__id__exact={policy}", {"c"}),
        ("managed_by__id__exact={source}", {"d"}),
        ("listed=stale", {"d"}),
        ("listed=retired", {"e"}),
        ("schedule=paused&listed=all", {"e"}),
    ],
)
def test_resources_are_chosen_by_what_they_take(
    client: Client, plane: ControlPlane, query: str, found: set[str]
) -> None:
    schedule = Schedule.objects.create(name="Slow", interval_seconds=3600)
    policy, source = Policy.objects.create(name="Strict"), Source.objects.create(name="Files")
    taken: dict[str, dict[str, Any]] = {
        "a": {},
        "b": {"schedule": schedule},
        "c": {"policy": policy},
        "d": {"managed_by": source},
        "e": {},
    }
    rows = {name: plane.image(f"ghcr.io/org/{name}:1", name=name, **values) for name, values in taken.items()}
    staleness.mark_stale([rows["d"].pk, rows["e"].pk], now=timezone.now() - timedelta(days=1))
    staleness.retire([rows["e"].pk], now=timezone.now())

    page = client.get(f"{ADMIN}/resource/?{query.format(schedule=schedule.pk, policy=policy.pk, source=source.pk)}")

    assert {row.name for row in page.context["cl"].result_list} == found
    assert Resource.objects.count() == 5


def test_source_tells_what_it_manages_and_leaves_it_when_it_is_deleted(client: Client, plane: ControlPlane) -> None:
    source, unused = Source.objects.create(name="Git"), Source.objects.create(name="Cluster")
    images = [plane.image(f"ghcr.io/org/app:{number}", managed_by=source) for number in range(3)]
    staleness.mark_stale([image.pk for image in images[:2]], now=plane.now)
    staleness.retire([images[0].pk], now=plane.now)
    page = shown(client, f"{ADMIN}/source/")
    assert "3 , of which 1 stale, 1 retired" in page
    assert "none yet" in shown(client, f"{ADMIN}/source/{unused.pk}/change/")
    client.post(f"{ADMIN}/source/{source.pk}/delete/", {"post": "yes"})
    assert not Resource.objects.filter(stale_at__isnull=False, retired_at=None).exists()
    client.post(f"{ADMIN}/source/", {"action": "delete_selected", "_selected_action": [unused.pk], "post": "yes"})
    assert (Source.objects.count(), Resource.objects.count()) == (0, 3)
