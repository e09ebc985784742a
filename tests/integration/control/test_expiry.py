"""Certificates and logins that will soon expire: told of by the hour, from what regions met and what is stored."""

import asyncio
import base64
import ssl
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from django.db import connection
from django.test.utils import CaptureQueriesContext

from probes import tasks
from probes.actions import certificates, dispatch, expiry, retention, secrets
from probes.actions.ingest import ingest
from probes.models import Credential, Event, HostCertificate, Registry, Resource
from probes.policy import expiry as policy
from probes.policy.happenings import Happening
from probes.protocol.batch import Report
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Certificate, Outcome, rfc3339
from probes.trust.envelope import Kind
from tests.fakes.client_certificates import Pasted
from tests.fakes.far_engine import findings_of
from tests.fakes.far_region import Find, found
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.wire.peer import peer_that
from tests.integration.wire.small_registry import SmallRegistry

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def showing(*hosts: tuple[str, datetime], issuer: str = "Example CA", at: datetime) -> Find:
    """Return a `find` at that time: each host shows a certificate until then."""

    def find(plan: CheckPlan) -> Outcome:
        met = tuple(Certificate(host=host, not_after=not_after, issuer=issuer) for host, not_after in hosts)
        return replace(found(plan), certificates=met, started_at=at)

    return find


class Meeting:
    """Images that are checked from everywhere, and the certificates that are met on the way."""

    def __init__(self, regions: Regions, images: Sequence[Resource], now: datetime) -> None:
        self.regions, self.images, self.now = regions, images, now

    def meet(
        self, *hosts: tuple[str, datetime], issuer: str = "Example CA", regions: Sequence[str] | None = None
    ) -> None:
        self.now += MINUTE
        asked = dispatch.check_now([image.pk for image in self.images], now=self.now)
        for message in asked.messages:
            region = self.regions[message.queue.removeprefix("probe.")]
            if regions is None or region.slug in regions:
                find = showing(*hosts, issuer=issuer, at=self.now)
                ingest(region.report(region.open(message), find), now=self.now)

    def pass_by(self, wait: timedelta) -> list[str]:
        """Let hours pass, each with its look and a check; return what was told."""
        told: list[str] = []
        until = self.now + wait
        hosts = {row.host: row.not_after for row in HostCertificate.objects.all()}
        while self.now < until:
            self.now += HOUR
            HostCertificate.objects.update(seen_at=self.now)
            told += [f"{item.kind} {item.facts['step_days']}" for item in expiry.tell(now=self.now)]
        assert hosts == {row.host: row.not_after for row in HostCertificate.objects.all()}
        return told


@pytest.fixture
def meeting(regions: Regions, make_images: MakeImages, now: datetime) -> Meeting:
    return Meeting(regions, make_images(5), now)


def test_certificate_of_a_host_is_one_event_for_all_images_and_regions(meeting: Meeting) -> None:
    end = meeting.now + 5 * DAY
    meeting.meet(("ghcr.io", end))
    (event,) = expiry.tell(now=meeting.now)
    assert (event.kind, event.severity, event.region) == ("certificate_expiring", "warning", "")
    assert event.registry == Registry.objects.get(host="ghcr.io")
    assert event.facts["regions"] == ["ap-south", "eu-west", "us-east"]
    assert event.text.startswith("The certificate of ghcr.io by Example CA expires in 5 days, on ")
    assert expiry.tell(now=meeting.now) == []


def test_certificate_is_told_of_at_each_step_and_anew_once_it_was_renewed(meeting: Meeting) -> None:
    meeting.meet(("ghcr.io", meeting.now + 31 * DAY))
    assert meeting.pass_by(32 * DAY) == [
        "certificate_expiring 30",
        "certificate_expiring 14",
        "certificate_expiring 7",
        "certificate_expiring 1",
        "certificate_expired 0",
    ]
    meeting.meet(("ghcr.io", meeting.now + 29 * DAY))
    assert meeting.pass_by(2 * HOUR) == ["certificate_expiring 30"]


def test_every_host_on_the_way_counts(meeting: Meeting) -> None:
    end = meeting.now + 5 * DAY
    meeting.meet(("ghcr.io", end), ("auth.ghcr.io", end + DAY), ("cdn.example", end + 100 * DAY))
    assert {event.facts["host"] for event in expiry.tell(now=meeting.now)} == {"ghcr.io", "auth.ghcr.io"}


def test_host_that_two_registries_lead_to_is_one_event(
    regions: Regions, make_images: MakeImages, now: datetime
) -> None:
    images = [*make_images(1), *make_images(1, reference="quay.io/org/app:1")]
    meeting = Meeting(regions, images, now)
    meeting.meet(("cdn.example", now + DAY))
    (event,) = expiry.tell(now=meeting.now)
    assert event.facts["registries"] == ["ghcr.io", "quay.io"]


def test_what_two_regions_are_shown_may_differ(meeting: Meeting) -> None:
    meeting.meet(("ghcr.io", meeting.now + 5 * DAY), regions=["eu-west"])
    meeting.meet(("ghcr.io", meeting.now + 80 * DAY), regions=["us-east"])
    (event,) = expiry.tell(now=meeting.now)
    assert event.region == "eu-west"


def test_renewed_certificate_takes_the_place_of_the_former(meeting: Meeting) -> None:
    meeting.meet(("ghcr.io", meeting.now + 31 * DAY))
    meeting.meet(("ghcr.io", meeting.now + 90 * DAY), issuer="Other CA")
    rows = HostCertificate.objects.filter(region__slug="eu-west").values_list("not_after", "issuer", "first_seen_at")
    assert list(rows) == [(meeting.now - MINUTE + 90 * DAY, "Other CA", meeting.now)]


def test_older_report_that_comes_late_brings_no_old_certificate_back(meeting: Meeting) -> None:
    asked = dispatch.check_now([meeting.images[0].pk], now=meeting.now)
    late = next(message for message in asked.messages if message.queue == "probe.eu-west")
    end = meeting.now + 90 * DAY
    meeting.meet(("ghcr.io", end))
    region = meeting.regions["eu-west"]
    find = showing(("ghcr.io", end - 80 * DAY), at=meeting.now - HOUR)
    ingest(region.report(region.open(late), find), now=meeting.now)
    assert {row.not_after for row in HostCertificate.objects.all()} == {end}


def test_certificate_that_was_not_met_for_days_may_have_been_renewed(meeting: Meeting) -> None:
    meeting.meet(("ghcr.io", meeting.now + 5 * DAY))
    assert expiry.tell(now=meeting.now + 4 * DAY) == []
    assert retention.drop_certificates(before=meeting.now - DAY) == 0
    assert retention.drop_certificates(before=meeting.now + DAY) == 3


def test_report_writes_certificates_only_on_news(meeting: Meeting) -> None:
    end = meeting.now + 90 * DAY
    meeting.meet(("ghcr.io", end))
    with CaptureQueriesContext(connection) as captured:
        meeting.meet(("ghcr.io", end))
    assert not [query for query in captured if "INTO probes_hostcertificate" in query["sql"]]
    seen = HostCertificate.objects.values_list("seen_at", flat=True)
    assert set(seen) == {meeting.now - MINUTE}
    meeting.now += 10 * MINUTE
    meeting.meet(("ghcr.io", end))
    assert set(seen.all()) == {meeting.now}


def test_registry_that_leads_to_ever_new_hosts_is_remembered_in_part(meeting: Meeting) -> None:
    end = meeting.now + DAY
    for start in (0, 50):
        meeting.meet(*((f"{number}.example", end) for number in range(start, start + 50)), regions=["eu-west"])
    assert HostCertificate.objects.count() == certificates.HOSTS_OF_A_REGISTRY
    meeting.meet(("x" * 261, end), regions=["us-east"])
    assert not HostCertificate.objects.filter(region__slug="us-east").exists()


def test_of_replicas_with_different_certificates_the_one_that_ends_first_counts(meeting: Meeting) -> None:
    end = meeting.now + 5 * DAY
    meeting.meet(("ghcr.io", end + DAY), ("ghcr.io", end), ("ghcr.io", end + 2 * DAY))
    assert {row.not_after for row in HostCertificate.objects.all()} == {end}


def test_task_tells_by_the_hour(meeting: Meeting, caplog: pytest.LogCaptureFixture) -> None:
    meeting.meet(("ghcr.io", datetime.now(UTC) + 5 * DAY))
    tasks.expiry()
    tasks.expiry()
    assert [record.getMessage() for record in caplog.records if record.name == "probes.tasks.events"] == [
        Event.objects.get().text
    ]


def test_client_certificate_is_told_of(meeting: Meeting, keys_file: Path) -> None:
    registry = Registry.objects.get(host="ghcr.io")
    shown = Pasted(not_after=datetime.now(UTC) + 6 * DAY)
    secrets.store_identity(registry, certificate=shown.certificate, key=shown.key, now=datetime.now(UTC))
    (event,) = expiry.tell(now=datetime.now(UTC))
    assert (event.kind, event.registry, event.facts["step_days"]) == ("client_certificate_expiring", registry, 7)


def test_login_is_told_of_when_its_end_is_known(meeting: Meeting, keys_file: Path) -> None:
    registry = Registry.objects.get(host="ghcr.io")
    login = Credential(registry=registry, username="robot", expires_at=meeting.now + 10 * DAY)
    login.save()
    assert expiry.tell(now=meeting.now) == []
    secrets.store_secret(login, password="wonderland", now=meeting.now)
    (event,) = expiry.tell(now=meeting.now)
    assert (event.kind, event.credential, event.severity) == ("credential_expiring", login, "warning")
    assert event.text.startswith("The credential robot at ghcr.io expires in 10 days")
    assert [item.kind for item in expiry.tell(now=meeting.now + 11 * DAY)] == ["credential_expired"]


def test_token_that_is_a_jwt_brings_its_end_along(meeting: Meeting, keys_file: Path) -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1900000000}').decode().rstrip("=")
    login = Credential(registry=Registry.objects.get(host="ghcr.io"))
    secrets.store_secret(login, bearer=f"e30.{claims}.c2ln", now=meeting.now)
    assert Credential.objects.get().expires_at == datetime.fromtimestamp(1_900_000_000, UTC)


def test_registry_that_is_gone_by_now_is_told_of_no_more(meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking and telling somebody may delete what it is about."""
    meeting.meet(("ghcr.io", meeting.now + DAY))
    told = policy.of_host

    def and_delete(shown: policy.HostCertificate, *, now: datetime) -> Happening | None:
        Resource.objects.all().delete()
        Registry.objects.all().delete()
        return told(shown, now=now)

    monkeypatch.setattr(policy, "of_host", and_delete)
    assert expiry.tell(now=meeting.now) == []
    assert not Event.objects.exists()


def test_certificate_that_a_server_shows_is_told_of(now: datetime, regions: Regions, make_images: MakeImages) -> None:
    """From a handshake of the region's engine to the event."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    end = (datetime.now(UTC) + timedelta(hours=5)).replace(microsecond=0)
    authority.issue_cert("127.0.0.1", not_after=end).configure_cert(server)
    region = regions["eu-west"]

    with asyncio.Runner() as loop:  # Django's connection is this thread's, and not for use within a loop
        held = AsyncExitStack()
        peer = loop.run(held.enter_async_context(peer_that(SmallRegistry(), server)))
        host = f"127.0.0.1:{peer.port}"
        ca_pem = authority.cert_pem.bytes().decode()
        Registry.objects.create(host=host, allow_cidrs=["127.0.0.0/8"], ca_pem=ca_pem)
        make_images(reference=f"{host}/team/app:1")
        (message,) = (item for item in dispatch.claim_due(now).messages if item.queue == "probe.eu-west")
        batch = region.open(message)
        findings = loop.run(findings_of(region, batch, now=now))
        loop.run(held.aclose())
    report = Report(batch=batch.id, region=region.slug, finished_at=now, findings=findings)
    ingest(region.sign(Kind.REPORT, report.to_json()), now=datetime.now(UTC))
    (event,) = expiry.tell(now=datetime.now(UTC))
    assert (event.kind, event.severity, event.region) == ("certificate_expiring", "critical", "eu-west")
    assert (event.facts["host"], event.facts["not_after"]) == ("127.0.0.1", rfc3339(end))
    assert event.text.startswith("The certificate of 127.0.0.1 by trustme")
    assert [item.kind for item in expiry.tell(now=end)] == ["certificate_expired"]
