"""Passwords that are guessed at: ten failures of a name from an address, and then a quarter of an hour of nothing."""

from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from axes.models import AccessAttempt, AccessLog
from django.core.management import call_command
from django.test import Client, override_settings
from django.utils import timezone
from pytest_django.fixtures import Settings

from probes.actions import retention
from probes.policy.lockout import FAILURES, LOCK

pytestmark = pytest.mark.django_db

PASSWORD = "a-long-password"
PAGES = ["/login/", "/admin/login/"]


@pytest.fixture(autouse=True)
def _fast_hashes() -> Iterator[None]:
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def admin(db: None, django_user_model: Any) -> Any:
    return django_user_model.objects.create_superuser("admin", password=PASSWORD)


def attempt(page: str, name: str, password: str, *, address: str = "203.0.113.9", **headers: str) -> Any:
    """Try to log in from a browser of its own."""
    fields = {"username": name, "password": password, "next": "/"}
    return Client().post(page, fields, REMOTE_ADDR=address, headers=headers)


def fail(page: str, name: str, times: int, **where: str) -> list[int]:
    return [attempt(page, name, "wrong", **where).status_code for _ in range(times)]


@pytest.mark.parametrize("page", PAGES)
def test_the_tenth_failure_locks_the_name_to_the_address_and_nothing_else(
    admin: Any, django_user_model: Any, page: str
) -> None:
    django_user_model.objects.create_superuser("other", password=PASSWORD)
    assert fail(page, "admin", FAILURES) == [200] * (FAILURES - 1) + [429]
    locked = attempt(page, "admin", PASSWORD)
    assert locked.status_code == 429, "the right password opens a lock"
    assert "sessionid" not in locked.cookies
    assert attempt(PAGES[0], "admin", PASSWORD).status_code == 429, "another page is another lock"
    assert attempt(page, "other", PASSWORD).status_code == 302
    assert attempt(page, "admin", PASSWORD, address="198.51.100.7").status_code == 302


def test_who_is_locked_is_told_until_when(admin: Any) -> None:
    fail("/login/", "admin", FAILURES)
    locked = attempt("/login/", "admin", PASSWORD)
    (last,) = AccessAttempt.objects.values_list("attempt_time", flat=True)
    assert f"{last + LOCK:%H:%M:%S} UTC" in locked.content.decode()
    assert "in 15 minutes" in locked.content.decode()
    assert 0 < int(locked.headers["Retry-After"]) <= LOCK.total_seconds()
    assert "no-store" in locked.headers["Cache-Control"]


def test_lock_ends_after_its_time_and_is_not_made_longer_by_trying(admin: Any) -> None:
    fail("/login/", "admin", FAILURES)
    before = AccessAttempt.objects.get()
    fail("/login/", "admin", 3)
    after = AccessAttempt.objects.get()
    assert (after.attempt_time, after.failures_since_start) == (before.attempt_time, FAILURES)
    assert after.post_data == before.post_data
    AccessAttempt.objects.update(attempt_time=timezone.now() - LOCK - timedelta(seconds=1))
    assert attempt("/login/", "admin", PASSWORD).status_code == 302


def test_login_that_succeeds_forgets_the_failures_of_its_own_name(admin: Any) -> None:
    fail("/login/", "admin", FAILURES - 1)
    fail("/login/", "somebody", 1)
    assert attempt("/login/", "admin", PASSWORD).status_code == 302
    assert list(AccessAttempt.objects.values_list("username", flat=True)) == ["somebody"]
    assert fail("/login/", "admin", FAILURES - 1) == [200] * (FAILURES - 1)
    assert not AccessLog.objects.exists()


def test_browsers_are_counted_together(admin: Any) -> None:
    for number in range(FAILURES):
        attempt("/login/", "admin", "wrong", user_agent=f"browser {number}")
    assert attempt("/login/", "admin", PASSWORD).status_code == 429


@pytest.mark.parametrize("page", PAGES)
def test_name_that_nobody_has_is_answered_like_one_that_somebody_has(
    admin: Any, django_user_model: Any, page: str
) -> None:
    django_user_model.objects.create_user("gone", password=PASSWORD, is_active=False)
    answers = {}
    for name in ("admin", "nobody", "gone"):
        tries = [attempt(page, name, "wrong") for _ in range(FAILURES + 1)]
        answers[name] = [(answer.status_code, _words(answer, name)) for answer in (tries[0], tries[-1])]
    assert answers["admin"] == answers["nobody"] == answers["gone"]


def _words(answer: Any, name: str) -> str:
    """Return a page without what is its own: the token of the form, the name, the times."""
    lines = answer.content.decode().replace(f'"{name}"', '"NAME"').splitlines()
    changing = ("csrfmiddlewaretoken", "<time", "data-now")
    return "\n".join(line for line in lines if not any(word in line for word in changing))


@pytest.mark.parametrize("name", ["x" * 10_000, "é" * 400, "a\nb", "\u202eadmin", "' OR 1=1 --"])
def test_any_name_may_be_tried(admin: Any, name: str) -> None:
    assert fail("/login/", name, FAILURES + 1)[-1] == 429


def test_password_is_not_kept(admin: Any) -> None:
    attempt("/login/?next=/x", "admin", "hunter2-hunter2")
    (kept,) = AccessAttempt.objects.values()
    assert "hunter2" not in str(kept)
    assert "csrfmiddlewaretoken=****" in kept["post_data"] or "csrfmiddlewaretoken" not in kept["post_data"]


class TestAddresses:
    def test_client_does_not_choose_its_address(self, admin: Any) -> None:
        for number in range(FAILURES):
            attempt(
                "/login/", "admin", "wrong", x_forwarded_for=f"192.0.2.{number}", forwarded=f"for=192.0.2.{number}"
            )
        assert attempt("/login/", "admin", PASSWORD, x_forwarded_for="192.0.2.99").status_code == 429

    def test_client_behind_our_proxy_does_not_either(self, admin: Any, settings: Settings) -> None:
        settings.KAIROS_TRUSTED_PROXIES = (ip_network("10.0.0.0/8"),)
        for number in range(FAILURES):
            made_up = f"192.0.2.{number}, 203.0.113.9"
            attempt("/login/", "admin", "wrong", address="10.0.0.1", x_forwarded_for=made_up)
        again = attempt("/login/", "admin", PASSWORD, address="10.0.0.1", x_forwarded_for="203.0.113.9")
        assert again.status_code == 429

    def test_who_shares_the_proxy_is_not_locked_out(self, admin: Any, settings: Settings) -> None:
        settings.KAIROS_TRUSTED_PROXIES = (ip_network("10.0.0.0/8"),)
        for _ in range(FAILURES):
            attempt("/login/", "admin", "wrong", address="10.0.0.1", x_forwarded_for="203.0.113.9")
        other = attempt("/login/", "admin", PASSWORD, address="10.0.0.1", x_forwarded_for="198.51.100.7")
        assert other.status_code == 302

    def test_addresses_of_one_network_of_ipv6_are_one(self, admin: Any) -> None:
        for number in range(FAILURES):
            attempt("/login/", "admin", "wrong", address=f"2001:db8::{number:x}")
        assert attempt("/login/", "admin", PASSWORD, address="2001:db8::ffff").status_code == 429
        assert attempt("/login/", "admin", PASSWORD, address="2001:db8:0:1::1").status_code == 302


class TestUnlocking:
    def test_administrator_unlocks(self, admin: Any, client: Client) -> None:
        fail("/login/", "somebody", FAILURES)
        attempt("/login/", "somebody", "wrong", address="198.51.100.7")
        client.force_login(admin)
        page = client.get("/admin/axes/accessattempt/").content.decode()
        assert "somebody" in page
        assert "203.0.113.9" in page
        locked = AccessAttempt.objects.get(ip_address="203.0.113.9")
        client.post("/admin/axes/accessattempt/", {"action": "unlock", "_selected_action": [locked.pk]})
        assert [row.ip_address for row in AccessAttempt.objects.all()] == ["198.51.100.7"]

    def test_nobody_else_does(self, admin: Any, client: Client, django_user_model: Any) -> None:
        from django.contrib.auth.models import Permission  # noqa: PLC0415 - models, once Django is set up

        fail("/login/", "somebody", FAILURES)
        user = django_user_model.objects.create(username="onlooker", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename="view_accessattempt"))
        client.force_login(user)
        row = AccessAttempt.objects.get()
        client.post("/admin/axes/accessattempt/", {"action": "unlock", "_selected_action": [row.pk]})
        assert AccessAttempt.objects.filter(pk=row.pk).exists()
        for path in ("add/", f"{row.pk}/delete/"):
            assert client.get(f"/admin/axes/accessattempt/{path}").status_code == 403

    def test_command_unlocks(self, admin: Any) -> None:
        fail("/login/", "admin", FAILURES)
        call_command("axes_reset_username", "admin")
        assert attempt("/login/", "admin", PASSWORD).status_code == 302


def test_failures_are_forgotten_where_nobody_logs_in(admin: Any) -> None:
    fail("/login/", "admin", 1)
    now = timezone.now()
    assert retention.drop_failed_logins(before=now - LOCK) == 0
    AccessAttempt.objects.update(attempt_time=now - LOCK - timedelta(seconds=1))
    assert retention.drop_failed_logins(before=now - LOCK) == 1


def test_session_of_before_the_login_is_not_that_of_after(admin: Any) -> None:
    browser = Client()
    session = browser.session
    session["planted"] = True
    session.save()
    planted = str(session.session_key)
    browser.cookies["kairos_session"] = planted
    browser.post("/login/", {"username": "admin", "password": PASSWORD})
    assert browser.cookies["kairos_session"].value != planted
    stranger = Client()
    stranger.cookies["kairos_session"] = planted
    assert stranger.get("/admin/").status_code == 302
