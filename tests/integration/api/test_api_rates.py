"""Who asks too often is told to wait: by user, by kind of request, in all web processes together."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from probes.models import RequestCount
from probes.policy.access import Role, Scope
from tests.fakes.access import grant, token_of

pytestmark = pytest.mark.django_db

READ = "/api/v1/regions"


@pytest.fixture
def rates(settings: Settings) -> dict[str, int]:
    found = {"read": 2, "write": 2, "probe": 1, "anon": 1}
    settings.KAIROS_RATES = found
    return found


@pytest.fixture
def editor(db: None) -> User:
    user = User.objects.create(username="editor")
    grant(user, Role.EDITOR)
    return user


@pytest.fixture(autouse=True)
def _within_one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.utils import timezone  # noqa: PLC0415 - what stands still is what the view asks

    now = timezone.now().replace(second=20, microsecond=0)
    monkeypatch.setattr("api.throttles.timezone.now", lambda: now)


def test_one_too_many_is_a_problem_that_says_when_to_come_again(rates: dict[str, int], editor: User) -> None:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(editor)}")
    first = client.get(READ)
    assert first["RateLimit"] == '"read";r=1;t=40'
    assert first["RateLimit-Policy"] == '"read";q=2;w=60'
    client.get(READ)
    refused = client.get(READ)
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert (refused.json()["code"], refused["Retry-After"]) == ("throttled", "40")
    assert refused["RateLimit"] == '"read";r=0;t=40'


def test_each_user_and_each_kind_counts_for_itself(rates: dict[str, int], editor: User) -> None:
    somebody_else = User.objects.create(username="other")
    grant(somebody_else)
    one, other = (APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(user)}") for user in (editor, somebody_else))
    assert [one.get(READ).status_code for _ in range(3)] == [200, 200, 429]
    assert other.get(READ).status_code == 200
    assert one.delete("/api/v1/tokens/0").status_code == 404
    assert [one.post("/api/v1/resources/0/check").status_code for _ in range(2)] == [404, 429]


def test_more_tokens_are_no_more_allowance(rates: dict[str, int], editor: User) -> None:
    one, other = (APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(editor)}") for _ in range(2))
    assert [client.get(READ).status_code for client in (one, other, other)] == [200, 200, 429]
    browser = Client()
    browser.force_login(editor)
    assert browser.get(READ).status_code == 429


def test_what_is_refused_at_the_door_is_not_counted(rates: dict[str, int], editor: User) -> None:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(editor, Scope.METRICS)}")
    assert [client.get(READ).status_code for _ in range(3)] == [403, 403, 403]
    assert not RequestCount.objects.exists()


def test_next_minute_begins_anew(rates: dict[str, int], editor: User) -> None:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(editor)}")
    assert [client.get(READ).status_code for _ in range(3)] == [200, 200, 429]
    row = RequestCount.objects.get()
    RequestCount.objects.update(began_at=row.began_at.replace(year=2020))
    assert client.get(READ).status_code == 200
    assert RequestCount.objects.get().taken == 1


def test_who_needs_no_token_is_counted_by_address(rates: dict[str, int]) -> None:
    assert [Client().get("/api/docs/").status_code for _ in range(2)] == [200, 429]


def test_nothing_is_counted_where_there_is_no_limit(settings: Settings, editor: User) -> None:
    settings.KAIROS_RATES = dict.fromkeys(("read", "write", "probe", "anon"), 0)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token_of(editor)}")
    assert "RateLimit" not in client.get(READ)
    assert not RequestCount.objects.exists()
