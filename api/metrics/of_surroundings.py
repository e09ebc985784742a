"""Families of what checks depend on, and of what leaves us: certificates, quotas, notices."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from api.metrics.exposition import Family, Kind, instant, labels, sample
from api.metrics.scrape import Scrape
from probes.models import QuotaAccount
from probes.policy.notices import NoticeState
from probes.selectors import surroundings

_ACCOUNT: Final = ("registry", "credential", "egress")

CERTIFICATE: Final = Family(
    name="kairos_certificate_not_after_timestamp_seconds",
    kind=Kind.GAUGE,
    text="Until when the certificate is good that a host on the way to a registry showed to a region last.",
    labels=("registry", "host", "region"),
)
QUOTA_LIMIT: Final = Family(
    name="kairos_quota_limit",
    kind=Kind.GAUGE,
    text="How much a registry lets an account have in its window, by the region for which the least of it is left.",
    labels=_ACCOUNT,
)
QUOTA_REMAINING: Final = Family(
    name="kairos_quota_remaining",
    kind=Kind.GAUGE,
    text="How much of that was left when it told so, for everybody who shares the account.",
    labels=_ACCOUNT,
)
QUOTA_READ: Final = Family(
    name="kairos_quota_read_timestamp_seconds", kind=Kind.GAUGE, text="When it told so.", labels=_ACCOUNT
)
QUOTA_LOWERED: Final = Family(
    name="kairos_quota_checks_lowered_total",
    kind=Kind.COUNTER,
    text="Checks that only resolved, to spare the quota.",
    labels=_ACCOUNT,
)
QUOTA_PUT_OFF: Final = Family(
    name="kairos_quota_slots_put_off_total",
    kind=Kind.COUNTER,
    text="Slots that were put off, to spare the quota.",
    labels=_ACCOUNT,
)
NOTICES: Final = Family(
    name="kairos_notices",
    kind=Kind.GAUGE,
    text="How many notices the outbox holds. Those sent, failed or suppressed are dropped in time.",
    labels=("channel", "state"),
)
OLDEST_NOTICE: Final = Family(
    name="kairos_notices_oldest_due_timestamp_seconds",
    kind=Kind.GAUGE,
    text="When the first of the pending notices is or was due; absent without one and while the channel is disabled.",
    labels=("channel",),
)

_Lines = Callable[[Scrape], Iterator[str]]


def _certificates(_scrape: Scrape) -> Iterator[str]:
    for item in surroundings.expiries():
        labelled = labels(registry=item.registry, host=item.host, region=item.region)
        yield sample(CERTIFICATE.name, labelled, instant(item.not_after))


def _named(account: QuotaAccount) -> tuple[str, str, str]:
    return account.registry.host, str(account.credential or ""), account.egress


def _of_accounts(family: Family, value: Callable[[surroundings.Limited], float | None]) -> _Lines:
    """Return what yields a sample for each account of which `value` is known."""

    def lines(scrape: Scrape) -> Iterator[str]:
        named_so = Counter(_named(limited.account) for limited in scrape.limited)
        for limited in scrape.limited:
            account = limited.account
            if (found := value(limited)) is not None:
                registry, credential, egress = _named(account)
                # What people call it may be the name of another one, too.
                more = f" #{account.credential_id}" if named_so[registry, credential, egress] > 1 else ""
                named = labels(registry=registry, credential=f"{credential}{more}", egress=egress)
                yield sample(family.name, named, found)

    return lines


def _notices(scrape: Scrape) -> Iterator[str]:
    found = {(row.channel, row.state): row.notices for row in scrape.notices}
    for channel in sorted({channel for channel, _ in found}):
        for state in NoticeState:
            yield sample(NOTICES.name, labels(channel=channel, state=state), found.get((channel, state), 0))


def _oldest_notice(scrape: Scrape) -> Iterator[str]:
    for row in scrape.notices:
        if row.state == NoticeState.PENDING and row.first_due_at:
            yield sample(OLDEST_NOTICE.name, labels(channel=row.channel), instant(row.first_due_at))


SAMPLES: Final[Mapping[Family, _Lines]] = {
    CERTIFICATE: _certificates,
    QUOTA_LIMIT: _of_accounts(QUOTA_LIMIT, lambda limited: limited.reading.limit),
    QUOTA_REMAINING: _of_accounts(QUOTA_REMAINING, lambda limited: limited.reading.remaining),
    QUOTA_READ: _of_accounts(QUOTA_READ, lambda limited: instant(limited.reading.at)),
    QUOTA_LOWERED: _of_accounts(QUOTA_LOWERED, lambda limited: limited.account.lowered),
    QUOTA_PUT_OFF: _of_accounts(QUOTA_PUT_OFF, lambda limited: limited.account.put_off),
    NOTICES: _notices,
    OLDEST_NOTICE: _oldest_notice,
}
