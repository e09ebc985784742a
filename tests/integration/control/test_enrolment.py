"""Regions come and go: their keys, their files, and what of it is kept."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from pytest_django.fixtures import Settings

from probes.actions import enrolment, regions, secrets
from probes.actions.enrolment import EnrolmentRefused, Issued, Login, RegionRetired
from probes.models import Region, RegionKey
from probes.trust.keys import ControlKeys, KeyFileError, RegionKeys, key_text
from tests.fakes.at_once import at_once

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


class FakeLogins:
    """A broker's accounts, as a list of what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, timedelta | None]] = []

    def issue(self, region: Region, *, now: datetime, overlap: timedelta) -> Login | None:
        self.asked.append(("issue", region.slug, overlap))
        return Login(f"region-{region.slug}", f"password-{len(self.asked)}")

    def withdraw(self, region: Region, *, now: datetime) -> None:
        self.asked.append(("withdraw", region.slug, None))


def test_enrolling_makes_a_region_with_keys_and_a_login(now: datetime) -> None:
    logins = FakeLogins()
    issued = enrolment.enroll("eu-west", "Frankfurt", coordinates=(50.1, 8.7), now=now, logins=logins)
    region = Region.objects.get()
    assert (region.slug, region.name, region.latitude, region.longitude) == ("eu-west", "Frankfurt", 50.1, 8.7)
    assert region.is_active
    key = region.keys.get()
    public = issued.keys.public
    assert (key.verify_key, key.box_public_key, key.valid_until) == (
        public.verify_key_text,
        public.box_key_text,
        None,
    )
    assert (region.verify_key, region.box_public_key) == (public.verify_key_text, public.box_key_text)
    assert issued.login == Login("region-eu-west", "password-1")


def test_private_signing_key_and_password_are_kept_nowhere(now: datetime) -> None:
    issued = enrolment.enroll("eu-west", now=now, logins=FakeLogins())
    assert issued.login is not None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT region::text, key::text, convert_from(key.box_private_encrypted, 'UTF8') "
            "FROM probes_region AS region JOIN probes_regionkey AS key ON key.region_id = region.id"
        )
        rows = str(cursor.fetchall())
    for private in (issued.keys.signing_key, issued.keys.box_key):
        assert key_text(private) not in rows
        assert key_text(private) not in repr(issued)
    assert issued.login.password not in rows
    assert issued.login.password not in repr(issued)


def test_private_box_key_is_kept_encrypted_and_survives_a_change_of_those_keys(now: datetime) -> None:
    issued = enrolment.enroll("eu-west", now=now)
    secrets.make_key()
    assert secrets.reencrypt_secrets() == (1, [])
    assert secrets.open_box_key(RegionKey.objects.get()) == issued.keys.box_key


def test_region_in_service_is_not_enrolled_twice(now: datetime) -> None:
    enrolment.enroll("eu-west", now=now)
    with pytest.raises(
        EnrolmentRefused, match=r"eu-west is enrolled already; new keys: manage\.py region rotate eu-west"
    ):
        enrolment.enroll("eu-west", now=now)
    assert RegionKey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_enrol_a_region_at_once_one_is_refused(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    logins = FakeLogins()
    results = at_once(monkeypatch, *[lambda: enrolment.enroll("eu-west", now=now, logins=logins)] * 2)
    (issued,) = (result for result in results if isinstance(result, Issued))
    (refused,) = (result for result in results if isinstance(result, EnrolmentRefused))
    assert "eu-west is enrolled already" in str(refused)
    assert RegionKey.objects.get().verify_key == issued.keys.public.verify_key_text == Region.objects.get().verify_key
    assert logins.asked == [("issue", "eu-west", timedelta(0))]


@pytest.mark.parametrize("slug", ["", "control", "Upper", "under_score", "edge-", "a" * 41, "../x"])
def test_slug_that_cannot_be_leaves_nothing_behind(slug: str, settings: Settings, now: datetime) -> None:
    with pytest.raises(ValidationError):
        enrolment.enroll(slug, now=now)
    with pytest.raises(ValidationError):
        enrolment.enroll_here(slug, now=now)
    assert not Region.objects.exists()
    assert not settings.KAIROS_REGION_KEYS_DIR.exists()


def test_without_a_key_to_encrypt_with_nothing_is_enrolled(settings: Settings, tmp_path: Path, now: datetime) -> None:
    settings.KAIROS_FERNET_KEYS_FILE = tmp_path / "nowhere"
    with pytest.raises(secrets.SecretUnreadable, match="nowhere"):
        enrolment.enroll("eu-west", now=now)
    assert not Region.objects.exists()


def test_retired_region_has_no_keys_and_no_login(now: datetime) -> None:
    logins = FakeLogins()
    region = enrolment.enroll("eu-west", now=now, logins=logins).region
    assert enrolment.retire([region.pk], now=now + DAY, logins=logins) == 1
    key = RegionKey.objects.get()
    assert (key.valid_until, bytes(key.box_private_encrypted)) == (now + DAY, b"")
    assert not Region.objects.get().is_active
    assert logins.asked[-1] == ("withdraw", "eu-west", None)
    assert enrolment.retire([region.pk], now=now + 2 * DAY, logins=logins) == 0
    assert len(logins.asked) == 2


def test_retired_region_comes_back_with_new_keys_only(now: datetime) -> None:
    first = enrolment.enroll("eu-west", "Frankfurt", now=now)
    enrolment.retire([first.region.pk], now=now)
    again = enrolment.enroll("eu-west", now=now + DAY)
    assert (again.region.pk, again.region.name) == (first.region.pk, "Frankfurt")
    assert Region.objects.get().is_active
    (valid,) = RegionKey.objects.valid(now + DAY)
    assert valid.verify_key == again.keys.public.verify_key_text
    assert again.keys.previous_box_keys == ()


def test_region_that_comes_back_begins_anew(now: datetime) -> None:
    """It was drained before it was retired, and what was found of its last machine says nothing of the next."""
    region = enrolment.enroll("eu-west", now=now).region
    Region.objects.update(egress_down_since=now, late_since=now, silent_since=now, stride=4, clock_offset_seconds=9.0)
    regions.drain([region.pk], now=now)
    enrolment.retire([region.pk], now=now)
    back = enrolment.enroll("eu-west", now=now + DAY).region
    assert (back.condition, back.is_active, back.stride, back.clock_offset_seconds) == ("active", True, 1, None)
    assert Region.objects.get().condition == "active"


def test_coming_and_going_are_events(now: datetime) -> None:
    region = enrolment.enroll("eu-west", now=now).region
    enrolment.retire([region.pk], now=now + DAY, detail="by somebody")
    enrolment.enroll_here("eu-west", now=now + 2 * DAY, bring_back=True)
    enrolment.enroll_here("eu-west", now=now + 3 * DAY)
    enrolment.rotate("eu-west", now=now + 4 * DAY)
    assert list(region.events.order_by("at").values_list("at", "before", "after", "detail")) == [
        (now, "announced", "active", "enrolled"),
        (now + DAY, "active", "retired", "by somebody"),
        (now + 2 * DAY, "retired", "active", "enrolled"),
    ]


class TestHere:
    def test_worker_of_this_machine_gets_a_private_file(self, settings: Settings, now: datetime) -> None:
        region, path = enrolment.enroll_here("eu-west", "Frankfurt", now=now)
        assert path == settings.KAIROS_REGION_KEYS_DIR / "eu-west" / "region-key.json"
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        keys = RegionKeys.load(path)
        assert keys.public.verify_key_text == region.keys.get().verify_key
        assert keys.control_verify_key == ControlKeys.load(settings.KAIROS_CONTROL_KEY_FILE).verify_key

    def test_keys_and_name_are_kept_the_next_time(self, now: datetime) -> None:
        _, path = enrolment.enroll_here("eu-west", "Frankfurt", now=now)
        before = path.read_bytes()
        region, _ = enrolment.enroll_here("eu-west", now=now + DAY)
        assert path.read_bytes() == before
        assert region.name == "Frankfurt"
        assert region.keys.count() == 1

    def test_file_is_brought_up_to_date_with_the_control_plane_s_key(
        self, settings: Settings, tmp_path: Path, now: datetime
    ) -> None:
        _, path = enrolment.enroll_here("eu-west", now=now)
        public = RegionKeys.load(path).public
        settings.KAIROS_CONTROL_KEY_FILE = tmp_path / "control.json"
        control = ControlKeys.generate()
        control.save(settings.KAIROS_CONTROL_KEY_FILE)
        enrolment.enroll_here("eu-west", now=now)
        assert RegionKeys.load(path).public == public
        assert RegionKeys.load(path).control_verify_key == control.verify_key

    def test_lost_file_is_not_replaced_unasked(self, now: datetime) -> None:
        _, path = enrolment.enroll_here("eu-west", now=now)
        path.unlink()
        with pytest.raises(KeyFileError, match=r"make new ones: manage\.py region rotate eu-west --here"):
            enrolment.enroll_here("eu-west", now=now)
        assert not path.exists()
        enrolment.put_here(enrolment.rotate("eu-west", now=now).keys)
        enrolment.enroll_here("eu-west", now=now)

    def test_file_of_keys_that_were_replaced_is_not_taken_for_the_current_one(self, now: datetime) -> None:
        enrolment.enroll_here("eu-west", now=now)
        enrolment.rotate("eu-west", now=now)
        with pytest.raises(KeyFileError, match="has other keys than this file"):
            enrolment.enroll_here("eu-west", now=now)

    def test_file_that_outlived_the_database_serves_again(self, now: datetime) -> None:
        _, path = enrolment.enroll_here("eu-west", now=now)
        before = path.read_bytes()
        RegionKey.objects.all().delete()
        Region.objects.all().delete()
        enrolment.enroll_here("eu-west", now=now)
        assert path.read_bytes() == before

    def test_keys_that_ended_with_retirement_do_not_come_back(self, now: datetime) -> None:
        region, path = enrolment.enroll_here("eu-west", now=now)
        before = RegionKeys.load(path)
        enrolment.retire([region.pk], now=now)
        enrolment.enroll_here("eu-west", now=now + DAY, bring_back=True)
        assert RegionKeys.load(path).public != before.public
        assert Region.objects.get().is_active

    def test_retired_region_comes_back_by_an_order_alone(self, now: datetime) -> None:
        region, path = enrolment.enroll_here("eu-west", "Frankfurt", now=now)
        enrolment.retire([region.pk], now=now)
        before = path.read_bytes()
        with pytest.raises(
            RegionRetired,
            match=r"^region eu-west was retired, and stays so: take it out of KAIROS_REGIONS, "
            r"or bring it back: manage\.py region enroll eu-west --here$",
        ):
            enrolment.enroll_here("eu-west", "Another", now=now + DAY)
        region.refresh_from_db()
        assert (region.condition, region.name, path.read_bytes()) == ("retired", "Frankfurt", before)

    def test_file_of_a_version_before_is_moved_to_where_it_belongs(self, settings: Settings, now: datetime) -> None:
        _, path = enrolment.enroll_here("eu-west", now=now)
        keys = RegionKeys.load(path)
        path.rename(settings.KAIROS_REGION_KEYS_DIR / "eu-west.json")
        path.parent.rmdir()
        enrolment.enroll_here("eu-west", now=now)
        assert RegionKeys.load(path) == keys
        assert [entry.name for entry in settings.KAIROS_REGION_KEYS_DIR.iterdir()] == ["eu-west"]

    def test_box_key_of_a_version_before_is_learnt_from_the_file(self, now: datetime) -> None:
        _, path = enrolment.enroll_here("eu-west", now=now)
        RegionKey.objects.update(box_private_encrypted=b"")
        enrolment.enroll_here("eu-west", now=now)
        assert secrets.open_box_key(RegionKey.objects.get()) == RegionKeys.load(path).box_key


class TestRotation:
    def test_new_file_opens_what_was_sealed_to_the_one_before(self, now: datetime) -> None:
        first = enrolment.enroll("eu-west", now=now)
        second = enrolment.rotate("eu-west", now=now + DAY)
        assert second.keys.public != first.keys.public
        assert second.keys.previous_box_keys == (first.keys.box_key,)
        third = enrolment.rotate("eu-west", now=now + DAY)
        assert third.keys.previous_box_keys == (second.keys.box_key, first.keys.box_key)

    def test_keys_before_count_for_the_overlap_and_not_longer_for_another_change(self, now: datetime) -> None:
        enrolment.enroll("eu-west", now=now)
        enrolment.rotate("eu-west", now=now)
        enrolment.rotate("eu-west", now=now + DAY / 2)
        until = [key.valid_until for key in RegionKey.objects.order_by("pk")]
        assert until == [now + DAY, now + DAY * 3 / 2, None]

    def test_without_an_overlap_the_keys_before_end_at_once_and_are_not_handed_on(self, now: datetime) -> None:
        enrolment.enroll("eu-west", now=now)
        issued = enrolment.rotate("eu-west", overlap=timedelta(0), now=now)
        assert issued.keys.previous_box_keys == ()
        (valid,) = RegionKey.objects.valid(now)
        assert valid.verify_key == issued.keys.public.verify_key_text

    def test_login_is_changed_with_the_same_overlap(self, now: datetime) -> None:
        logins = FakeLogins()
        enrolment.enroll("eu-west", now=now, logins=logins)
        issued = enrolment.rotate("eu-west", overlap=timedelta(hours=2), now=now, logins=logins)
        assert logins.asked == [("issue", "eu-west", timedelta(0)), ("issue", "eu-west", timedelta(hours=2))]
        assert issued.login == Login("region-eu-west", "password-2")

    def test_region_that_is_not_in_service_has_nothing_to_change(self, now: datetime) -> None:
        with pytest.raises(EnrolmentRefused, match="eu-west is not enrolled"):
            enrolment.rotate("eu-west", now=now)
        region = enrolment.enroll("eu-west", now=now).region
        enrolment.retire([region.pk], now=now)
        with pytest.raises(EnrolmentRefused, match="eu-west is not enrolled"):
            enrolment.rotate("eu-west", now=now)

    def test_keys_that_cannot_be_handed_on_are_changed_only_without_an_overlap(self, now: datetime) -> None:
        enrolment.enroll("eu-west", now=now)
        RegionKey.objects.update(box_private_encrypted=b"")
        with pytest.raises(EnrolmentRefused, match="--overlap-hours 0"):
            enrolment.rotate("eu-west", now=now)
        assert RegionKey.objects.count() == 1
        enrolment.rotate("eu-west", overlap=timedelta(0), now=now)

    def test_lost_encryption_key_changes_nothing(self, settings: Settings, tmp_path: Path, now: datetime) -> None:
        enrolment.enroll("eu-west", now=now)
        settings.KAIROS_FERNET_KEYS_FILE = tmp_path / "other"
        (tmp_path / "other").write_text(Fernet.generate_key().decode())
        with pytest.raises(secrets.SecretUnreadable, match="no key opens the secret of eu-west"):
            enrolment.rotate("eu-west", now=now)
        assert RegionKey.objects.get().valid_until is None


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"verify_key": ""}, "region_key_is_a_pair"),
        ({"box_public_key": ""}, "region_key_is_a_pair"),
        ({}, "region_key_current_is_one"),
        ({"valid_until": 0, "first_used_at": 0}, "region_key_uses_are_in_order"),
        ({"valid_until": 0, "first_used_at": 1, "last_used_at": 0}, "region_key_uses_are_in_order"),
    ],
)
def test_database_itself_refuses_keys_that_cannot_be(
    now: datetime, values: dict[str, object], constraint: str
) -> None:
    region = enrolment.enroll("eu-west", now=now).region
    at = {name: now + DAY * value if isinstance(value, int) else value for name, value in values.items()}
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        RegionKey.objects.create(**{"region": region, "verify_key": "v", "box_public_key": "b", "made_at": now, **at})
