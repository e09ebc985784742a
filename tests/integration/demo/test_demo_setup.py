"""What Kairos is told about the demonstration, in a real database."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from kairos.demo import setup
from kairos.demo.accounts import account
from kairos.demo.certificates import authority
from kairos.demo.script import IMAGES, REGIONS
from probes.actions import resources, secrets
from probes.models import (
    Credential,
    MaintenanceOccurrence,
    MaintenanceWindow,
    Registry,
    Resource,
    ResourceGroup,
    StatusPage,
)
from probes.policy.publishing import Visibility

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def test_the_script_is_for_the_default_regions() -> None:
    assert tuple(region.slug for region in settings.KAIROS_REGIONS) == REGIONS


def test_every_image_is_set_up_as_the_script_says(demo_state: Path) -> None:
    assert setup.install(demo_state, 5443, now=NOW) == len(IMAGES) == Resource.objects.count()
    for scripted in IMAGES:
        resource = Resource.objects.get(repository=scripted.repository)
        assert resource.reference.startswith(f"{scripted.home}.kairos.test:5443/{scripted.repository}")
        assert resource.depth == scripted.check.depth
        assert tuple(resource.platforms) == scripted.check.platforms
        assert resource.interval_seconds == scripted.check.interval_seconds
        assert resource.is_paused is scripted.check.paused
        assert bool(resource.digest) is scripted.check.by_digest


def test_the_registries_say_how_they_are_reached(demo_state: Path) -> None:
    setup.install(demo_state, 5443, now=NOW)
    for host in ("registry.kairos.test:5443", "hub.kairos.test:5443"):
        site = Registry.objects.get(host=host).site
        assert site.ca_pem == authority(demo_state).pem
        assert site.allow_cidrs == ("127.0.0.0/8",)
        assert dict(site.resolve)["blobs.kairos.test"] == ("127.0.0.5",)


def test_the_logins_open_as_they_should(demo_state: Path) -> None:
    setup.install(demo_state, 5443, now=NOW)
    opened = {row.repository_prefix: secrets.open_secret(row) for row in Credential.objects.all()}
    assert opened.keys() == {"payments/gateway", "payments/invoices"}
    login = account(demo_state)
    assert opened["payments/gateway"].password == login.password != opened["payments/invoices"].password


def test_images_belong_to_their_teams_which_keep_what_somebody_changes(demo_state: Path) -> None:
    setup.install(demo_state, 5443, now=NOW)
    checkout = Resource.objects.select_related("group").get(repository="shop/checkout")
    assert checkout.group is not None
    assert (checkout.group.name, str(checkout.group.uptime_target_percent)) == ("Demo: shop", "99.9000")
    ResourceGroup.objects.filter(name="Demo: shop").update(uptime_target_percent="95")
    setup.install(demo_state, 5443, now=LATER)
    assert str(ResourceGroup.objects.get(name="Demo: shop").uptime_target_percent) == "95.0000"


def test_work_is_on_where_the_script_plans_it(demo_state: Path) -> None:
    for now in (NOW, LATER):
        setup.install(demo_state, 5443, now=now)
        on = MaintenanceOccurrence.objects.filter(starts_at__lte=now, ends_at__gt=now)
        assert [item.resource_ids for item in on] == [[Resource.objects.get(repository="media/thumbnails").pk]]
    assert MaintenanceWindow.objects.count() == 1


def test_some_teams_have_a_public_page_that_stays_as_somebody_changed_it(demo_state: Path) -> None:
    setup.install(demo_state, 5443, now=NOW)
    page = Client().get("/status/demo/").content.decode()
    assert "Images of the demonstration" in page
    assert "shop/checkout" in page
    assert "payments" not in page
    assert "kairos.test" not in page
    StatusPage.objects.update(visibility=Visibility.HIDDEN)
    setup.install(demo_state, 5443, now=LATER)
    assert Client().get("/status/demo/").status_code == 404


def test_doing_it_again_changes_nothing(demo_state: Path) -> None:
    def rows() -> list[object]:
        return list(Resource.objects.order_by("pk").values_list("pk", "reference", "next_due_at", "paused_at"))

    setup.install(demo_state, 5443, now=NOW)
    first = rows()
    setup.install(demo_state, 5443, now=LATER)
    assert rows() == first
    assert (Registry.objects.count(), Credential.objects.count()) == (2, 2)


def test_another_port_takes_the_images_along_and_leaves_nothing_behind(demo_state: Path) -> None:
    setup.install(demo_state, 5443, now=NOW)
    keys = set(Resource.objects.values_list("pk", flat=True))
    setup.install(demo_state, 6443, now=LATER)
    assert set(Resource.objects.values_list("pk", flat=True)) == keys
    assert set(Registry.objects.values_list("host", flat=True)) == {
        "registry.kairos.test:6443", "hub.kairos.test:6443",
    }  # fmt: skip
    assert Credential.objects.count() == 2


def test_the_images_rest_while_the_registry_does_not_run_and_others_do_not(demo_state: Path) -> None:
    own = resources.save(Resource(reference="registry.example.com/shop/checkout:1"), now=NOW)
    setup.install(demo_state, 5443, now=NOW)
    scripted_to_run = sum(not scripted.check.paused for scripted in IMAGES)
    assert setup.pause(now=NOW) == scripted_to_run
    assert setup.pause(now=NOW) == 0
    assert list(Resource.objects.filter(paused_at=None)) == [own]
    setup.install(demo_state, 5443, now=LATER)
    assert Resource.objects.filter(paused_at=None).count() == scripted_to_run + 1
    assert Resource.objects.filter(next_due_at=LATER).count() == scripted_to_run


def test_the_interval_keeps_to_the_operators_floor(demo_state: Path, settings: Settings) -> None:
    settings.KAIROS_INTERVAL_FLOOR_SECONDS = 30
    setup.install(demo_state, 5443, now=NOW)
    assert set(Resource.objects.values_list("interval_seconds", flat=True)) == {30, 60}


def test_the_command_says_what_it_did(demo_state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_demo", "--state-dir", str(demo_state))
    assert capsys.readouterr().out == f"{len(IMAGES)} images of the demonstration are checked\n"
    call_command("load_demo", "--pause")
    assert "rest until it runs again" in capsys.readouterr().out
    call_command("load_demo", "--pause")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("port", ["0", "70000"])
def test_a_port_that_is_none_is_one_line(demo_state: Path, port: str) -> None:
    with pytest.raises(CommandError, match="the demonstration cannot be loaded"):
        call_command("load_demo", "--state-dir", str(demo_state), "--port", port)
    assert not Registry.objects.exists()
