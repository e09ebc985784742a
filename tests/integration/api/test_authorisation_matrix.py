"""Every route, method, role and scope: who gets past the door, and who is told what is missing.

The rows are held against the URL table, so a new route without a row fails here. Rows are asked for with numbers that
are nobody's and with empty bodies: whoever gets past the door gets a 404 or a 400, and nothing is done.
"""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.http import JsonResponse
from django.test import RequestFactory
from django.urls import URLResolver, get_resolver, resolve
from django.utils import timezone

from api import authentication
from probes.models import ResourceGroup
from probes.policy.access import Role, Scope
from probes.selectors.access import token_in_force
from tests.fakes.access import grant, token_of

pytestmark = pytest.mark.django_db

# method, route, scope, role; `all` where the role must be over everything. A route that is for everybody has `-`.
# SHOW is to read the list of a noun and one of them; WRITE to create, replace, change and delete, one and many.
ROWS: Final = """
SHOW   v1/resources                             read   viewer
POST   v1/resources/check                       probe  operator
POST   v1/resources/<int:id>/check              probe  operator
POST   v1/resources/<int:id>/pause              write  operator
POST   v1/resources/<int:id>/resume             write  operator
WRITE  v1/resources                             write  editor
GET    v1/resources/<int:id>/verdict            read   viewer
GET    v1/resources/<int:id>/verdict-changes    read   viewer
GET    v1/resources/<int:id>/rollups            read   viewer
GET    v1/resources/<int:id>/uptime             read   viewer
GET    v1/registries/<int:id>/rollups           read   viewer
SHOW   v1/registries                            read   viewer
WRITE  v1/registries                            write  editor    all
GET    v1/regions/<slug:slug>/rollups           read   viewer
GET    v1/regions                               read   viewer
POST   v1/regions                               admin  admin     all
POST   v1/regions/<slug:slug>/rotate            admin  admin     all
POST   v1/regions/<slug:slug>/retire            admin  admin     all
POST   v1/regions/<slug:slug>/drain             write  editor    all
POST   v1/regions/<slug:slug>/pause             write  editor    all
POST   v1/regions/<slug:slug>/resume            write  editor    all
GET    v1/regions/<slug:slug>                   read   viewer
PUT    v1/regions/<slug:slug>                   write  editor    all
PATCH  v1/regions/<slug:slug>                   write  editor    all
GET    v1/regions/<slug:slug>/events            read   viewer
GET    v1/groups/<int:id>/rollups               read   viewer
WRITE  v1/groups                                write  editor    all
SHOW   v1/groups                                read   viewer
GET    v1/groups/<int:id>/uptime                read   viewer
GET    v1/verdicts                              read   viewer
WRITE  v1/maintenance-windows                   write  operator
SHOW   v1/maintenance-windows                   read   viewer
SHOW   v1/outcomes                              read   viewer
SHOW   v1/sources                               read   viewer
WRITE  v1/sources                               write  editor    all
SHOW   v1/incidents                             read   viewer
POST   v1/incidents/<int:id>/acknowledge        write  operator
POST   v1/incidents/<int:id>/comments           write  operator
GET    v1/events                                read   viewer
GET    v1/audit                                 admin  admin     all
GET    v1/missed-slots                          read   viewer
GET    v1/certificates                          read   viewer
GET    v1/quota-accounts                        read   viewer
GET    v1/notices                               read   editor    all
POST   v1/policies/dry-run                      read   viewer
SHOW   v1/policies                              read   viewer
WRITE  v1/policies                              write  editor    all
GET    v1/compare                               read   viewer
GET    v1/runs                                  read   viewer
GET    v1/runs/<uuid:uuid>                      read   viewer
POST   v1/configuration/apply                   write  editor    all
GET    v1/configuration/export                  read   editor    all
GET    v1/configuration/schema                  -      -
POST   v1/probes                                probe  operator
SHOW   v1/tokens                                read   viewer
POST   v1/tokens                                write  viewer
DELETE v1/tokens/<int:id>                       write  viewer
SHOW   v1/schedules                             read   viewer
WRITE  v1/schedules                             write  editor    all
SHOW   v1/credentials                           read   editor    all
WRITE  v1/credentials                           write  editor    all
SHOW   v1/channels                              read   editor    all
WRITE  v1/channels                              write  editor    all
POST   v1/channels/<int:id>/test                write  editor    all
SHOW   v1/rules                                 read   editor    all
WRITE  v1/rules                                 write  editor    all
SHOW   v1/status-pages                          read   viewer    all
WRITE  v1/status-pages                          write  editor    all
SHOW   v1/status-groups                         read   viewer    all
WRITE  v1/status-groups                         write  editor    all
SHOW   v1/announcements                         read   viewer    all
WRITE  v1/announcements                         write  operator  all
GET    v1/terms                                 read   viewer
PUT    v1/terms                                 write  editor    all
PATCH  v1/terms                                 write  editor    all
GET    v1/schema/                               -      -
GET    docs/                                    -      -
"""

_OF_NOUN: Final = {
    "SHOW": (("GET", ""), ("GET", "/<int:id>")),
    "WRITE": (
        ("POST", ""),
        ("POST", "/bulk"),
        *((method, "/<int:id>") for method in ("PUT", "PATCH", "DELETE")),
    ),
}

_factory: Final = RequestFactory()

METHODS: Final = ("get", "post", "put", "patch", "delete")


class Row(NamedTuple):
    scope: str
    role: str
    over_all: bool


class Holder(NamedTuple):
    """A token of one scope, of a user with one role over everything or over one group."""

    scope: Scope
    role: Role
    over_all: bool
    text: str


def table() -> dict[tuple[str, str], Row]:
    found: dict[tuple[str, str], Row] = {}
    for line in ROWS.strip().splitlines():
        word, route, scope, role, *extent = line.split()
        for method, below in _OF_NOUN.get(word, ((word, ""),)):
            key = (method, f"{route}{below}")
            assert key not in found, "a route has two rows, of which the last alone would count"
            found[key] = Row(scope, role, bool(extent))
    return found


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each method that an address takes, and its route."""
    for pattern in resolver.url_patterns:
        route = f"{prefix}{pattern.pattern}".replace("<int:pk>", "<int:id>")
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif route:  # without one: whatever has no address
            callback: Any = pattern.callback
            taken = getattr(callback, "actions", None) or dir(callback.cls)
            yield from ((name.upper(), route) for name in taken if name in METHODS)


def test_each_route_has_its_row() -> None:
    there = set(routes(get_resolver("api.urls")))
    told = set(table())
    missing = "\n".join(f"{method:<6} {route}" for method, route in sorted(there - told))
    assert not missing, (
        "These have no row. Say in the view's `needs` what they take (api/access.py has what is usual), and add to "
        f"ROWS here the scope and the role, and `all` if the role must be over everything:\n{missing}"
    )
    assert told <= there, f"no routes any more, take out their rows: {sorted(told - there)}"


@pytest.fixture
def holders() -> list[Holder]:
    group = ResourceGroup.objects.create(name="theirs")
    found = []
    for role in Role:
        for groups in ((), (group,)):
            user = User.objects.create(username=f"{role}{len(groups)}")
            grant(user, role, *groups)
            found += [Holder(scope, role, not groups, token_of(user, scope)) for scope in Scope]
    return found


def ask(method: str, route: str, text: str | None) -> tuple[int, str]:
    """Return the status and the code of what the view answers. Nothing is in between: there are 1,000 to ask."""
    address = f"/api/{route}".replace("<int:id>", "4611686018427387904").replace("<slug:slug>", "nowhere")
    address = address.replace("<uuid:uuid>", "00000000-0000-4000-8000-000000000000")
    headers = {} if text is None else {"Authorization": f"Bearer {text}"}
    request = _factory.generic(method, address, b"{}", content_type="application/json", headers=headers)
    found = resolve(address)
    answer = found.func(request, *found.args, **found.kwargs)
    code = json.loads(answer.content)["code"] if isinstance(answer, JsonResponse) else ""
    return answer.status_code, code


def expected(row: Row, holder: Holder) -> str:
    """Return the code of the refusal, or nothing for who gets past the door."""
    if holder.scope != row.scope:
        return "missing_scope"
    has_role = holder.role.includes(Role(row.role)) and (holder.over_all or not row.over_all)
    return "" if has_role else "missing_role"


def test_each_role_with_each_scope_may_what_the_rows_say(
    holders: list[Holder], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whose token it is does not change here: it is looked up once each.
    looked_up = cache(lambda shown: token_in_force(shown, now=timezone.now()))
    monkeypatch.setattr(authentication, "token_in_force", lambda shown, now: looked_up(shown))
    wrong = []
    for (method, route), row in table().items():
        status, code = ask(method, route, None)
        if (status == 401) != (row.scope != "-"):
            wrong.append(f"{method} {route} without a token: {status} {code}")
        for holder in holders if row.scope != "-" else ():
            wanted = expected(row, holder)
            status, code = ask(method, route, holder.text)
            if (code if status in (401, 403) else "") != wanted or status >= 500:
                over = "everything" if holder.over_all else "one group"
                said = f"{status} {code}, expected {wanted or 'to get in'}"
                wrong.append(f"{method} {route} as {holder.role} of {over} with {holder.scope}: {said}")
    assert not wrong, "\n".join(wrong)


def test_user_without_any_role_gets_nowhere() -> None:
    text = token_of(User.objects.create(username="nobody"))
    answers = {ask(method, route, text) for (method, route), row in table().items() if row.scope != "-"}
    assert answers == {(403, "missing_role")}
