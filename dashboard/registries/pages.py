"""Registries in words: what lies there, how it stands, and what is needed on the way. PURE: rows in, words out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dashboard import words
from dashboard.cells import look_of, name_of
from dashboard.instants import Told
from dashboard.words import Facts, Look
from probes.models import Credential, HostCertificate, MaintenanceOccurrence, Registry, Resource
from probes.policy.quota_limits import Counting
from probes.selectors.quota import AccountLine
from probes.selectors.registry_pages import Standing

SOON: Final = timedelta(days=14)
"""What ends within this time is marked."""

_BAD: Final = (Look.UNAVAILABLE, Look.DEGRADED, Look.UNKNOWN)
_COUNTING: Final = {Counting.MANIFESTS: "manifests that are read", Counting.REQUESTS: "requests"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A registry in a list. `states` are looks of what is not well, and how many there are of each."""

    host: str
    name: str
    images: str
    credentials: str
    states: Sequence[tuple[Look, str]]
    open_incidents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A resource of a registry. `why` is that of its verdict, where it is not well."""

    id: int
    name: str
    reference: str
    look: Look
    since: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate of a host, as those regions were shown it. `look` is None where it lasts."""

    host: str
    issuer: str
    ends: str
    left: str
    look: Look | None
    regions: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A credential without its secret. `look` is None where nothing is to be done about it."""

    name: str
    kind: str
    place: str
    region: str
    state: str
    ends: str
    look: Look | None
    chosen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a registry counts against: a login or an address, its limit, and what our checks take of it."""

    name: str
    regions: str
    limit: str
    left: str
    ours: str
    spent: str
    held_back: str
    costs: str
    look: Look | None


def lines(rows: Iterable[Registry], standings: Mapping[int, Standing]) -> Sequence[Line]:
    """Return registries as a list shows them; each row has its counts."""
    return [_line(row, standings[row.pk]) for row in rows]


def facts(registry: Registry) -> Facts:
    """Return how a registry is reached, where that is not as usual."""
    found = (
        ("Asked at", words.shown(registry.api_host, 260)),
        ("Speaks", "plain HTTP" if registry.plain_http else ""),
        ("Trusted with its login", words.listed([words.shown(host, 260) for host in registry.trusted_auth_hosts])),
        ("Managed by", str(registry.managed_by) if registry.managed_by_id else ""),
    )
    return [(term, said) for term, said in found if said]


def images(rows: Iterable[Resource], work: Mapping[int, MaintenanceOccurrence], now: datetime) -> Sequence[Image]:
    """Return resources in the order given; `work` is what is planned now, by resource."""
    return [_image(row, work.get(row.pk), now) for row in rows]


def certificates(rows: Iterable[HostCertificate], now: datetime) -> Sequence[Certificate]:
    """Return certificates in the order given; where several regions were shown the same, they are told together."""
    seen: dict[tuple[str, datetime, str], list[str]] = defaultdict(list)
    for row in rows:
        seen[row.host, row.not_after, row.issuer].append(row.region.slug)
    return [
        Certificate(
            host=words.shown(host, 260),
            issuer=words.shown(issuer, 300),
            ends=words.clock(not_after, now),
            left=_left(not_after, now),
            look=_ending(not_after, now),
            regions=words.listed(sorted(regions)),
        )
        for (host, not_after, issuer), regions in seen.items()
    ]


def logins(rows: Iterable[Credential], now: datetime) -> Sequence[Login]:
    """Return credentials in the order given, each with its `resource_count`."""
    return [_login(row, now) for row in rows]


def accounts(rows: Iterable[AccountLine], now: datetime) -> Sequence[Account]:
    """Return the accounts of the quota ledger in the order given."""
    return [_account(row, now) for row in rows]


def _line(registry: Registry, standing: Standing) -> Line:
    count: int = getattr(registry, "resource_count", 0)
    return Line(
        host=registry.host,
        name=words.shown(registry.name, 100),
        images=f"{count:,}",
        credentials=f"{getattr(registry, 'credential_count', 0):,}",
        states=states_of(standing),
        open_incidents=standing.open_incidents,
    )


def states_of(standing: Standing) -> Sequence[tuple[Look, str]]:
    """Return of what is not well at a registry how many there are of each look, the worst first."""
    return [(look, f"{standing.states[look]:,}") for look in _BAD if standing.states.get(look)]


def _image(row: Resource, work: MaintenanceOccurrence | None, now: datetime) -> Image:
    verdict = getattr(row, "verdict", None)
    look = look_of(row, verdict, now, work=work)
    why = words.shown(verdict.explanation, 300) if verdict and look in _BAD else ""
    return Image(
        id=row.pk,
        name=name_of(row),
        reference=words.shown(row.canonical.replace(row.digest, words.short_digest(row.digest)), 700),
        look=look,
        since=words.since(verdict.since, now) if verdict else "",
        why=f"{why[:1].upper()}{why[1:]}",
    )


def _login(row: Credential, now: datetime) -> Login:
    ends, look = "", None
    if row.expires_at is not None:
        ends, look = (
            Told.of("{} ({})", words.clock(row.expires_at, now), _left(row.expires_at, now)),
            _ending(row.expires_at, now),
        )
    stored = (
        Told.of("stored {}", words.ago(row.rotated_at, now))
        if row.rotated_at
        else "no secret yet: checks stay anonymous"
    )
    return Login(
        name=words.shown(str(row), 400),
        kind=row.get_kind_display(),
        place=f"{row.repository_prefix}/…" if row.repository_prefix else "the whole registry",
        region=row.region.slug if row.region else "all",
        state=stored,
        ends=ends,
        look=look or (None if row.rotated_at else Look.CONFIG_ERROR),
        chosen=f"{getattr(row, 'resource_count', 0):,}",
    )


def _account(line: AccountLine, now: datetime) -> Account:
    row = line.row
    window = words.span(line.window_seconds) if line.window_seconds else ""
    remaining = f"{row.remaining:,}" if row.remaining is not None else ""
    if remaining and row.read_at:
        remaining = Told.of("{}, {}", remaining, words.ago(row.read_at, now))
    held = [
        said
        for count, said in ((line.lowered, f"{line.lowered:,} lowered"), (line.put_off, f"{line.put_off:,} put off"))
        if count
    ]
    is_short = row.short_since is not None
    return Account(
        name=f"anonymous from {row.egress}" if row.credential is None else words.shown(str(row.credential), 400),
        regions=words.listed(sorted(row.regions)),
        limit=f"{line.limit:,} {_COUNTING[line.counting]} in {window}" if line.limit is not None else "",
        left=remaining,
        ours=f"{line.budget:,}" if line.budget is not None else "",
        spent=f"{line.spent:,}",
        held_back=", ".join(held),
        costs=f"{line.costs.checks:,} checks, {line.costs.counted:,} counted" if line.costs.checks else "",
        look=Look.DEGRADED if is_short else None,
    )


def _left(ends_at: datetime, now: datetime) -> str:
    return Told.of("ended {}", words.ago(ends_at, now)) if ends_at <= now else words.ahead(ends_at, now)


def _ending(ends_at: datetime, now: datetime) -> Look | None:
    if ends_at <= now:
        return Look.UNAVAILABLE
    return Look.DEGRADED if ends_at - now <= SOON else None
