"""The page of an image, from the evidence: the ladder, who has to act, what regions see, what is on the path."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from probes.models import Credential, HostCertificate, QuotaAccount, Region, Resource
from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome, PlatformResult
from probes.protocol.taxonomy import Reason, Stage, Status
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding, found
from tests.fakes.pulls import pulled, refused_by_storage
from tests.fakes.steps import step
from tests.integration.dashboard.reading import Page

pytestmark = pytest.mark.django_db


def read(client: Client, image: Resource) -> Page:
    """Return the whole page, as it is without script."""
    response = client.get(f"/resources/{image.pk}/?whole=1")
    assert response.status_code == 200
    return Page(response.content.decode())


def test_what_is_broken_is_seen_at_a_glance(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    broken = {"us-east": refused_by_storage, "eu-west": refused_by_storage, "ap-south": pulled}
    plane.check(image, finds=broken)
    page = read(client, image)
    assert page["sentence"].text.startswith(
        "2 of 3 fresh regions cannot read layer 2 of 3: "
        "blob host blobs.example answered 403, blob backend denied since"
    )
    assert page["owner"].text == "Has to act: whoever runs the registry's blob storage."
    assert "Layers from eu-west and us-east" in page["break-1"].text
    assert "break-2" not in page
    assert page["rung-layers"].classes == ["has-broken"]
    assert page["rung-layers-us-east"].text == "blob backend denied 403 27 ms blobs.example 192.0.2.7"
    assert page["rung-layers-ap-south"].text.startswith("ok")
    assert page["rung-config-us-east"].attributes["data-look"] == "available"
    assert "hosts differ" in page["rung-layers"].text
    assert page["rung-token"].text.startswith("Token auth.example ok 80 ms")
    (expiring,) = page["path-certificates"].text.split("Seen from ")[1:]
    assert expiring.startswith("blobs.example until")
    assert expiring.endswith("(9 d left) A CA eu-west and us-east")


def test_regions_that_fail_otherwise_are_told_apart(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    lost = finding(Reason.TAG_NOT_FOUND, Stage.MANIFEST)
    plane.check(image, finds={"us-east": refused_by_storage, "eu-west": refused_by_storage, "ap-south": lost})
    page = read(client, image)
    assert page["sentence"].text.startswith(
        "3 of 3 fresh regions fail, 2 of them cannot read layer 2 of 3: blob host"
    )
    assert "Tag from ap-south" in page["break-2"].text


def test_platforms_and_digests_are_shown_by_region(client: Client, plane: ControlPlane) -> None:
    image = plane.image(platforms=["linux/amd64", "linux/arm64"])
    other = "sha256:" + "e" * 64

    def lacking(plan: CheckPlan) -> Outcome:
        outcome = pulled(plan)
        missing = PlatformResult(
            platform="linux/arm64", digest=None, status=Status.UNAVAILABLE, reason=Reason.PLATFORM_MISSING
        )
        found = outcome.conclusion
        return replace(outcome, conclusion=replace(found, digest=other, platforms=(*found.platforms, missing)))

    plane.check(image, finds={"us-east": pulled, "eu-west": pulled, "ap-south": lacking})
    page = read(client, image)
    assert "linux/arm64 platform missing not looked at not looked at" in page["platform-frame"].text
    assert page["digest-ap-south"].text.startswith("ap-south A sha256:eeeeeeeeeeee…")
    assert page["digest-us-east"].text.startswith("us-east B sha256:aaaaaaaaaaaa…")
    assert "Digests differ." in page["digests"].text


def test_quotas_on_the_path_name_neither_login_nor_address(client: Client, plane: ControlPlane) -> None:
    image = plane.image()
    plane.check(image, finds=dict.fromkeys(plane.regions, pulled))
    account = QuotaAccount.objects.filter(registry=image.registry).first()
    assert account is not None
    values = {"limit": 100, "remaining": 7, "window_seconds": 21_600, "read_at": plane.now}
    ap_south = plane.region("ap-south")
    Region.objects.filter(slug="us-east").update(name="US")
    for used in ({"region": ap_south}, {"repository_prefix": "another/team"}, {"username": "it-has-no-secret"}):
        sealed = (
            {}
            if "username" in used
            else {"secret_encrypted": b"sealed", "rotated_at": plane.now, "username": "ada-the-robot"}
        )
        login = Credential.objects.create(registry=image.registry, **{**sealed, **used})
        QuotaAccount.objects.create(registry=image.registry, credential=login, created_at=plane.now, **values)
    QuotaAccount.objects.filter(pk=account.pk).update(egress="203.0.113.77", regions=["us-east"], **values)
    with CaptureQueriesContext(connection) as captured:
        text = read(client, image)["path-quotas"].text.replace("\N{NO-BREAK SPACE}", " ")
    assert not [query for query in captured if "secret_encrypted" in query["sql"].partition(" FROM ")[0]]
    # Of the logins of its registry that alone is on its path that a check of it shows.
    assert text.count("login that") == 1
    assert "with the login that its checks show from ap-south 7 of 100 left in 6 h" in text
    assert "without a login, from US 7 of 100 left" in text
    assert "without a login, from eu-west" in text, "it is known by its region before its address is"
    assert "ada-the-robot" not in text
    assert "203.0.113.77" not in text


def test_page_of_an_endpoint_has_its_own_ladder(client: Client, plane: ControlPlane) -> None:
    endpoint = plane.endpoint()
    plane.hear_workers()
    plane.check(endpoint, finds=dict.fromkeys(plane.regions, finding(Reason.ENDPOINT_JSON)))
    page = read(client, endpoint)
    assert "rung-layers" not in page
    assert page["rung-assertions-us-east"].text == "another JSON than expected api.example"
    assert page["owner"].text == "Has to act: whoever runs the service."
    assert "spread" not in page


def test_more_regions_and_hosts_cost_no_more_queries(client: Client, plane: ControlPlane) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(client, image)
        return len(captured)

    image = plane.image()
    plane.check(image, finds={"us-east": pulled, "eu-west": pulled, "ap-south": pulled})
    few = queries()
    now = plane.now
    HostCertificate.objects.bulk_create(
        HostCertificate(
            registry=image.registry,
            region=plane.region("us-east"),
            host=f"{number}.example",
            not_after=now,
            first_seen_at=now,
            seen_at=now,
        )
        for number in range(20)
    )
    assert queries() == few


def test_a_hostile_registry_gets_nothing_but_text_on_the_page(client: Client, plane: ControlPlane) -> None:
    """Markup, direction controls, NUL and sheer length, wherever a registry's words are shown."""
    hostile = "<img src=x onerror=alert(1)>\u202e\u0000" + "x" * 3000

    def find(plan: CheckPlan) -> Outcome:
        outcome = refused_by_storage(plan)
        bad = step(stage=Stage.LAYER, url=f"https://{hostile}", host=hostile, http_status=403, error=hostile)
        platform = PlatformResult(
            platform=hostile, digest=hostile, status=Status.UNAVAILABLE, reason=Reason.LAYER_MISSING
        )
        said: dict[str, Any] = {"detail": hostile, "hint": hostile, "notices": (hostile,) * 9}
        bounded: dict[str, Any] = {"host": hostile[:200], "digest": hostile[:140]}  # what is longer is not taken in
        conclusion = replace(outcome.conclusion, platforms=(platform,) * 5, **said, **bounded)
        return replace(outcome, conclusion=conclusion, steps=(bad,) * 30)

    def cleaned(plan: CheckPlan) -> Outcome:
        # The database takes no NUL, and what comes in is cleaned of it before.
        return Outcome.from_json(_without_nul(find(plan).to_json()))

    image = plane.image(name="<b>shop</b>")
    plane.check(image, finds=dict.fromkeys(plane.regions, cleaned))
    plane.check(image, finds=dict.fromkeys(plane.regions, cleaned))
    response = client.get(f"/resources/{image.pk}/?whole=1")
    html = response.content.decode()
    assert response.status_code == 200
    assert "<img src=x" not in html
    assert html.count("&lt;img src=x") > 20
    assert "<b>shop</b>" not in html
    assert "\u202e" not in html
    assert len(html) < 300_000
    for form in ("json", "txt"):
        text = client.get(f"/resources/{image.pk}/evidence.{form}").content.decode()
        assert "\u202e" not in text
        assert len(text) < 300_000


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {key: _without_nul(item) for key, item in value.items()}
    return [_without_nul(item) for item in value] if isinstance(value, list) else value


def test_a_good_resolve_does_not_claim_what_it_did_not_ask(client: Client, plane: ControlPlane) -> None:
    image = plane.image(depth="resolve")
    plane.check(
        image, finds=dict.fromkeys(plane.regions, lambda plan: replace(found(plan), steps=(step(method="HEAD"),)))
    )
    page = read(client, image)
    assert page["rung-tag-us-east"].text.startswith("ok")
    assert page["rung-layers-us-east"].text == "not asked"
    assert "owner" not in page
