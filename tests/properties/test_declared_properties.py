"""Configuration that is exported is what was applied: on a real database, whatever it says."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probes.policy.declared import writing
from probes.policy.declared.kinds import SECRET_FROM, Kind
from probes.policy.declared.planning import Verb, Wishes
from probes.policy.declared.reading import DeclaredSource, Place, Reading
from probes.policy.declared.secrets import Origin

if TYPE_CHECKING:
    from probes.actions.applying import Applied

pytestmark = pytest.mark.django_db

NOW: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
GIT: Final = DeclaredSource(name="git", is_complete=True, place=Place("--source", 0))
REGIONS: Final = ("ap", "eu", "us")
HOSTS: Final = ("docker.io", "ghcr.io", "registry.example:5000")
Document = dict[str, Any]

# What is easily read as something else, or breaks what it is written in.
_WORDS: Final = st.sampled_from(
    ["", "null", "~", "yes", "1.20", "0x1", "- a", "a: b", "# c", " a ", "'", '"', "\\", "{a", "[b", "---", "a\nb\n"]
)
TEXT: Final = _WORDS | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
LABELS: Final = st.dictionaries(TEXT.filter(bool), TEXT, max_size=3)
SECONDS: Final = st.integers(min_value=60, max_value=86_400)
SHARE: Final = st.none() | st.integers(min_value=1, max_value=100)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Document]:
    """Any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


TERMS: Final = some(
    quorum=some(votes=SHARE) | some(percent=SHARE),
    minimum_votes=SHARE,
    failures=SHARE,
    fresh_intervals=SHARE,
    severity=st.sampled_from([None, "info", "warning", "critical"]),
    degraded_after_seconds=st.none() | st.integers(min_value=0, max_value=604_800),
    uptime_target_percent=st.sampled_from([None, 50, 99.9, 99.95, 99.9999, 0.0001]),
)
SCHEDULE: Final = st.fixed_dictionaries({"interval_seconds": SECONDS}, optional={"name": TEXT.filter(bool)}) | (
    st.fixed_dictionaries(
        {"crontab": st.sampled_from(["0 2 * * *", "*/5 * * * 1-5"])},
        optional={"zone": st.sampled_from(["UTC", "Europe/Berlin"])},
    )
)
POLICY: Final = some(name=TEXT.filter(bool), notes=TEXT, terms=TERMS)
REGISTRY: Final = some(
    name=TEXT,
    notes=TEXT,
    allow_cidrs=st.lists(st.sampled_from(["10.0.0.0/8", "fd00::/8"]), unique=True),
    allow_hosts=st.lists(st.sampled_from(["a.example", "b.example:8443"]), unique=True),
    resolve=st.dictionaries(st.sampled_from(HOSTS), st.just(["10.0.0.5"]), max_size=2),
    trusted_auth_hosts=st.lists(st.just("auth.example"), max_size=1),
    plain_http=st.booleans(),
    quota_share_percent=st.integers(min_value=1, max_value=100),
)
REFERENCE: Final = st.builds(
    "{}/{}:{}".format,
    st.sampled_from(HOSTS),
    st.sampled_from(["org/app", "org/team/app"]),
    st.sampled_from(["1", "1.20", "latest"]),
)
ENDPOINT: Final = some(
    method=st.sampled_from(["GET", "HEAD"]),
    headers=st.dictionaries(st.sampled_from(["X-A", "X-B"]), st.sampled_from(["1", "yes", "a: b #"]), max_size=2),
    follow_redirects=st.booleans(),
    statuses=st.sampled_from(["200", "200-204, 301"]),
    latency_ms=st.integers(min_value=0, max_value=10_000),
)
REGION: Final = st.fixed_dictionaries({}, optional={"name": TEXT.filter(bool)}) | st.fixed_dictionaries(
    {"latitude": st.sampled_from([-90, 0, 50.11]), "longitude": st.sampled_from([-180, 0.5, 8.68])}
)
CHANNEL: Final = st.fixed_dictionaries(
    {"kind": st.just("webhook"), "secretFrom": st.just({"url": {"env": "HOOK"}, "signing_key": {"env": "HOOK_KEY"}})},
    optional={
        "name": TEXT.filter(bool),
        "is_enabled": st.booleans(),
        "allowed_cidrs": st.lists(st.sampled_from(["10.0.0.0/8", "fd00::/8"]), unique=True),
        "reminder_minutes": st.none() | st.integers(min_value=60, max_value=1440),
    },
)
VISIBILITY: Final = st.sampled_from(["public", "signed_in", "hidden"])
STATUS_PAGE: Final = st.fixed_dictionaries(
    {"title": TEXT.filter(bool)},
    optional={
        "description": TEXT,
        "visibility": VISIBILITY,
        "shows_hosts": st.booleans(),
        "frame_origins": st.lists(
            st.sampled_from(["*", "https://*.example.com", "http://a.example:8080"]), unique=True
        ),
    },
)
SECRETS: Final = {"LOGIN": "s3cret", "HOOK": "https://hooks.example/T0KEN", "HOOK_KEY": "a signing key of a webhook"}


def credential(name: str, registries: Iterable[str]) -> st.SearchStrategy[Document]:
    """One login for the repositories that are called like it: no two are for the same."""
    return st.fixed_dictionaries(
        {
            "registry": st.sampled_from(list(registries)),
            "repository_prefix": st.just(name),
            "username": st.sampled_from(["robot", "yes", "1e3"]),
            "secretFrom": st.just({"env": "LOGIN"}),
        },
        optional={
            "region": st.sampled_from([None, *REGIONS]),
            "expires_at": st.sampled_from(["2027-01-02T03:04:05Z", "2027-01-02T03:04:05+01:00"]),
        },
    )


def chosen(names: Iterable[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(found), unique=True) if (found := list(names)) else st.just([])


def rule(channels: Iterable[str], groups: Iterable[str], registries: Iterable[str]) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(
        {"channel": st.sampled_from(list(channels))},
        optional={
            "topics": chosen(["incident_opened", "tag_moved", "quota"]),
            "severity": st.sampled_from(["info", "warning", "critical"]),
            "groups": chosen(groups),
            "registries": chosen(registries),
            "labels": LABELS,
        },
    )


def status_group(page: str, group: str) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(
        {"page": st.just(page), "group": st.just(group), "public_name": TEXT.filter(bool)},
        optional={
            "description": TEXT,
            "visibility": VISIBILITY,
            "naming": st.sampled_from(["together", "names", "references"]),
            "position": st.integers(min_value=0, max_value=1_000),
        },
    )


def window(images: Iterable[str], groups: Iterable[str]) -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries(
        {
            "starts_on": st.just("2026-03-08"),
            "starts_at": st.sampled_from(["02:00", "23:59:30"]),
            "duration_minutes": st.integers(min_value=1, max_value=600),
            "regions": st.lists(st.sampled_from(REGIONS), min_size=1, unique=True),
        },
        optional={
            "name": TEXT.filter(bool),
            "zone": st.sampled_from(["UTC", "Europe/Berlin"]),
            "rule": st.sampled_from(["", "FREQ=WEEKLY;BYDAY=SU"]),
            "resources": chosen(images),
            "groups": chosen(groups),
        },
    )


def checked(groups: Iterable[str], policies: Iterable[str], schedules: Iterable[str]) -> dict[str, Any]:
    """The fields of an image and an endpoint, which may name what there is."""
    return {
        "name": TEXT,
        "interval_seconds": SECONDS,
        "group": st.sampled_from([None, *groups]),
        "policy": st.sampled_from([None, *policies]),
        "schedule": st.sampled_from([None, *schedules]),
        "regions": st.lists(st.sampled_from(REGIONS), unique=True),
        "terms": TERMS,
    }


def document(kind: Kind, name: str, spec: Document, labels: dict[str, str] | None = None) -> Document:
    metadata: Document = {"name": name} | ({"labels": labels} if labels else {})
    return {"apiVersion": "kairos/v1", "kind": kind.value, "metadata": metadata, "spec": spec}


@st.composite
def configurations(draw: st.DrawFn) -> list[Document]:
    """A few of each kind, and all regions, which name each other, in any order."""

    def named(kind: Kind, names: Iterable[str], spec: st.SearchStrategy[Document]) -> list[Document]:
        chosen = draw(st.lists(st.sampled_from(list(names)), unique=True, max_size=3))
        return [document(kind, name, draw(spec)) for name in chosen]

    schedules = named(Kind.SCHEDULE, ["hourly", "1.20", "null"], SCHEDULE)
    policies = named(Kind.POLICY, ["strict", "0", "yes"], POLICY)
    registries = named(Kind.REGISTRY, HOSTS, REGISTRY)
    schedule_names, policy_names = ([item["metadata"]["name"] for item in found] for found in (schedules, policies))
    grouped = some(name=TEXT.filter(bool), notes=TEXT, terms=TERMS, policy=st.sampled_from([None, *policy_names]))
    groups = named(Kind.GROUP, ["shop", "a_b", "12"], grouped)
    common = checked([item["metadata"]["name"] for item in groups], policy_names, schedule_names)
    images = named(
        Kind.IMAGE,
        ["web", "ghcr.io_org_app_1", "1e3"],
        st.fixed_dictionaries(
            {"reference": REFERENCE},
            optional={
                **common,
                "platforms": st.sampled_from([["all"], ["linux/arm64"], ["linux/amd64", "linux/arm/v7"]]),
                "strict_platform": st.booleans(),
                "depth": st.sampled_from([None, "resolve", "blobs"]),
                "blobs_cadence_seconds": SECONDS,
                "check_tag": st.booleans(),
            },
        ),
    )
    url = st.sampled_from(["https://api.example/health", "https://api.example/?a=1&b=2", "http://b.example:8080/"])
    endpoints = named(
        Kind.ENDPOINT,
        ["api", "no"],
        st.fixed_dictionaries({"reference": url}, optional={**common, "endpoint": ENDPOINT}),
    )
    for item in (*images, *endpoints):
        if labels := draw(LABELS):
            item["metadata"]["labels"] = labels
    hosts, group_names, image_names = (
        [item["metadata"]["name"] for item in found] for found in (registries, groups, images)
    )
    regions = [document(Kind.REGION, slug, draw(REGION)) for slug in REGIONS]
    logins = [
        document(Kind.CREDENTIAL, name, draw(credential(name, hosts)))
        for name in draw(chosen(["robot", "null"] if hosts else []))
    ]
    channels = named(Kind.CHANNEL, ["on-call", "1.20"], CHANNEL)
    channel_names = [item["metadata"]["name"] for item in channels]
    rules = named(Kind.RULE, ["all", "no"], rule(channel_names, group_names, hosts)) if channels else []
    pages = named(Kind.STATUS_PAGE, ["registry", "2", "no"], STATUS_PAGE)
    # A group is once on a page.
    pairs = [(page["metadata"]["name"], group) for page in pages for group in group_names]
    shown = [
        document(Kind.STATUS_GROUP, f"{page}-{group}".replace("_", "-"), draw(status_group(page, group)))
        for page, group in (draw(st.lists(st.sampled_from(pairs), unique=True, max_size=3)) if pairs else [])
    ]
    windows = named(Kind.MAINTENANCE_WINDOW, ["sundays", "0x1"], window(image_names, group_names))
    settings = [*schedules, *policies, *registries, *groups, *regions, *logins, *channels, *rules, *windows]
    return draw(st.permutations([*settings, *pages, *shown, *images, *endpoints]))


@contextmanager
def empty_database() -> Iterator[None]:
    """Do something in a database with three regions and nothing else, of which nothing stays."""
    from probes.models import Region  # noqa: PLC0415 - models, once Django is set up

    with transaction.atomic():
        Region.objects.bulk_create(Region(slug=slug, name=slug) for slug in REGIONS)
        yield
        transaction.set_rollback(True)


def apply(reading: Reading, source: DeclaredSource | None = None, *, adopt: bool = False) -> "Applied":
    from probes.actions import applying  # noqa: PLC0415 - likewise

    def resolve(origin: Origin) -> str:
        return SECRETS[origin.where]

    return applying.apply(reading, Wishes(source=source, adopt=adopt), now=NOW, resolve=resolve)


def texts(text: str) -> Reading:
    reading = Reading()
    reading.add_text(text, "exported.yaml")
    return reading


def exported(source: str | None = None) -> str:
    from probes.selectors.declared import everything  # noqa: PLC0415 - likewise

    return "".join(writing.text(writing.documents(everything(list(Kind), source=source))))


def with_secrets(told: Reading, of: Reading) -> Reading:
    """Say again where secrets come from: an export leaves that out, and what is made anew needs one."""
    known = {(thing.kind, thing.name): thing.values.get(SECRET_FROM) for thing in of.things}
    told.things = [
        replace(thing, values={**thing.values, SECRET_FROM: known[thing.kind, thing.name]})
        if SECRET_FROM in thing.values
        else thing
        for thing in told.things
    ]
    return told


def values(documents: list[Document]) -> Reading:
    reading = Reading()
    reading.add_values(documents, "documents")
    return reading


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(documents=configurations(), has_source=st.booleans())
def test_what_is_exported_is_what_was_applied(documents: list[Document], has_source: bool) -> None:  # noqa: FBT001 - drawn
    with empty_database():
        reading = values(documents)
        source = GIT if has_source else None
        apply(reading, source, adopt=True)  # the regions, which were enrolled by hand
        everything, managed = exported(), exported(GIT.name)

        assert apply(texts(everything)).is_nothing
        assert apply(texts(managed), source).is_nothing
        if source is not None:
            # Of what images have made, nobody has said anything until now: it is taken over, once.
            taken_over = apply(texts(everything), source).plan.changes
            assert {(change.verb, change.kind) for change in taken_over} <= {(Verb.UPDATE, Kind.REGISTRY)}
            assert apply(texts(everything), source).is_nothing
    with empty_database():
        apply(with_secrets(texts(everything), values(documents)))
        assert exported() == everything
