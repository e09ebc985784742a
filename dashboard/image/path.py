"""What a pull depends on besides the image: the certificates of the hosts on its path, and quotas. PURE."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dashboard import words
from dashboard.image.ladder import View
from dashboard.words import Look
from probes.models import HostCertificate
from probes.selectors.quota import AccountLine

SOON_DAYS: Final = 14
_MOST_CERTIFICATES: Final = 20
_MOST_ACCOUNTS: Final = 10
_DAY_SECONDS: Final = 86_400
_LOW_PERCENT: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRow:
    """A certificate that a host shows, alike to some regions. `look` is None while all is well."""

    host: str
    look: Look | None
    validity: str
    not_after: datetime
    issuer: str
    regions: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRow:
    """What a registry lets an account have, and what of it is for us; `note` says what that has cost lately."""

    account: str
    look: Look | None
    left: str
    window: str
    ours: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    certificates: Sequence[CertificateRow]
    quotas: Sequence[QuotaRow]


def path(
    views: Sequence[View],
    certificates: Iterable[HostCertificate],
    accounts: Iterable[AccountLine],
    shown: Mapping[str, int | None],
    now: datetime,
) -> Path:
    """Return what is on the path: certificates of the hosts that checks met, and whom the registry counts us as.

    `shown` is by region the id of the login that a check shows, None for none: other accounts are not on the path.
    """
    met = {step.host for view in views if view.outcome for step in view.outcome.steps}
    on_it = [row for row in certificates if row.host in met or not met]
    names = {view.slug: view.name for view in views}
    return Path(
        certificates=_certificates(on_it, names, now),
        quotas=[_quota(line, shown, names) for line in accounts if _is_of(line, shown)][:_MOST_ACCOUNTS],
    )


def _certificates(rows: Iterable[HostCertificate], names: dict[str, str], now: datetime) -> list[CertificateRow]:
    alike: dict[tuple[str, datetime, str], list[str]] = {}
    for row in rows:
        slug = row.region.slug
        alike.setdefault((row.host, row.not_after, row.issuer), []).append(names.get(slug, slug))
    ordered = sorted(alike.items(), key=lambda item: (item[0][1], item[0][0]))
    return [
        _certificate(host, not_after, issuer, regions, now)
        for (host, not_after, issuer), regions in ordered[:_MOST_CERTIFICATES]
    ]


def _certificate(host: str, not_after: datetime, issuer: str, regions: list[str], now: datetime) -> CertificateRow:
    look: Look | None = Look.UNAVAILABLE
    left_seconds = (not_after - now).total_seconds()
    date = f"{not_after.day} {not_after:%b %Y}"
    if left_seconds <= 0:
        validity = f"expired on {date}"
    else:
        look = Look.DEGRADED if left_seconds < SOON_DAYS * _DAY_SECONDS else None
        validity = f"until {date} ({words.span(left_seconds)} left)"
    return CertificateRow(
        host=words.shown(host, 260),
        look=look,
        validity=validity,
        not_after=not_after,
        issuer=words.shown(issuer, 200),
        regions=words.listed(sorted(regions)),
    )


def _is_of(line: AccountLine, shown: Mapping[str, int | None]) -> bool:
    if line.row.credential_id is not None:
        return line.row.credential_id in shown.values()
    anonymous = {slug for slug, login in shown.items() if login is None}
    return not anonymous.isdisjoint({*line.row.regions, line.row.egress})


def _quota(line: AccountLine, shown: Mapping[str, int | None], names: Mapping[str, str]) -> QuotaRow:
    row = line.row
    # Neither whose login nor which address: whoever may look here need not know.
    if row.credential_id is not None:
        theirs = [names.get(slug, slug) for slug, login in shown.items() if login == row.credential_id]
        place = f" from {words.listed(theirs)}" if len(theirs) < len(shown) else ""
        who = f"with the login that its checks show{place}"
    else:
        # Before its address is known, a region's own name stands for it.
        slugs = row.regions[:5] or [slug for slug in shown if slug == row.egress]
        who = f"without a login, from {words.listed([names.get(slug, slug) for slug in slugs])}"
    if line.limit is None:
        told = "no limit told" if row.read_at else "not told yet"
        return QuotaRow(account=words.shown(who, 200), look=None, left=told, window="", ours="", note="")
    left = row.remaining
    is_low = left is not None and left * 100 < line.limit * _LOW_PERCENT
    held_back = [
        f"{words.counted(count, noun)} {fate}"
        for count, noun, fate in ((line.lowered, "check", "made lighter"), (line.put_off, "check", "put off"))
        if count
    ]
    return QuotaRow(
        account=words.shown(who, 200),
        look=Look.UNAVAILABLE if left == 0 else Look.DEGRADED if is_low else None,
        left=f"{'?' if left is None else f'{left:,}'} of {line.limit:,} left",
        window=f"in {words.span(line.window_seconds)}" if line.window_seconds else "",
        ours=f"{line.spent:,} of {line.budget:,} ours" if line.budget is not None else "",
        note=words.listed(held_back),
    )
