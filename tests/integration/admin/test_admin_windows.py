"""Windows on what the machinery writes: read, never counted, never changed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from probes.actions import events, refusals, runs
from probes.models import (
    Event,
    HostCertificate,
    MessageRefusal,
    MissedSlots,
    Outcome,
    RegionState,
    Resource,
    Run,
    Verdict,
)
from probes.policy.slots import MissedCause
from probes.policy.tag_events import Tagged, of_move
from probes.policy.tags import Move
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Certificate, PlatformResult, RateLimit
from probes.protocol.outcome import Outcome as Found
from probes.protocol.taxonomy import Reason, Stage, Status, Warn
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding, found
from tests.fakes.steps import reused, step
from tests.integration.admin.pages import ADMIN, shown, text_of

pytestmark = pytest.mark.django_db

WINDOWS: dict[str, Any] = {
    "outcome": Outcome,
    "regionstate": RegionState,
    "verdict": Verdict,
    "missedslots": MissedSlots,
    "messagerefusal": MessageRefusal,
    "event": Event,
    "hostcertificate": HostCertificate,
    "run": Run,
}


@pytest.fixture
def written(plane: ControlPlane) -> ControlPlane:
    """A control plane in which each window has something to show."""
    image = plane.image(name="the app")
    plane.check(image, finds={"us-east": finding(Reason.TAG_NOT_FOUND)})
    MissedSlots.objects.create(
        resource=image, first_slot=plane.now, last_slot=plane.now, cause=MissedCause.DOWNTIME.value
    )
    refusals.count("results", "unsigned", "<b>no signature</b>", now=plane.now)
    happen(plane, image)
    return plane


MOVED = "sha256:" + "b" * 64


def happen(plane: ControlPlane, *images: Resource) -> None:
    """Let the tag of each have moved, a certificate be known for its registry, and a check of it be ordered."""
    for image in images:
        runs.check([image.pk], ["eu-west"], now=plane.now)
        move = Move(before="sha256:" + "a" * 64, after=MOVED, region="eu-west", at=plane.now)
        events.record([of_move(Tagged(resource=image.pk, name=image.canonical), move)], now=plane.now)
        HostCertificate.objects.get_or_create(
            registry=image.registry,
            region=plane.region("eu-west"),
            host="cdn.example",
            defaults={
                "not_after": plane.now + timedelta(days=90),
                "issuer": "Example <b>CA</b>",
                "first_seen_at": plane.now,
                "seen_at": plane.now,
            },
        )


def row_of(model: Any) -> Any:
    row = model.objects.first()
    assert row is not None
    return row


def test_window_shows_its_rows(client: Client, written: ControlPlane) -> None:
    for name, model in WINDOWS.items():
        row = row_of(model)
        assert "Page 1" in shown(client, f"{ADMIN}/{name}/"), name
        assert f"{ADMIN}/{name}/{row.pk}/change/" in client.get(f"{ADMIN}/{name}/").content.decode()
        shown(client, f"{ADMIN}/{name}/{row.pk}/change/")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("outcome", "the app from ap-south, 20"),
        ("regionstate", "the app from ap-south"),
        ("verdict", "the app: degraded"),
        ("missedslots", "the app: 1 slots, downtime"),
    ],
)
def test_page_is_called_by_names_and_not_by_keys(
    client: Client, written: ControlPlane, name: str, title: str
) -> None:
    here = {"region": written.region("ap-south")} if name in ("outcome", "regionstate") else {}
    row = WINDOWS[name].objects.get(**here)
    page = shown(client, f"{ADMIN}/{name}/{row.pk}/change/")
    assert page.startswith(title)
    assert page.count(title) == 3  # in the tab, the way back and the heading


def test_events_and_certificates_are_told_in_a_line(client: Client, written: ControlPlane) -> None:
    told = "tag_moved info the app ghcr.io/org/app:1 moved from sha256:aaaaaaaaaaaa to sha256:bbbbbbbbbbbb,"
    assert told in shown(client, f"{ADMIN}/event/")
    assert (
        f"<dt>after</dt><dd>{MOVED}</dd>" in client.get(f"{ADMIN}/event/{row_of(Event).pk}/change/").content.decode()
    )
    assert "Example <b>CA</b>" in shown(client, f"{ADMIN}/hostcertificate/")


def test_run_tells_what_became_of_each_check(client: Client, written: ControlPlane) -> None:
    run = row_of(Run)
    page = shown(client, f"{ADMIN}/run/{run.pk}/change/")
    assert "the app eu-west ? no answer in time" in page  # its time is over
    line = shown(client, f"{ADMIN}/run/")
    assert "1 missed" in line


def test_outcomes_are_told_in_a_line(client: Client, written: ControlPlane) -> None:
    page = shown(client, f"{ADMIN}/outcome/")
    assert "the app us-east ✗ unavailable tag_not_found manifest at ghcr.io — 12 ms" in page
    assert "the app eu-west ✓ available ok platform 12 ms" in page


def test_window_lets_nothing_be_changed(client: Client, written: ControlPlane) -> None:
    for name, model in WINDOWS.items():
        row = row_of(model)
        before = model.objects.filter(pk=row.pk).values().get()
        assert client.get(f"{ADMIN}/{name}/add/").status_code == 403, name
        assert client.post(f"{ADMIN}/{name}/{row.pk}/delete/", {"post": "yes"}).status_code == 403, name
        assert client.post(f"{ADMIN}/{name}/{row.pk}/change/", {"reason": "ok", "count": "0"}).status_code == 403, (
            name
        )
        client.post(f"{ADMIN}/{name}/", {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
        assert model.objects.filter(pk=row.pk).values().get() == before
        page = client.get(f"{ADMIN}/{name}/{row.pk}/change/").content.decode()
        assert 'type="submit"' not in page.split("content-main")[1], name


def test_window_takes_the_same_queries_for_many_as_for_few_and_counts_nothing(
    client: Client, written: ControlPlane
) -> None:
    def statements(name: str) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            shown(client, f"{ADMIN}/{name}/")
        return [query["sql"] for query in captured]

    few = {name: statements(name) for name in WINDOWS}
    images = [written.image(f"quay.io/org/app-{number}:1") for number in range(12)]
    written.check(*images)
    for number, image in enumerate(images):
        MissedSlots.objects.create(
            resource=image, first_slot=written.now, last_slot=written.now, cause=MissedCause.DOWNTIME.value
        )
        refusals.count("results", f"cause-{number}", "", now=written.now)
    happen(written, *images)
    for name in WINDOWS:
        many = statements(name)
        assert len(many) == len(few[name]) <= 6, name
        # The checks of the runs on a page are counted, and these alone.
        counting = [statement for statement in many if "COUNT(" in statement]
        assert all('"probes_runcheck"."run_id" IN (' in statement for statement in counting), name


NARROWED: Final = {
    "": 6,
    "status__exact=unavailable": 2,
    "within=1h": 6,
    "within=1h&status__exact=available": 4,
    "resource=0": 0,
    "resource=x": 0,
    "resource=99999999999999999999": 0,
}


def test_outcomes_are_narrowed(client: Client, written: ControlPlane) -> None:
    image = written.image("quay.io/org/other:1")
    written.check(image, finds={"eu-west": finding(Reason.TAG_NOT_FOUND)})
    for query, count in NARROWED.items():
        rows = client.get(f"{ADMIN}/outcome/?{query}").context["cl"].result_list
        assert len(rows) == count, query
    chosen = client.get(f"{ADMIN}/outcome/?resource={image.pk}")
    assert {row.resource_id for row in chosen.context["cl"].result_list} == {image.pk}
    assert "quay.io/org/other:1" in chosen.content.decode()
    here = client.get(f"{ADMIN}/outcome/?region__id__exact={written.region('eu-west').pk}")
    assert {row.region.slug for row in here.context["cl"].result_list} == {"eu-west"}


def test_outcomes_are_paged_newest_first(client: Client, plane: ControlPlane) -> None:
    images = [plane.image(f"quay.io/org/app-{number}:1") for number in range(18)]
    plane.check(*images)
    first = client.get(f"{ADMIN}/outcome/?status__exact=available")
    assert "Older →" in first.content.decode()
    assert "?status__exact=available&amp;p=2" in first.content.decode()
    second = client.get(f"{ADMIN}/outcome/?p=2")
    assert "← Newer" in second.content.decode()
    assert "Older →" not in second.content.decode()
    ids = [row.pk for page in (first, second) for row in page.context["cl"].result_list]
    assert ids == list(Outcome.objects.order_by("-slot", "-id").values_list("pk", flat=True))
    for page in ("0", "-1", "201"):
        assert client.get(f"{ADMIN}/outcome/?p={page}").status_code == 302


def test_outcome_is_a_ladder_of_steps(client: Client, plane: ControlPlane) -> None:
    plane.check(plane.image(), finds=dict.fromkeys(plane.regions, hostile))
    for name in ("outcome", "regionstate"):
        response = client.get(f"{ADMIN}/{name}/{row_of(WINDOWS[name]).pk}/change/")
        page = shown(client, response.request["PATH_INFO"])
        assert "1 GET manifest https://ghcr.io/v2/org/app/manifests/1 ghcr.io 192.0.2.7 200 new 12.3 5.0" in page
        assert "2 GET layer" in page
        assert "404 reused 1.5 5.0 97 layer_missing : <script>alert(1)</script>" in page
        assert "linux/amd64 ✗ unavailable layer_missing" in page
        assert "tls_expiring , pull_quota_low" in page
        assert "7 of 100 in 21600 s, counted for <script>alert(2)</script>" in page
        assert "2 requests, 1 attempt, 197 bytes" in page
        assert "Re-push it &amp; restore." in response.content.decode()
        assert "<script>alert" not in response.content.decode()


def test_outcome_without_a_document_says_so(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image)
    plane.check(image)
    summary = Outcome.objects.filter(document__isnull=True).first()
    assert summary is not None
    assert "Only the summary above was kept" in shown(client, f"{ADMIN}/outcome/{summary.pk}/change/")


def test_check_that_sent_nothing_has_no_rung(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds=dict.fromkeys(plane.regions, finding(Reason.INTERNAL_ERROR)))
    page = shown(client, f"{ADMIN}/outcome/{row_of(Outcome).pk}/change/")
    assert "No packet was sent." in page
    assert "? indeterminate internal_error" in page


def test_platform_that_is_missing_is_nobodys_exchange(client: Client, plane: ControlPlane) -> None:
    def find(plan: CheckPlan) -> Found:
        outcome = hostile(plan)
        return replace(
            outcome,
            conclusion=replace(
                outcome.conclusion, reason=Reason.PLATFORM_MISSING, stage=Stage.INDEX, detail="linux/arm64"
            ),
            steps=outcome.steps[:1],
        )

    plane.check(plane.image(), finds=dict.fromkeys(plane.regions, find))
    response = client.get(f"{ADMIN}/outcome/{row_of(Outcome).pk}/change/")
    assert "platform_missing : linux/arm64 Re-push it" in text_of(response)
    assert "kairos-failed" not in response.content.decode()


def test_verdict_tells_how_it_came_about(client: Client, written: ControlPlane) -> None:
    verdict = row_of(Verdict)
    assert "1 of 3 failing" in shown(client, f"{ADMIN}/verdict/")
    written.check(verdict.resource, finds={"eu-west": finding(Reason.RATE_LIMITED)})
    page = shown(client, f"{ADMIN}/verdict/{verdict.pk}/change/")
    assert "0 of 2 failing; left out: eu-west indeterminate" in page
    assert "eu-west good" in page
    assert "? indeterminate rate_limited" in page
    assert "no: indeterminate" in page


def test_refusal_shows_foreign_text_as_text(client: Client, written: ControlPlane) -> None:
    assert "<b>no signature</b>" in shown(client, f"{ADMIN}/messagerefusal/")
    assert b"<b>no signature</b>" not in client.get(f"{ADMIN}/messagerefusal/").content


def hostile(plan: CheckPlan) -> Found:
    """What a registry could answer whose operator would like to be in our admin."""
    outcome = found(plan, Reason.LAYER_MISSING, Stage.LAYER)
    layer = reused(
        stage=Stage.LAYER,
        url="https://ghcr.io/v2/org/app/blobs/sha256:0?<script>alert(3)</script>",
        http_status=404,
        total_ms=5.0,
        bytes=97,
    )
    platform = PlatformResult(
        platform="linux/amd64", digest=None, status=Status.UNAVAILABLE, reason=Reason.LAYER_MISSING
    )
    return replace(
        outcome,
        conclusion=replace(
            outcome.conclusion,
            platforms=(platform,),
            warnings=(Warn.TLS_EXPIRING, Warn.PULL_QUOTA_LOW),
            hint="Re-push it & restore.",
            detail="<script>alert(1)</script>",
            retry_at=outcome.started_at,
            rate_limit=RateLimit(limit=100, remaining=7, window_seconds=21600, source="<script>alert(2)</script>"),
        ),
        requests=2,
        bytes_read=197,
        certificates=(Certificate(host="ghcr.io", not_after=outcome.started_at, issuer="<script>alert(4)</script>"),),
        steps=(step(), layer),
    )
