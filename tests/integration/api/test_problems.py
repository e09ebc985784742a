"""How the API says no: as RFC 9457 has it, whatever went wrong and wherever it did."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import RequestDataTooBig
from django.core.exceptions import ValidationError as ModelValidationError
from django.db import OperationalError
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.exceptions import Throttled, ValidationError
from rest_framework.test import APIClient

from api.bodies import DEEPEST
from api.codes import MEDIA_TYPE, PROBLEMS
from api.views.regions import RegionViewSet
from probes.models import Region
from probes.policy.access import Role
from tests.fakes.access import grant, token_of
from tests.integration.api.asking import wrong

pytestmark = pytest.mark.django_db

ADDRESS = "/api/v1/regions"


@pytest.fixture
def operator(client: APIClient, reader: User) -> APIClient:
    reader.user_permissions.set(Permission.objects.all())
    return client


def is_problem(response: Any, code: str) -> dict[str, Any]:
    """Assert that an answer is the problem of this code in full; return it."""
    problem: dict[str, Any] = response.json()
    kind = PROBLEMS[code]
    assert (response["Content-Type"], response.status_code) == (MEDIA_TYPE, kind.status)
    assert {name: problem[name] for name in ("type", "title", "status", "code")} == {
        "type": f"urn:kairos:problem:{code}",
        "title": kind.title,
        "status": kind.status,
        "code": code,
    }
    assert problem["detail"]
    assert problem["instance"].startswith("/")
    assert ("errors" in problem) is (code == "invalid")
    return problem


@contextmanager
def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> Iterator[None]:
    """Have the list of regions raise an error."""

    def queryset(_view: RegionViewSet) -> Any:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(RegionViewSet, "get_queryset", queryset)
        yield


def send(client: APIClient, body: Any, content_type: str = "application/json") -> Any:
    return client.generic("POST", ADDRESS, body, content_type)


def test_address_of_nothing_is_a_problem_for_anybody() -> None:
    problem = is_problem(Client().get("/api/v1/no%20thing?token=hush"), "no_such_address")
    assert problem["instance"] == "/api/v1/no%20thing"


@pytest.mark.parametrize("address", [ADDRESS, "/api/v1/resources", "/api/v1/configuration/export"])
def test_format_that_there_is_not_is_named(client: APIClient, address: str) -> None:
    response = client.get(f"{address}?format=AAA")
    assert (response.status_code, wrong(response)) == (400, ["format"])


@pytest.mark.parametrize(
    ("noun", "body", "field"),
    [
        ("resources", {"reference": "ghcr.io/a/b:1", "platforms": ["linux/amd64", "%'"]}, "platforms"),
        ("registries", {"host": "example.com", "allow_cidrs": ["%s"]}, "allow_cidrs"),
        ("registries", {"host": "example.com", "allow_hosts": ["%(nth)d"]}, "allow_hosts"),
        ("registries", {"host": "example.com", "trusted_auth_hosts": ["100%"]}, "trusted_auth_hosts"),
    ],
)
def test_item_that_cannot_be_is_told_whatever_is_in_it(noun: str, body: dict[str, Any], field: str) -> None:
    """A percent sign in a message that quotes it is no format."""
    user = User.objects.create(username="ada")
    grant(user, Role.EDITOR)
    editor = APIClient(headers={"Authorization": f"Bearer {token_of(user)}"})
    problem = is_problem(editor.post(f"/api/v1/{noun}", body, format="json"), "invalid")
    assert problem["errors"][0]["field"].startswith(field)


def test_method_that_is_not_taken_is_a_problem_that_names_the_others(client: APIClient) -> None:
    response = client.delete(ADDRESS)
    is_problem(response, "method_not_allowed")
    assert response["Allow"] == "GET, POST, HEAD, OPTIONS"


def test_representation_that_is_not_made_is_a_problem_all_the_same(client: APIClient) -> None:
    is_problem(client.get(ADDRESS, headers={"Accept": "application/xml"}), "not_acceptable")


def test_host_that_is_none_of_ours_is_a_problem_without_words_of_the_framework() -> None:
    problem = is_problem(Client().get(ADDRESS, headers={"Host": "elsewhere.example"}), "malformed_request")
    assert "ALLOWED_HOSTS" not in str(problem)
    page = Client().get("/", headers={"Host": "elsewhere.example"})
    assert (page.status_code, page["Content-Type"]) == (400, "text/html; charset=utf-8")


def test_session_without_its_csrf_token_is_told_so(reader: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(reader)
    is_problem(browser.post(ADDRESS, {}, "application/json"), "csrf_failed")


def test_fault_tells_nothing_of_itself(reader: User, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Client(raise_request_exception=False)
    browser.force_login(reader)
    with failing(monkeypatch, RuntimeError("a secret of the inside")):
        response = browser.get(ADDRESS)
    is_problem(response, "internal_error")
    assert "secret" not in response.content.decode()


def test_too_many_requests_are_told_when_to_come_again(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with failing(monkeypatch, Throttled(wait=16.4)):
        response = client.get(ADDRESS)
    is_problem(response, "throttled")
    assert response["Retry-After"] == "17"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OperationalError("server closed: host=db user=kairos"), "unavailable"),
        (RequestDataTooBig("a setting's name"), "body_too_large"),
    ],
)
def test_what_django_raises_is_told_in_our_words(
    client: APIClient, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    with failing(monkeypatch, error):
        problem = is_problem(client.get(ADDRESS), code)
    assert str(error) not in str(problem)


def test_mistakes_that_a_model_finds_are_told_by_field(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    mistakes = ModelValidationError(
        {
            "url": [ModelValidationError("%(given)s is no URL.", "bad_url", {"given": "x"})],
            "__all__": ["Not both."],
        }
    )
    with failing(monkeypatch, mistakes):
        problem = is_problem(client.get(ADDRESS), "invalid")
    assert problem["errors"] == [
        {"field": "url", "code": "bad_url", "message": "x is no URL."},
        {"field": "", "code": "invalid", "message": "Not both."},
    ]
    assert problem["detail"] == "url: x is no URL. And 1 more."


def test_nested_fields_have_paths_and_no_answer_is_without_end(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistakes: dict[str, Any] = {
        "endpoint": {"headers": {"X-Key": ["Too long."]}, "non_field_errors": ["Not so."]},
        "items": [{}, {"slug": ["Taken."]}],
        "regions": {2: ["There is none."]},
    }
    with failing(monkeypatch, ValidationError(mistakes)):
        assert wrong(client.get(ADDRESS)) == ["endpoint.headers.X-Key", "endpoint", "items[1].slug", "regions[2]"]
    with failing(monkeypatch, ValidationError({f"field-{number}": ["No."] for number in range(1000)})):
        problem = client.get(ADDRESS).json()
    assert (len(problem["errors"]), problem["detail"]) == (100, "field-0: No. And 999 more.")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "is not JSON: line 1, column 2"),
        ("", None),
        ("[]", "has to be a JSON object, and is a list"),
        ('"slug"', "and is a string"),
        ("null", "and is null"),
        ('{"slug": "a", "slug": "b"}', '"slug" twice'),
        ('{"latitude": NaN}', "NaN, which is not JSON"),
        ('{"latitude": -Infinity}', "-Infinity, which is not JSON"),
        ('{"latitude": 1e999}', "too large: 1e999"),
        ('{"latitude": 9223372036854775808}', "too large: 9223372036854775808"),
        ('{"latitude": ' + "9" * 9_000 + "}", "too large: 9999"),
        (b'{"name": "\xff"}', "is not UTF-8: byte 10"),
        ('{"name": ' + "[" * DEEPEST + "]" * DEEPEST + "}", "deeper than 32"),
        ('{"name": ' + "[" * 100_000, "deeper than 32"),
    ],
)
def test_body_that_cannot_be_read_is_named(operator: APIClient, body: str | bytes, words: str | None) -> None:
    response = send(operator, body)
    if words is None:
        assert wrong(response) == ["slug"]  # as an empty object
    else:
        assert words in is_problem(response, "malformed_body")["detail"]
    assert not Region.objects.exists()


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ('{"name": "a\\u0000"}', "name", "NUL"),
        ('{"a": [{"b\\u0000": 1}]}', "a[0]", "NUL"),
        ('{"a": {"b": [1, "\\ud800"]}}', "a.b[1]", "surrogate"),
    ],
)
def test_characters_that_no_text_may_hold_are_named_by_place(
    operator: APIClient, body: str, path: str, words: str
) -> None:
    (mistake,) = is_problem(send(operator, body), "invalid")["errors"]
    assert (mistake["field"], mistake["code"], words in mistake["message"]) == (path, "characters", True)


def test_body_is_read_up_to_a_bound(operator: APIClient, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    response = send(operator, '{"name": "' + "a" * 1_000 + '"}')
    assert "1000 bytes" in is_problem(response, "body_too_large")["detail"]


def test_body_of_another_type_is_refused(operator: APIClient) -> None:
    is_problem(send(operator, "slug: berlin", "application/yaml"), "unsupported_media_type")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"slug": 5}, ("slug", "wrong_type", "Write a string, not a number.")),
        ({"slug": "berlin", "latitude": "52.5"}, ("latitude", "wrong_type", "Write a number, not a string.")),
        ({"slug": "berlin", "latitude": True}, ("latitude", "wrong_type", "Write a number, not a boolean.")),
        ({"slug": "berlin", "colour": "red"}, ("colour", "unknown", "There is no such field here.")),
    ],
)
def test_value_of_another_type_is_not_taken_for_one(
    operator: APIClient, values: dict[str, Any], found: tuple[str, str, str]
) -> None:
    response = operator.post(ADDRESS, values, format="json")
    is_problem(response, "invalid")
    (mistake,) = response.json()["errors"]
    assert (mistake["field"], mistake["code"]) == found[:2]
    assert mistake["message"].startswith(found[2])


def test_parameter_with_one_value_is_written_once(client: APIClient) -> None:
    response = client.get("/api/v1/incidents?open=true&open=false")
    (mistake,) = is_problem(response, "invalid")["errors"]
    assert (mistake["field"], mistake["code"]) == ("open", "repeated")
    assert client.get("/api/v1/events?kind=tag_moved&kind=tag_split").status_code == 200


@pytest.mark.parametrize(
    "asked", ["resources?search=", "events?until=", "verdicts?registry=", "runs?asked_by=", "incidents?open="]
)
def test_empty_parameter_is_not_taken_for_none(client: APIClient, asked: str) -> None:
    """A variable of a script that is not set would otherwise ask for everything."""
    (mistake,) = is_problem(client.get(f"/api/v1/{asked}"), "invalid")["errors"]
    assert (mistake["field"], mistake["code"]) == (asked.partition("?")[2].rstrip("="), "blank")
