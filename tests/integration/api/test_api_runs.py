"""Runs over the API: ordered, polled to their end, and by whom they are seen."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from probes.actions import probing, resources, runs, secrets
from probes.actions.ingest import ingest
from probes.actions.runs import Ordered
from probes.models import Batch, Credential, Registry, Resource, ResourceGroup, RoleGrant, Run, RunCheck
from probes.policy.access import Role, Scope
from probes.protocol.outcome import rfc3339
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.access import grant, token_of
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import Find, finding, found
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ASK = {"reference": "ghcr.io/org/app:1", "regions": ["eu-west", "us-east"]}


def be(user: User, role: Role) -> None:
    """Give a user another role over everything than the one they have."""
    RoleGrant.objects.filter(user=user, group=None).update(role=role)


@pytest.fixture
def prober(client: APIClient, reader: User) -> APIClient:
    be(reader, Role.OPERATOR)
    return client


@pytest.fixture
def operator(client: APIClient, reader: User) -> APIClient:
    be(reader, Role.OPERATOR)
    return client


def probe(client: APIClient, **changed: Any) -> Any:
    return client.post("/api/v1/probes", {**ASK, **changed}, format="json")


def sent(plane: ControlPlane, by: Any = None, *, at: datetime | None = None, **changed: Any) -> Ordered:
    return probing.probe(probing.Wanted(**{**ASK, **changed}), by=by, now=at or datetime.now(UTC))


def answer(plane: ControlPlane, ordered: Ordered, find: Find = found, *, but: str = "") -> None:
    for message in ordered.messages:
        region = plane.regions[message.queue.removeprefix("probe.")]
        if region.slug != but:
            ingest(region.report(region.open(message), find), now=datetime.now(UTC))


def test_probe_is_accepted_and_says_where_to_look(prober: APIClient, plane: ControlPlane) -> None:
    response = probe(prober)
    told = response.json()
    assert (response.status_code, told["kind"], told["verdict"], told["done"]) == (202, "probe", "unknown", False)
    assert response["Location"] == told["url"] == f"http://testserver/api/v1/runs/{told['id']}"
    assert response["Retry-After"] == "1"
    assert (told["reference"], told["regions"], told["depth"]) == (ASK["reference"], ASK["regions"], "blobs")
    assert [check["state"] for check in told["checks"]] == ["waiting", "waiting"]
    assert not Resource.objects.exists()
    assert prober.get(told["url"]).json()["counts"] == {"waiting": 2, "done": 0, "missed": 0, "refused": 0}


def test_run_is_polled_to_its_end(prober: APIClient, reader: User, plane: ControlPlane) -> None:
    ordered = sent(plane, reader)
    url = f"/api/v1/runs/{ordered.run.uuid}"
    answer(plane, ordered, but="us-east")
    half = prober.get(url).json()
    assert (half["done"], half["verdict"], half["poll_after_seconds"]) == (False, "unknown", 1)
    answer(plane, ordered, finding(Reason.LAYER_MISSING, Stage.LAYER), but="eu-west")
    response = prober.get(url)
    whole = response.json()
    assert (whole["done"], whole["verdict"], whole["poll_after_seconds"]) == (True, "degraded", None)
    assert "Retry-After" not in response
    good, bad = whole["checks"]
    assert (good["region"], good["status"], good["depth"]) == ("eu-west", "available", "blobs")
    assert (bad["region"], bad["reason"], bad["document"]["stage"]) == ("us-east", "layer_missing", "layer")


def test_run_whose_time_is_over_is_done_whoever_wrote_that_down(
    prober: APIClient, reader: User, plane: ControlPlane
) -> None:
    ordered = sent(plane, reader, at=datetime.now(UTC) - timedelta(minutes=5))
    told = prober.get(f"/api/v1/runs/{ordered.run.uuid}").json()
    assert (told["done"], told["counts"]["missed"], told["counts"]["waiting"]) == (True, 2, 0)
    assert {check["state"] for check in told["checks"]} == {"missed"}
    assert RunCheck.objects.filter(state="waiting").count() == 2


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"reference": "ghcr.io/UPPER/case"}, "reference"),
        ({"reference": "192.168.0.7:5000/app:1"}, "reference"),
        ({"reference": 7 * "x" * 200}, "reference"),
        ({"regions": []}, "regions"),
        ({"regions": ["mars"]}, "regions"),
        ({"platforms": ["linux"]}, "platforms"),
        ({"depth": "bottom"}, "depth"),
        ({"deep": True}, "deep"),
        ({"reference": "ghcr.io/org/\0:1"}, "reference"),
    ],
)
def test_bad_probe_is_a_field_error_and_nothing_is_sent(
    prober: APIClient, plane: ControlPlane, changed: dict[str, Any], field: str
) -> None:
    response = probe(prober, **changed)
    assert response.status_code == 400
    assert field in response.content.decode()
    assert not Run.objects.exists()
    assert not Batch.objects.exists()


def test_probe_takes_a_scope_of_its_own(operator: APIClient, reader: User, plane: ControlPlane) -> None:
    narrow = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader, Scope.READ, Scope.WRITE)}")
    refused = probe(narrow)
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")
    assert not Run.objects.exists()
    assert probe(APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader, Scope.PROBE)}")).status_code == 202


def test_probe_takes_the_role_operator(client: APIClient, plane: ControlPlane) -> None:
    assert (probe(client).status_code, Run.objects.exists()) == (403, False)


def test_token_that_is_limited_to_regions_probes_from_these_alone(
    operator: APIClient, reader: User, plane: ControlPlane
) -> None:
    near = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader, regions=[plane.region('eu-west')])}")
    assert wrong(probe(near)) == ["regions"]
    response = probe(near, regions=["eu-west"])
    assert response.status_code == 202
    assert near.get(response.json()["url"]).status_code == 200
    elsewhere = probe(operator).json()["url"]
    assert near.get(elsewhere).status_code == 404
    image = plane.image()
    checked = near.post(f"/api/v1/resources/{image.pk}/check", {}, format="json").json()
    assert checked["regions"] == ["eu-west"]


def test_too_many_probes_are_told_when_to_come_again(
    prober: APIClient, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "MOST_OPEN_PER_PERSON", 1)
    probe(prober)
    response = probe(prober)
    assert (response.status_code, response["Retry-After"]) == (429, "10")
    assert Run.objects.count() == 1


@pytest.fixture
def credential(plane: ControlPlane, settings: Any, tmp_path: Any) -> Credential:
    from cryptography.fernet import Fernet  # noqa: PLC0415 - here alone

    path = tmp_path / "fernet-keys"
    path.write_text(Fernet.generate_key().decode() + "\n")
    settings.KAIROS_FERNET_KEYS_FILE = path
    row = Credential.objects.create(registry=Registry.objects.create(host="ghcr.io"), repository_prefix="org")
    secrets.store_secret(row, now=plane.now, password="s3cret")
    return row


def test_stored_credential_is_shown_for_editors_alone(
    prober: APIClient, reader: User, plane: ControlPlane, credential: Credential
) -> None:
    slug = credential.slug
    assert wrong(probe(prober, credential=slug)) == ["credential"]
    be(reader, Role.EDITOR)
    response = probe(prober, credential=slug)
    assert (response.status_code, response.json()["credential"]) == (202, slug)
    assert "s3cret" not in response.content.decode()
    assert wrong(probe(prober, credential=slug, reference="ghcr.io/other/app:1")) == ["credential"]
    assert wrong(probe(prober, credential=slug, reference="quay.io/org/app:1")) == ["credential"]
    assert wrong(probe(prober, credential="nobody")) == ["credential"]


def test_editor_of_a_group_has_only_its_credentials_shown(
    client: APIClient, reader: User, plane: ControlPlane, credential: Credential
) -> None:
    group = ResourceGroup.objects.create(name="shop")
    grant(reader, Role.EDITOR, group)
    assert wrong(probe(client, credential=credential.slug)) == ["credential"]
    plane.image("ghcr.io/org/app:1", group=group, credential=credential)
    assert probe(client, credential=credential.slug).status_code == 202


def test_everybody_sees_his_own_runs_and_who_reaches_everything_all(
    client: APIClient, reader: User, plane: ControlPlane, django_user_model: Any
) -> None:
    other = django_user_model.objects.create(username="other")
    grant(other, Role.OPERATOR, ResourceGroup.objects.create(name="shop"))
    own, strange = sent(plane, other), sent(plane, reader)
    limited = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(other)}")

    def seen(by: APIClient, query: str = "") -> list[str]:
        return [run["id"] for run in by.get(f"/api/v1/runs{query}").json()["results"]]

    assert seen(limited) == [str(own.run.uuid)]
    assert limited.get(f"/api/v1/runs/{strange.run.uuid}").status_code == 404
    assert seen(client) == [str(strange.run.uuid), str(own.run.uuid)]
    assert seen(client, "?asked_by=other&kind=probe") == [str(own.run.uuid)]
    assert seen(client, "?kind=check") == []
    assert wrong(client.get("/api/v1/runs?mine=1")) == ["mine"]


def test_own_run_of_what_is_out_of_reach_is_hidden(reader: User, plane: ControlPlane) -> None:
    group = ResourceGroup.objects.create(name="shop")
    inside, outside = plane.image("ghcr.io/org/in:1", group=group), plane.image("ghcr.io/org/out:1")
    near = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader, groups=[group])}")
    for image in (inside, outside):
        ordered = runs.check([image.pk], ["eu-west"], by=reader, now=datetime.now(UTC))
        expected = 200 if image is inside else 404
        assert near.get(f"/api/v1/runs/{ordered.run.uuid}").status_code == expected


def test_token_that_is_limited_to_groups_sees_its_own_probes_alone(
    operator: APIClient, reader: User, plane: ControlPlane
) -> None:
    group = ResourceGroup.objects.create(name="shop")
    near, beside = (APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(reader, groups=[group])}") for _ in range(2))
    of_the_owner, own = probe(operator).json()["url"], probe(near).json()["url"]
    assert near.get(of_the_owner).status_code == 404
    assert [run["url"] for run in near.get("/api/v1/runs").json()["results"]] == [own]
    assert beside.get("/api/v1/runs").json()["results"] == []
    assert len(operator.get("/api/v1/runs").json()["results"]) == 2


def test_list_of_runs_takes_the_same_queries_for_many_as_for_few(
    client: APIClient, reader: User, plane: ControlPlane
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/api/v1/runs").status_code == 200
        return len(captured)

    answer(plane, sent(plane, reader))
    queries()
    few = queries()
    for number in range(5):
        answer(plane, sent(plane, reader, reference=f"ghcr.io/org/app-{number}:1"))
    assert queries() == few
    assert few <= 6


def test_pages_of_runs_are_followed(client: APIClient, reader: User, plane: ControlPlane) -> None:
    ids = [str(sent(plane, reader).run.uuid) for _ in range(3)]
    page = client.get("/api/v1/runs?page_size=2").json()
    assert [run["id"] for run in page["results"]] == [ids[2], ids[1]]
    assert [run["id"] for run in client.get(page["next"]).json()["results"]] == [ids[0]]


def check_many(client: APIClient, **wanted: Any) -> Any:
    return client.post("/api/v1/resources/check", wanted, format="json")


def test_many_resources_are_one_run(operator: APIClient, plane: ControlPlane) -> None:
    first, second = plane.image("ghcr.io/org/a:1"), plane.image("ghcr.io/org/b:1")
    plane.image("quay.io/org/c:1")
    listed = check_many(operator, resources=[second.slug, first.pk], regions=["eu-west"])
    assert listed.status_code == 202
    assert [check["resource"] for check in listed.json()["checks"]] == [first.pk, second.pk]
    filtered = check_many(operator, filter={"registry": "ghcr.io"}, depth="resolve").json()
    assert (filtered["counts"]["waiting"], filtered["depth"]) == (6, "resolve")


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({}, "resources"),
        ({"resources": [1], "filter": {}}, "resources"),
        ({"resources": []}, "resources"),
        ({"resources": [4_000_000]}, "resources"),
        ({"resources": ["x"]}, "resources"),
        ({"resources": ["UPPER"]}, "resources"),
        ({"resources": [True]}, "resources"),
        ({"filter": {"registry": "nowhere.example"}}, "filter"),
        ({"filter": {"search": "nothing like it"}}, "filter"),
        ({"filter": {"cursor": "x"}}, "cursor"),
        ({"filter": []}, "filter"),
        ({"resources": list(range(1, 102))}, "resources"),
    ],
)
def test_bad_order_for_many_is_a_field_error(
    operator: APIClient, plane: ControlPlane, wanted: dict[str, Any], field: str
) -> None:
    plane.image()
    response = check_many(operator, **wanted)
    assert response.status_code == 400
    assert field in response.content.decode()
    assert not Batch.objects.exists()


def test_many_are_checked_only_where_one_may_check_each(client: APIClient, reader: User, plane: ControlPlane) -> None:
    group = ResourceGroup.objects.create(name="shop")
    grant(reader, Role.OPERATOR, group)
    inside, outside = plane.image("ghcr.io/org/in:1", group=group), plane.image("ghcr.io/org/out:1")
    assert check_many(client, resources=[inside.pk, outside.pk]).status_code == 403
    assert check_many(client, filter={}).status_code == 403
    assert not Batch.objects.exists()
    assert check_many(client, resources=[inside.pk]).status_code == 202


def test_filter_that_finds_too_much_is_refused(operator: APIClient, plane: ControlPlane) -> None:
    for number in range(101):
        Resource.objects.create(
            reference=f"ghcr.io/org/app-{number}:1",
            registry=Registry.objects.get_or_create(host="ghcr.io")[0],
            repository=f"org/app-{number}",
            tag="1",
        )
    response = check_many(operator, filter={})
    assert response.status_code == 400
    assert "more than 100" in response.content.decode()


def test_pause_and_resume_may_be_said_twice(operator: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    paused = [operator.post(f"/api/v1/resources/{image.pk}/pause") for _ in range(2)]
    assert [response.status_code for response in paused] == [200, 200]
    first, second = (response.json()["paused_at"] for response in paused)
    assert first == second is not None
    resumed = [operator.post(f"/api/v1/resources/{image.pk}/resume").json()["paused_at"] for _ in range(2)]
    assert resumed == [None, None]


def pause(client: APIClient, image: Resource, body: Any = None) -> Any:
    return client.post(f"/api/v1/resources/{image.pk}/pause", body, format="json")


def test_pause_ends_when_it_is_told_to(operator: APIClient, plane: ControlPlane) -> None:
    image = plane.image()
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    told = pause(operator, image, {"until": until.isoformat()}).json()
    assert told["resumes_at"] == rfc3339(until)
    assert operator.get(f"/api/v1/resources/{image.pk}").json()["resumes_at"] == rfc3339(until)
    again = pause(operator, image).json()
    assert (again["paused_at"], again["resumes_at"]) == (told["paused_at"], None)
    pause(operator, image, {"until": until.isoformat()})
    assert resources.resume_due(now=until) == 1
    assert operator.get(f"/api/v1/resources/{image.pk}").json()["paused_at"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"until": "2999-01-01T00:00:00Z"}, "until"),
        ({"until": "2026-12-01T00:00:00"}, "until"),
        ({"until": 5}, "until"),
        ({"till": None}, "till"),
    ],
)
def test_pause_until_what_cannot_be_is_refused(
    operator: APIClient, plane: ControlPlane, body: dict[str, Any], field: str
) -> None:
    image = plane.image()
    response = pause(operator, image, body)
    assert (response.status_code, wrong(response)) == (400, [field])
    image.refresh_from_db()
    assert image.paused_at is None


@pytest.mark.parametrize("verb", ["pause", "resume", "check"])
def test_orders_take_the_permission_to_change_resources(client: APIClient, plane: ControlPlane, verb: str) -> None:
    image = plane.image()
    assert client.post(f"/api/v1/resources/{image.pk}/{verb}").status_code == 403
    image.refresh_from_db()
    assert (image.paused_at, image.asked_slot) == (None, None)


def test_check_of_a_resource_shows_as_a_run(operator: APIClient, reader: User, plane: ControlPlane) -> None:
    image = plane.image()
    ordered = runs.check([image.pk], ["eu-west"], by=reader, now=datetime.now(UTC))
    answer(plane, ordered)
    told = operator.get(f"/api/v1/runs/{ordered.run.uuid}").json()
    (check,) = told["checks"]
    assert (told["done"], told["verdict"], told["asked_by"]) == (True, "available", "reader")
    assert (check["resource"], check["status"], check["document"]) == (image.pk, "available", None)
