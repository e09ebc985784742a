"""What the description of the API says beside its operations: of tags, of addresses, of answers, and of the whole."""

from collections.abc import Mapping
from typing import Final

TAGS: Final[Mapping[str, str]] = {
    "resources": "What is checked: images and HTTP endpoints, with their states, verdicts, uptime and hours.",
    "runs": "Checks that were ordered, to be polled until they are done.",
    "probes": "Checks of any reference or URL, of which nothing is stored but the run.",
    "compare": "What regions see of a resource, a registry or a group, side by side.",
    "verdicts": "How resources stand now, over all regions.",
    "outcomes": "What checks found, one by one.",
    "incidents": "Intervals in which a verdict was bad, with their timelines.",
    "events": "What happened and is no failure by itself.",
    "groups": "Resources that belong together, with their uptime; roles are given by group.",
    "schedules": "Intervals and crontabs with a name, that resources take in place of their own.",
    "policies": "Terms with a name, that resources and groups share; and what they would have done to the past.",
    "terms": "The terms of all that says nothing else.",
    "maintenance-windows": "Planned work, of which nobody is told and which counts against nothing.",
    "registries": "How registries are reached, and whom checks of them trust.",
    "credentials": "Logins of registries and endpoints. Their secrets go in and never come out.",
    "channels": "Ways by which people are told.",
    "rules": "Who is told of what, by which channel.",
    "notices": "What was told, and what is still to be.",
    "status-pages": "Pages for people who know nothing of what is behind them, and who is shown them.",
    "status-groups": "What such pages tell of groups, by which public names.",
    "announcements": "What is said on such pages besides.",
    "regions": "The places from which checks are made: their condition, their keys, their events.",
    "missed-slots": "Checks that were due and not made, and why.",
    "certificates": "Certificates that hosts showed, by region.",
    "quota-accounts": "What registries let us have, and what was taken of it.",
    "configuration": "The configuration as documents: to apply and to export.",
    "sources": "Who manages which rows by files, and what was found where.",
    "tokens": "What programs log in with.",
    "audit": "Who changed what of the configuration.",
}
"""In the order in which the page has them: what is asked most first."""

PARAMETERS: Final[Mapping[str, str]] = {
    "id": "The row's number, as its list has it.",
    "slug": "The region's slug.",
    "uuid": "The run's id, as the answer to the order has it.",
    "format": "The representation, where `Accept` does not say it.",
}
"""What stands in addresses, and what the library takes by itself: each by its name, where nothing else is said."""

ANSWERS: Final[Mapping[str, str]] = {
    "200": "It is done, or as it is now.",
    "201": "It is made, and this is how it is.",
    "202": "It is ordered, and under way.",
    "204": "It is done, and there is nothing to say of it.",
}
"""What a status says where an operation says no more of it."""

HEADERS: Final[Mapping[str, Mapping[str, str]]] = {
    "Unauthenticated": {"WWW-Authenticate": "How to say who asks: `Bearer`, and why this token is not taken."},
    "Throttled": {"Retry-After": "Seconds until it may be asked again."},
    "Unavailable": {"Retry-After": "Seconds until it is worth to ask again."},
}
"""Of shared answers, by their names."""

ABOUT: Final = """
Can this container image be pulled, right now, from here?

Send `Authorization: Bearer kairos_…` with every request. Tokens are made in the admin, by `manage.py token create
USER`, or here; each has scopes, and never can more than its owner's roles allow. Each operation says which scope and
which role it takes. People who are logged in may use their session, with a CSRF token where they write.

**Rows out of reach** of whoever asks are not there: they are in no list, no count and no error.

**Lists** come in pages: follow `next` until it is null. A page is stable while rows come, and there is no count. A
parameter that is not known, is empty, or cannot be is an error by its name. `fields=a,b` shows these fields alone,
and `ordering=-name` turns the order.

**Writes** are strict: an unknown field or a value of another JSON type is refused, and nothing is stored. `PUT` gives
what is left out its default, `PATCH` leaves it. With an `ETag` in `If-Match` nothing is changed that was changed
since; with an `Idempotency-Key` a create may be sent again. `…/bulk` takes many, with a result of each.

**Errors** are `application/problem+json` (RFC 9457): `code` is stable and for programs, `detail` for people, and
`errors` names each field that is wrong. New codes and new fields may come: pass over what you do not know.

**Times** are RFC 3339 in UTC. Durations say their unit in their name.
""".strip()
