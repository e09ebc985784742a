"""Listing what is in a registry: catalogs, Harbor, GitHub's packages; logins, pages, and those who make no sense."""

import asyncio
import base64
from collections.abc import Callable
from typing import Any

import pytest

from probes.discovery import asking, command, harbor, registries, registry
from probes.discovery.arguments import ListingKind
from probes.discovery.login import Login
from probes.discovery.registries import Question
from probes.policy.discovery.finding import Notebook
from probes.policy.discovery.tags import TagFilter
from probes.protocol.plan import ANONYMOUS, Secret, Site
from tests.fakes.listing_service import Answer, ListingService, Request

Script = Callable[[Request], Answer]
PASSWORD = Secret(username="robot", password="hunter2hunter2")
BASIC = "Basic " + base64.b64encode(b"robot:hunter2hunter2").decode()
NOT_FOUND = Answer({"errors": [{"code": "NAME_UNKNOWN", "message": "repository name not known"}]}, 404)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_SHORTEST_PAUSE_SECONDS", 0.001)


def read(
    script: Script,
    secret: Secret = ANONYMOUS,
    wanted: TagFilter | None = None,
    *,
    seconds: float = 20,
    **asked: Any,
) -> tuple[Notebook, ListingService]:
    book = Notebook()
    with ListingService(script) as service:
        site = Site(allow_hosts=(service.authority,), plain_http=True)
        if asked.get("kind") is ListingKind.GHCR:
            asked = {"host": "ghcr.io", "api_url": service.url, **asked}
        question = Question(**{"host": service.authority, **asked})
        login = Login(site=site, secret=secret)
        asyncio.run(registries.read_registry(question, login, wanted or TagFilter(), book, seconds=seconds))
    return book, service


def found(book: Notebook) -> list[str]:
    return [item.reference.partition("/")[2] for item in book.found]


def gaps(book: Notebook) -> list[str]:
    return [str(remark) for remark in book.remarks if remark.is_gap]


CATALOG = {"apps/api": ["1.0.0", "1.1.0", "2.0.0", "latest"], "apps/web": ["1.0"], "empty": []}


def distribution(request: Request) -> Answer:
    """Answer as a registry that lists two names at a time."""
    names = sorted(CATALOG)
    member = "repositories"
    if request.path != "/v2/_catalog":
        repository = request.path.removeprefix("/v2/").removesuffix("/tags/list")
        if repository not in CATALOG:
            return NOT_FOUND
        names, member = CATALOG[repository], "tags"
    start = names.index(request.query["last"]) + 1 if "last" in request.query else 0
    page = names[start : start + 2]
    more = start + 2 < len(names)
    # Behind a proxy it knows neither its scheme nor its name.
    link = (("Link", f'<http://internal:5000{request.path}?last={page[-1]}&n=2>; rel="next"'),) if more else ()
    return Answer({"name": "x", member: page or None}, headers=link)


def test_a_catalog_and_its_tags_are_read_to_their_end_at_our_own_origin() -> None:
    book, _ = read(distribution)
    assert found(book) == ["apps/api:2.0.0", "apps/api:1.1.0", "apps/api:1.0.0", "apps/api:latest", "apps/web:1.0"]
    assert book.is_complete
    assert [remark.text for remark in book.remarks] == ["it has no tags"]


def test_repositories_and_tags_are_chosen() -> None:
    wanted = TagFilter(versions="<2", newest=1)
    book, service = read(distribution, wanted=wanted, pattern="apps/.*")
    assert found(book) == ["apps/api:1.1.0", "apps/web:1.0"]
    assert "/v2/empty/tags/list" not in service.paths


def test_named_repositories_need_no_catalog_and_must_be_there() -> None:
    book, service = read(distribution, repositories=("apps/web", "gone"))
    assert found(book) == ["apps/web:1.0"]
    assert "/v2/_catalog" not in service.paths
    (gap,) = gaps(book)
    assert "tags of gone: not read: HTTP 404: repository name not known" in gap


def test_what_is_in_the_catalog_without_tags_is_no_gap() -> None:
    book, _ = read(lambda request: Answer({"repositories": ["old"]}) if "_catalog" in request.path else NOT_FOUND)
    assert (found(book), book.is_complete) == ([], True)


@pytest.mark.parametrize("link", ["</v2/_catalog?n=1000>", "</v2/_catalog?last=a>", "<?last=b>"])
def test_a_catalog_that_goes_in_a_circle_is_left(link: str) -> None:
    def script(request: Request) -> Answer:
        if request.path != "/v2/_catalog":
            return Answer({"tags": ["1"]})
        return Answer({"repositories": ["a"]}, headers=(("Link", f"{link}; rel=next"),))

    book, service = read(script)
    assert (found(book), gaps(book)[0].split(": not read: ")[1]) == (["a:1"], "the list goes in a circle")
    assert len(service.requests) < 8


def test_a_catalog_without_end_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_REPOSITORIES", 5)
    number = iter(range(1000))

    def script(request: Request) -> Answer:
        if request.path != "/v2/_catalog":
            return Answer({"tags": []})
        n = next(number)
        return Answer({"repositories": [f"r{n}"]}, headers=(("Link", f'</v2/_catalog?last=r{n}>; rel="next"'),))

    book, _ = read(script)
    assert any("more than 5 repositories" in gap for gap in gaps(book))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(b"<html>"), "no JSON"),
        (Answer(b"[" * 100_000), "no JSON"),
        (Answer([]), "no list"),
        (Answer({"repositories": [1]}), "no list"),
        (Answer({"repositories": []}, headers=(("Link", '</other>; rel="next"'),)), "leads out of the API"),
        (Answer({"repositories": []}, headers=(("Link", '<//a b>; rel="next"'),)), "the link to the next page"),
        (Answer({"errors": [{"code": "DENIED", "message": "no"}]}, 403), "name repositories"),
        (Answer({}, 404), "name repositories"),
        (Answer({}, 500), "HTTP 500"),
        (Answer({}, 429, headers=(("Retry-After", "3600"),)), "HTTP 429"),
        (Answer(b" " * (5 * 1024 * 1024)), "too large"),
        (Answer({"repositories": ["../../etc", "A", "a?b", "x" * 300]}), "is no repository"),
        (Answer({"repositories": ["x" * 301]}), "more than 300 characters"),
    ],
)
def test_a_registry_that_makes_no_sense_is_a_gap(answer: Answer, said: str) -> None:
    book, service = read(lambda _: answer)
    assert found(book) == []
    assert any(said in gap for gap in gaps(book)), gaps(book)
    assert set(service.paths) == {"/v2/_catalog"}


def test_a_fault_that_passes_is_nothing() -> None:
    faults = iter([503, 429])

    def script(request: Request) -> Answer:
        status = next(faults, 200)
        return distribution(request) if status == 200 else Answer({}, status)

    assert read(script)[0].is_complete


def test_tags_of_very_many_digits_break_nothing() -> None:
    def script(request: Request) -> Answer:
        if request.path == "/v2/_catalog":
            return Answer({"repositories": ["a", "b"]})
        tags = ["9" * 5000, "1"] if "/a/" in request.path else ["2", "9" * 300]
        return Answer({"tags": tags})

    book, _ = read(script)
    assert found(book) == ["b:2"]
    assert (len(gaps(book)), book.is_complete) == (2, False)


def test_a_slow_registry_has_its_time_and_no_more() -> None:
    book, _ = read(lambda _: Answer({"repositories": []}, pause_seconds=0.5), seconds=0.2)
    assert not book.is_complete


def test_a_password_is_shown_where_it_is_asked_for() -> None:
    def script(request: Request) -> Answer:
        if request.authorization != BASIC:
            return Answer({}, 401, headers=(("WWW-Authenticate", 'Basic realm="x"'),))
        return distribution(request)

    assert read(script, PASSWORD)[0].is_complete
    book, service = read(script)
    assert not book.is_complete
    assert not any(request.authorization for request in service.requests)
    wrong, _ = read(script, Secret(username="robot", password="wrong-password"))
    assert not wrong.is_complete
    assert not any("wrong-password" in gap for gap in gaps(wrong))


def tokens(request: Request) -> Answer:
    """Answer as a registry with a token service of its own: a token is its scope."""
    host = request.headers["host"]
    if request.path == "/token":
        if request.authorization != BASIC:
            return Answer({"errors": [{"code": "UNAUTHORIZED", "message": "bad login"}]}, 401)
        return Answer({"token": request.query["scope"].replace(":", "-").replace("*", "all")})
    what = request.path.removeprefix("/v2/").removesuffix("/tags/list")
    scope = "registry-catalog-all" if what == "_catalog" else f"repository-{what}-pull"
    if request.authorization != f"Bearer {scope}":
        challenge = f'Bearer realm="http://{host}/token",service="registry",scope="repository:{what}:pull,push"'
        return Answer({}, 401, headers=(("WWW-Authenticate", challenge),))
    return distribution(request)


def test_a_token_is_fetched_for_each_scope_and_never_for_more_than_pull() -> None:
    book, service = read(tokens, PASSWORD)
    assert book.is_complete, gaps(book)
    assert sorted(request.query["scope"] for request in service.requests if request.path == "/token") == [
        "registry:catalog:*",
        "repository:apps/api:pull",
        "repository:apps/web:pull",
        "repository:empty:pull",
    ]


def test_a_token_service_elsewhere_sees_no_login() -> None:
    challenge = (("WWW-Authenticate", 'Bearer realm="https://evil.example.net/token",service="x"'),)
    book, service = read(lambda _: Answer({}, 401, headers=challenge), PASSWORD)
    assert "auth realm untrusted" in gaps(book)[0]
    assert not any(request.authorization for request in service.requests)


def test_a_bearer_is_shown_at_once_and_not_renewed() -> None:
    book, service = read(
        lambda request: distribution(request) if request.authorization == "Bearer of-mine" else Answer({}, 401),
        Secret(bearer="of-mine"),
    )
    assert book.is_complete
    assert {request.authorization for request in service.requests} == {"Bearer of-mine"}


def of_harbor(request: Request) -> Answer:
    """Answer as Harbor 2 does."""
    path = request.path.removeprefix("/api/v2.0")
    if path == "/projects":
        items: list[Any] = [{"project_id": 1, "name": "library"}, {"project_id": 2, "name": "team"}]
    elif path == "/projects/library/repositories":
        items = []
    elif path == "/projects/team/repositories":
        items = [
            {"id": 1, "name": "team/app", "artifact_count": 3},
            {"id": 2, "name": "team/deep/er", "artifact_count": 1},
        ]
    elif path == "/projects/team/repositories/app/artifacts":
        items = [
            {"digest": "sha256:" + "a" * 64, "type": "IMAGE", "tags": [{"name": "1.0"}, {"name": "latest"}]},
            {"digest": "sha256:" + "b" * 64, "type": "IMAGE", "tags": None},
            {"digest": "sha256:" + "c" * 64, "type": "CHART", "tags": [{"name": "0.1.0"}]},
        ]
    elif path == "/projects/team/repositories/deep%252Fer/artifacts":
        items = [{"digest": "sha256:" + "d" * 64, "type": "IMAGE", "tags": [{"name": "2"}]}]
    else:
        return Answer({"errors": [{"code": "NOT_FOUND", "message": "not found"}]}, 404)
    page, size = int(request.query["page"]), int(request.query["page_size"])
    return Answer(items[(page - 1) * size : page * size], headers=(("X-Total-Count", str(len(items))),))


@pytest.mark.parametrize("page_items", [1, 100])
def test_harbor_is_listed_by_its_own_api(monkeypatch: pytest.MonkeyPatch, page_items: int) -> None:
    monkeypatch.setattr(harbor, "PAGE_ITEMS", page_items)
    book, service = read(of_harbor, PASSWORD, kind=ListingKind.HARBOR)
    assert found(book) == ["team/app:1.0", "team/app:latest", "team/deep/er:2"]
    assert book.is_complete, gaps(book)
    assert {request.authorization for request in service.requests} == {BASIC}
    assert any("1 artifacts are no images" in str(remark) for remark in book.remarks)


def test_harbors_projects_and_repositories_are_chosen() -> None:
    book, service = read(of_harbor, kind=ListingKind.HARBOR, projects=("team",), pattern="team/a.*")
    assert found(book) == ["team/app:1.0", "team/app:latest"]
    assert "/api/v2.0/projects" not in service.paths


def test_a_project_that_is_not_there_hides_no_other() -> None:
    book, _ = read(of_harbor, kind=ListingKind.HARBOR, projects=("gone", "team"))
    assert (len(found(book)), len(gaps(book))) == (3, 1)


@pytest.mark.parametrize(
    "answer",
    [
        Answer({}),
        Answer({}, 401),
        Answer([{"name": f"p{n}"} for n in range(100)]),
        Answer([{"name": "x" * 301}]),
    ],
)
def test_a_harbor_that_makes_no_sense_is_a_gap(answer: Answer) -> None:
    assert not read(lambda _: answer, kind=ListingKind.HARBOR)[0].is_complete


def of_github(request: Request) -> Answer:
    """Answer as GitHub's API does, a page an item."""
    if request.headers.get("authorization") != "Bearer ghp_mine":
        return Answer({"message": "Requires authentication"}, 401)
    lists: dict[str, list[Any]] = {
        "/users/me/packages": [{"name": "app", "package_type": "container"}, {"name": "a/b"}],
        "/users/me/packages/container/app/versions": [
            {"id": 1, "name": "sha256:" + "a" * 64, "metadata": {"container": {"tags": ["1.0", "latest"]}}},
            {"id": 2, "name": "sha256:" + "b" * 64, "metadata": {"container": {"tags": []}}},
        ],
        "/users/me/packages/container/a%2Fb/versions": [{"id": 3, "metadata": {"container": {"tags": ["2"]}}}],
    }
    if request.path not in lists:
        return Answer({"message": "Not Found"}, 404)
    items = lists[request.path]
    page = int(request.query["page"])
    link = (("Link", '<https://elsewhere.example/>; rel="next", <x>; rel="last"'),) if page < len(items) else ()
    return Answer(items[page - 1 : page], headers=link)


@pytest.mark.parametrize("secret", [Secret(bearer="ghp_mine"), Secret(username="me", password="ghp_mine")])
def test_githubs_packages_are_listed_of_an_organisation_or_a_user(secret: Secret) -> None:
    book, service = read(of_github, secret, kind=ListingKind.GHCR, owner="me")
    assert [item.reference for item in book.found] == [
        "ghcr.io/me/app:1.0",
        "ghcr.io/me/app:latest",
        "ghcr.io/me/a/b:2",
    ]
    assert book.is_complete
    assert service.paths[0] == "/orgs/me/packages"


def test_without_githubs_token_it_is_said_which_is_wanted() -> None:
    book, _ = read(of_github, kind=ListingKind.GHCR, owner="me")
    assert "classic token with read:packages" in gaps(book)[0]
    assert not read(of_github, Secret(bearer="ghp_mine"), kind=ListingKind.GHCR, owner="gone")[0].is_complete


def test_the_whole_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAIROS_DISCOVER_PASSWORD", "hunter2hunter2")
    with ListingService(tokens) as service:
        arguments = ["--from-registry", service.authority, "--plain-http", "--username", "robot", "--source", "reg"]
        status = command.main([*arguments, "--versions", "^1", "--newest", "1"])
    shown = capsys.readouterr()
    assert status == 0, shown.err
    assert f'reference: "{service.authority}/apps/api:1.1.0"' in shown.out
    assert "hunter2" not in shown.out + shown.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--from-registry", "docker.io"],
        ["--from-registry", "ghcr.io"],
        ["--from-registry", "not a host"],
        ["--from-registry", "app"],
        ["--from-registry", "r.example.com", "--versions", "one"],
        ["--from-registry", "r.example.com", "--tags", "("],
        ["--from-registry", "r.example.com", "--newest", "-1"],
        ["--from-registry", "r.example.com", "--username", "robot"],
        ["--from-registry", "r.example.com", "--ca-file", "/nowhere"],
        ["--tags", "x", "."],
    ],
)
def test_wrong_usage_is_said_before_anything_is_asked(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("KAIROS_DISCOVER_PASSWORD", raising=False)
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
    assert "error: " in capsys.readouterr().err
