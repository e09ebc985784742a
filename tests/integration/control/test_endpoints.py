"""Endpoints in the control plane: made, planned, handed out, and taken in like images."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from probes.actions import dispatch, resources, secrets
from probes.actions.ingest import ingest
from probes.edge.keyring import Keyring
from probes.models import Credential, Endpoint, MissedSlots, Outcome, RegionState, Registry, Resource, ResourceKind
from probes.policy.slots import MissedCause
from probes.protocol.batch import MAX_BATCH_BYTES
from probes.protocol.check import target_of
from probes.protocol.endpoint import EndpointPlan, Expectation, problems
from probes.protocol.taxonomy import Reason
from probes.selectors.outcomes import document_of
from tests.fakes.far_region import FarRegion, finding
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.control.test_versions import hear

pytestmark = pytest.mark.django_db

URL = "https://api.example:8443/v1/health?token=hush"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def made(now: datetime, *, url: str = URL, resource: dict[str, Any] | None = None, **detail: Any) -> Resource:
    row = Resource(kind=ResourceKind.ENDPOINT, reference=url, **(resource or {}))
    return resources.save(row, endpoint=Endpoint(**detail), now=now)


def refusal(now: datetime, **values: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as error:
        made(now, **values)
    assert not Resource.objects.exists()
    return error.value.message_dict


def hear_all(regions: Regions, now: datetime, speaks: tuple[int, ...] = (1, 2, 3)) -> None:
    for region in regions.values():
        hear(region, at=now, speaks=speaks)


def handed_out(regions: Regions, now: datetime) -> dict[str, Any]:
    """Return the batches of what is due, by region."""
    messages = dispatch.claim_due(now).messages
    return {
        slug: region.open(message)
        for message in messages
        for slug, region in regions.items()
        if message.queue == f"probe.{slug}"
    }


def keyed(registry: str, now: datetime, keys_file: Path, prefix: str = "", **login: str) -> Credential:
    row, _ = Registry.objects.get_or_create(host=registry)
    credential = Credential(registry=row, repository_prefix=prefix, username="robot" if "password" in login else "")
    secrets.store_secret(credential, **login, now=now)
    return credential


class TestMaking:
    def test_url_says_whose_settings_it_goes_by(self, now: datetime) -> None:
        endpoint = made(now)
        assert (endpoint.registry.host, endpoint.repository, endpoint.tag, endpoint.digest) == (
            "api.example:8443",
            "",
            "",
            "",
        )
        assert (endpoint.next_due_at, endpoint.reference) == (now, URL)

    def test_what_is_shown_of_the_url_has_no_query_values(self, now: datetime) -> None:
        """H21."""
        endpoint = made(now)
        assert endpoint.canonical == endpoint.shown_reference == str(endpoint) == URL.replace("hush", "…")

    def test_without_a_detail_it_is_a_plain_get(self, now: datetime) -> None:
        endpoint = resources.save(Resource(kind="http", reference=URL), now=now)
        assert endpoint.endpoint.plan() == EndpointPlan(url=URL)

    @pytest.mark.parametrize(
        ("values", "field", "message"),
        [
            ({"url": "https://user:pw@api.example/"}, "reference", "The URL holds a user name."),
            ({"url": "api.example/health"}, "reference", "The URL is neither https nor http."),
            ({"statuses": "2xx"}, "statuses", "'2xx' is no status"),
            ({"matches": "(a"}, "matches", "Missing ): (a."),
            ({"json_path": "$..a"}, "json_path", "Not understood: ..a (at character 2)."),
            ({"json_equals": "1"}, "json_equals", "Say by a JSON path what is to equal it."),
            ({"headers": {"Authorization": "Basic x"}}, "headers", "Authorization would be stored in clear"),
            ({"headers": ["Accept"]}, "headers", "Write an object of texts."),
            ({"headers": {"Accept": 1}}, "headers", "Write an object of texts."),
            ({"method": "BREW"}, "method", "Value 'BREW' is not a valid choice."),
            ({"body": "x"}, "body", "A GET has no body."),
            ({"latency_ms": 120_001}, "latency_ms", "From 0 to 120000."),
            ({"resource": {"interval_seconds": 0}}, "interval_seconds", "From"),
        ],
    )
    def test_what_cannot_be_checked_is_refused_by_field(
        self, now: datetime, values: dict[str, Any], field: str, message: str
    ) -> None:
        """H1."""
        errors = refusal(now, **values)
        assert list(errors) == [field]
        assert errors[field][0].startswith(message)

    def test_everything_that_is_wrong_is_said_at_once(self, now: datetime) -> None:
        """H1."""
        errors = refusal(now, url="https://api.example/#top", statuses="no", login_header="Host")
        assert set(errors) == {"reference", "statuses", "login_header"}

    def test_image_does_not_become_an_endpoint(self, now: datetime, make_images: MakeImages) -> None:
        (image,) = make_images()
        image.kind = ResourceKind.ENDPOINT
        with pytest.raises(ValidationError, match="does not become"):
            resources.save(image, now=now)

    @pytest.mark.parametrize(
        ("url", "host", "prefix", "login", "message"),
        [
            (URL, "api.example", "", {"password": "x"}, "This credential is for api.example, the endpoint is at"),
            (URL, "api.example:8443", "v2", {"password": "x"}, "This credential is for paths under v2."),
            (URL, "api.example:8443", "", {"identity_token": "x"}, "An endpoint takes a user name and password"),
            ("http://api.example/", "api.example", "", {"bearer": "x"}, "It would be readable on the way"),
        ],
    )
    def test_credential_that_may_not_be_used_is_refused(
        self,
        now: datetime,
        keys_file: Path,
        url: str,
        host: str,
        prefix: str,
        login: dict[str, str],
        message: str,
    ) -> None:
        """H11, H22."""
        credential = keyed(host, now, keys_file, prefix, **login)
        errors = refusal(now, url=url, resource={"credential": credential})
        assert errors["credential"][0].startswith(message)

    def test_credential_over_plain_http_needs_the_hosts_consent(self, now: datetime, keys_file: Path) -> None:
        """H22."""
        credential = keyed("api.example", now, keys_file, bearer="x")
        Registry.objects.update(plain_http=True)
        credential.refresh_from_db()
        assert made(now, url="http://api.example/", resource={"credential": credential}).credential == credential

    def test_host_of_one_label_is_one_for_an_endpoint(self, now: datetime) -> None:
        endpoint = made(now, url="http://web/health")
        endpoint.registry.allow_cidrs = ["10.0.0.0/8"]
        endpoint.registry.full_clean()
        with pytest.raises(ValidationError, match="A reference to this registry names it"):
            Registry(host="another").full_clean()

    def test_database_knows_the_kinds_and_methods(self, now: datetime) -> None:
        made(now)
        with pytest.raises(IntegrityError, match="resource_kind_is_known"), transaction.atomic():
            Resource.objects.update(kind="tcp")
        with pytest.raises(IntegrityError, match="endpoint_method_is_known"), transaction.atomic():
            Endpoint.objects.update(method="BREW")
        with pytest.raises(IntegrityError, match="endpoint_tls_is_known"), transaction.atomic():
            Endpoint.objects.update(tls_minimum="1.0")

    def test_detail_goes_with_its_resource(self, now: datetime) -> None:
        resources.delete([made(now).pk], now=now)
        assert not Endpoint.objects.exists()


class TestChanging:
    def test_other_expectations_are_checked_at_once_and_forget_nothing(self, now: datetime, regions: Regions) -> None:
        hear_all(regions, now)
        endpoint = made(now, resource={"interval_seconds": 3600})
        for slug, batch in handed_out(regions, now).items():
            ingest(regions[slug].report(batch), now=now)
        endpoint.refresh_from_db()
        assert endpoint.next_due_at > now
        resources.save(endpoint, endpoint=Endpoint(contains="ok"), now=now + MINUTE)
        assert (endpoint.next_due_at, RegionState.objects.count()) == (now + MINUTE, 3)
        assert Endpoint.objects.get().contains == "ok"

    def test_saving_it_as_it_is_changes_no_schedule(self, now: datetime) -> None:
        endpoint = made(now, contains="ok")
        Resource.objects.update(next_due_at=now + MINUTE)
        resources.save(endpoint, now=now)
        assert (endpoint.next_due_at, Endpoint.objects.get().contains) == (now + MINUTE, "ok")

    def test_another_url_is_another_endpoint(self, now: datetime, regions: Regions) -> None:
        hear_all(regions, now)
        endpoint = made(now)
        for slug, batch in handed_out(regions, now).items():
            ingest(regions[slug].report(batch), now=now)
        endpoint.refresh_from_db()
        endpoint.reference = URL.replace("health", "ready")
        resources.save(endpoint, now=now + MINUTE)
        assert (endpoint.reference_since, RegionState.objects.count()) == (now + MINUTE, 0)


class TestPlanning:
    def test_plan_asks_for_what_was_set_up(self, now: datetime, regions: Regions) -> None:
        hear_all(regions, now)
        endpoint = made(
            now,
            method="POST",
            headers={"Accept": "application/json"},
            body="{}",
            follow_redirects=False,
            statuses="200",
            json_path="$.status",
            json_equals='"ok"',
            latency_ms=800,
            certificate_days=14,
            tls_minimum="1.3",
            resource={"interval_seconds": 20},
        )
        Registry.objects.update(allow_cidrs=["10.0.0.0/8"])
        (plan,) = handed_out(regions, now)["eu-west"].plans
        assert isinstance(plan, EndpointPlan)
        assert problems(plan) == {}
        assert (plan.url, plan.method, plan.headers, plan.body) == (
            URL,
            "POST",
            (("Accept", "application/json"),),
            "{}",
        )
        assert plan.expect == Expectation(
            statuses="200", json_path="$.status", json_equals='"ok"', latency_ms=800, certificate_days=14
        )
        assert (plan.follow_redirects, plan.tls_minimum, plan.site.allow_cidrs) == (False, "1.3", ("10.0.0.0/8",))
        assert (plan.key, datetime.fromisoformat(plan.slot), plan.timeout_seconds) == (str(endpoint.pk), now, 16.0)

    def test_images_and_endpoints_share_batches(
        self, now: datetime, regions: Regions, make_images: MakeImages
    ) -> None:
        hear_all(regions, now)
        make_images()
        made(now)
        batches = handed_out(regions, now)
        assert batches.keys() == regions.keys()
        assert [sorted(plan.kind for plan in batch.plans) for batch in batches.values()] == [["http", "image"]] * 3

    def test_heavy_bodies_are_spread_over_batches(self, now: datetime, regions: Regions) -> None:
        hear_all(regions, now)
        for number in range(40):
            made(now, url=f"https://api.example/{number}", method="POST", body="ä" * 32_000)
        messages = [item for item in dispatch.claim_due(now).messages if item.queue == "probe.eu-west"]
        assert len(messages) > 4
        assert sum(message.checks for message in messages) == 40
        assert all(len(message.envelope["body"]) < MAX_BATCH_BYTES // 2 for message in messages)

    def test_credential_goes_only_where_it_was_chosen(self, now: datetime, regions: Regions, keys_file: Path) -> None:
        """H11, H22: a registry's login is not shown to whatever else is on its host."""
        hear_all(regions, now)
        credential = keyed("api.example:8443", now, keys_file, "v1", password="swordfish")
        made(now)
        chosen = made(now, resource={"credential": credential})
        region = regions["eu-west"]
        batch = handed_out(regions, now)["eu-west"]
        keyring = Keyring(batch.secrets, region.keys.box_keys)
        shown = {plan.key: keyring.secret_for(plan, target_of(plan)).password for plan in batch.plans}
        assert [password for key, password in shown.items() if key == str(chosen.pk)] == ["swordfish"]
        assert sorted(shown.values()) == ["", "swordfish"]
        assert "swordfish" not in json.dumps(batch.to_json())


class TestVersions:
    def test_region_with_an_old_worker_is_handed_none_and_that_is_recorded(
        self, now: datetime, regions: Regions, make_images: MakeImages
    ) -> None:
        """H20."""
        hear_all(regions, now)
        hear(regions["us-east"], at=now, speaks=(1, 2), worker="00000000-0000-0000-0000-000000000001")
        make_images(interval_seconds=60)
        endpoint = made(now, resource={"interval_seconds": 60})
        batches = handed_out(regions, now)
        assert {slug: len(batch.plans) for slug, batch in batches.items()} == {
            "ap-south": 2,
            "eu-west": 2,
            "us-east": 1,
        }
        missed = MissedSlots.objects.get()
        assert (missed.cause, missed.resource, missed.region.slug if missed.region else None, missed.count) == (
            MissedCause.OUTDATED,
            endpoint,
            "us-east",
            1,
        )

    def test_record_grows_while_the_worker_stays_old(self, now: datetime, regions: Regions) -> None:
        """H20."""
        endpoint = made(now, resource={"interval_seconds": 60})
        for _ in range(3):
            endpoint.refresh_from_db()
            hear_all(regions, endpoint.next_due_at, speaks=(1, 2))
            assert dispatch.claim_due(endpoint.next_due_at).messages == []
        assert [(row.cause, row.count) for row in MissedSlots.objects.all()] == [(MissedCause.OUTDATED, 3)] * 3

    def test_check_by_hand_goes_where_it_can_be_read(self, now: datetime, regions: Regions) -> None:
        """H20."""
        endpoint = made(now)
        assert dispatch.check_now([endpoint.pk], now=now).messages == []
        hear(regions["eu-west"], at=now, speaks=(2, 3))
        (message,) = dispatch.check_now([endpoint.pk], now=now).messages
        assert message.queue == "probe.eu-west"

    def test_returned_check_goes_to_no_worker_that_became_old(self, now: datetime, regions: Regions) -> None:
        """H20."""
        endpoint = made(now)
        region = regions["eu-west"]
        hear(region, at=now, speaks=(1, 2, 3))
        (message,) = dispatch.check_now([endpoint.pk], ["eu-west"], now=now).messages
        batch = region.open(message)
        hear(region, at=now + SECOND, speaks=(1, 2), worker="00000000-0000-0000-0000-000000000001")
        done = ingest(region.report(batch, returned=batch.plans), now=now + SECOND)
        assert (done.messages, MissedSlots.objects.get().cause) == ([], MissedCause.LOST)


def test_outcome_is_taken_in_and_told_like_an_images(now: datetime, regions: Regions) -> None:
    hear_all(regions, now)
    endpoint = made(now)
    slow = finding(Reason.ENDPOINT_SLOW)
    for slug, batch in handed_out(regions, now).items():
        region: FarRegion = regions[slug]
        ingest(region.report(batch, slow if slug == "us-east" else None), now=now)
    rows = {row.region.slug: row for row in Outcome.objects.select_related("resource__registry", "region")}
    assert {slug: row.reason for slug, row in rows.items()} == {
        "ap-south": "ok",
        "eu-west": "ok",
        "us-east": "endpoint_slow",
    }
    assert (rows["us-east"].stage, rows["us-east"].depth, rows["us-east"].digest) == ("request", None, None)
    plain = rows["eu-west"]
    plain.document = None
    shown = document_of(plain)
    assert (shown["kind"], shown["reference"]) == ("http", endpoint.shown_reference)
    assert "hush" not in json.dumps([document_of(row) for row in rows.values()])
