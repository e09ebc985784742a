"""What passes over the broker: a batch of plans to a region, and its report and heartbeats back.

Frozen values with a JSON form; `from_json` raises `ValueError` on anything that is not one. They say nothing
of signatures (`probes.trust.envelope` carries every one of them) nor of queues.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from probes.protocol import versions
from probes.protocol.check import CheckPlan, read_plan
from probes.protocol.egress import UNTOLD, CanaryRound, Egress
from probes.protocol.outcome import Outcome, rfc3339
from probes.protocol.shape import count, instant, items, number, or_none, text

MAX_PLANS: Final = 1000
"""A batch holds at most so many plans; the dispatcher makes them of about a hundred."""

MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
MAX_REPORT_BYTES: Final = 8 * 1024 * 1024
MAX_HEARTBEAT_BYTES: Final = 16 * 1024
"""The JSON text of a message's body may be so long; the receiver refuses more before it parses anything."""

_MOST_VERSIONS: Final = 20
_LONGEST_HOST: Final = 253

# What reading a document of another shape raises. OverflowError: an instant that UTC's calendar does not reach.
_SHAPE_ERRORS: Final = (AttributeError, KeyError, IndexError, TypeError, OverflowError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Checks that one region is to make before `expires_at`.

    `id` is a UUID. `secrets` maps a `Plan.secret_key` to a sealed secret (`probes.trust.sealing`): sealed
    once for each credential, however many plans use it. On the wire, plans of the same site share one copy
    of it, because a site may carry a whole CA bundle. `clock_offsets` are how far the clocks of the region's workers
    are ahead of the one that issued and expires the batch: nobody knows which of them will take it.
    `clock_offset_seconds` is for whoever is not named there. `heartbeats_apart` says that heartbeats are taken from a
    queue of their own. `version` is how it is written.
    """

    id: str
    region: str
    issued_at: datetime
    expires_at: datetime
    plans: tuple[CheckPlan, ...]
    secrets: Mapping[str, str] = field(default_factory=dict)
    clock_offset_seconds: float | None = None
    clock_offsets: Mapping[str, float] = field(default_factory=dict)
    heartbeats_apart: bool = False
    version: int = versions.NEWEST

    def is_expired(self, now: datetime) -> bool:
        """Tell whether at `now`, by the control plane's clock, it is too late to begin: the next slot is near."""
        return now >= self.expires_at

    def to_json(self) -> dict[str, Any]:
        """Return the batch as JSON values.

        Raises `ValueError` on a naive time, and on an endpoint in a version that has none.
        """
        sites: list[Any] = []
        seats: dict[Any, int] = {}
        plans = []
        for plan in self.plans:
            document = plan.to_json(self.version)
            site = document.pop("site")
            if plan.site not in seats:
                seats[plan.site] = len(sites)
                sites.append(site)
            plans.append({**document, "site": seats[plan.site]})
        return {
            **versions.mark(self.version),
            "id": self.id,
            "region": self.region,
            "issued_at": rfc3339(self.issued_at),
            "expires_at": rfc3339(self.expires_at),
            "sites": sites,
            "plans": plans,
            "secrets": dict(self.secrets),
            "clock_offset_seconds": self.clock_offset_seconds,
            "clock_offsets": dict(self.clock_offsets),
            "heartbeats_apart": self.heartbeats_apart,
        }

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the batch that `document` describes.

        Raises `ValueError` when it is not one, and `VersionUnknown`, which is one, for a version not spoken here.
        """
        try:
            version = versions.of(document)
            sites = _items(document["sites"], MAX_PLANS)
            return cls(
                id=_uuid(document["id"]),
                region=text(document["region"]),
                issued_at=instant(document["issued_at"]),
                expires_at=instant(document["expires_at"]),
                plans=tuple(
                    read_plan({**item, "site": sites[count(item["site"])]})
                    for item in _items(document["plans"], MAX_PLANS)
                ),
                secrets={text(key): text(sealed) for key, sealed in document["secrets"].items()},
                clock_offset_seconds=or_none(number, document.get("clock_offset_seconds")),
                clock_offsets={
                    _uuid(worker): number(offset) for worker, offset in document.get("clock_offsets", {}).items()
                },
                heartbeats_apart=document.get("heartbeats_apart") is True,
                version=version,
            )
        except _SHAPE_ERRORS as error:
            raise ValueError(f"not a batch: {type(error).__name__} {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one plan of a batch; `key` and `slot` are those of the plan."""

    key: str
    slot: str
    outcome: Outcome

    def to_json(self) -> dict[str, Any]:
        return {"key": self.key, "slot": self.slot, "outcome": self.outcome.to_json()}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the finding that `document` describes. Raises `ValueError` when it is not one."""
        try:
            return cls(
                key=text(document["key"]),
                slot=text(document["slot"]),
                outcome=Outcome.from_json(document["outcome"]),
            )
        except _SHAPE_ERRORS as error:
            raise ValueError(f"not a finding: {type(error).__name__} {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A plan of a batch that was not carried out; `key` and `slot` are those of the plan."""

    key: str
    slot: str

    def to_json(self) -> dict[str, Any]:
        return {"key": self.key, "slot": self.slot}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return what `document` describes. Raises `ValueError` when it is no check that was returned."""
        try:
            return cls(key=text(document["key"]), slot=text(document["slot"]))
        except _SHAPE_ERRORS as error:
            raise ValueError(f"not a returned check: {type(error).__name__} {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a region found: for each plan of the batch with the id `batch` a finding, or the plan returned.

    A worker that is stopping returns what it could not do any more. `egress` is `down` when at some time since the
    batch was taken all canaries failed. `worker` is the UUID of the process, as in its heartbeats; an earlier one
    tells none. `version` is that of the batch; a report of version 1 returns nothing.
    """

    batch: str
    region: str
    finished_at: datetime
    findings: tuple[Finding, ...]
    returned: tuple[Returned, ...] = ()
    egress: Egress = UNTOLD
    worker: str | None = None
    version: int = versions.NEWEST

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values. Raises `ValueError` on a naive time."""
        document = {
            **versions.mark(self.version),
            "batch": self.batch,
            "region": self.region,
            "finished_at": rfc3339(self.finished_at),
            "findings": [finding.to_json() for finding in self.findings],
            "egress": self.egress.to_json(),
            "worker": self.worker,
        }
        if self.version >= versions.RETURNS_SINCE:
            document["returned"] = [returned.to_json() for returned in self.returned]
        return document

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the report that `document` describes. Raises `ValueError`, as `Batch.from_json` does."""
        try:
            return cls(
                version=versions.of(document),
                batch=_uuid(document["batch"]),
                region=text(document["region"]),
                finished_at=instant(document["finished_at"]),
                findings=tuple(Finding.from_json(item) for item in _items(document["findings"], MAX_PLANS)),
                returned=tuple(Returned.from_json(item) for item in _items(document.get("returned", []), MAX_PLANS)),
                egress=egress_of(document),
                worker=worker_of(document),
            )
        except _SHAPE_ERRORS as error:
            raise ValueError(f"not a report: {type(error).__name__} {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A sign of life of one worker process of a region.

    `worker` is the UUID of the process and `sequence` counts its heartbeats from 1, so a replayed or
    reordered one shows. `sent_at` and `started_at` are by the region's own clock. The counts are since the
    process began: `refused` by cause (`probes.trust.refusal.RefusalCause`), and `dropped_reports` for want
    of room in the spool. `queue_length` is None when the broker did not tell.

    `in_flight` of `seats` checks are with the engine, `starved` is the count of those that found no seat before their
    time was over, and `load_per_core` is the machine's load average over its
    cores. The two waits are the least and the most that a batch took, since the last heartbeat, from its issue by
    the control plane's clock to being taken by the region's: the offset of the clocks is in them, so they may be
    negative. Where nothing was taken they are None, and `head_waits_seconds` tells for how long at least the first
    message in the queue has been waiting.

    `host` is the name of its machine, for those who are to find it. `heard_issued_at` is when the newest batch that
    it took was issued, by the control plane's clock: since that is signed, the heartbeat is younger.

    `speaks` are the versions of the batches that it reads and of the reports that it writes; a heartbeat that tells
    none is of a worker of version 1.
    """

    region: str
    worker: str
    version: str
    sequence: int
    started_at: datetime
    sent_at: datetime
    in_flight: int = 0
    starved: int = 0
    batches_run: int = 0
    checks_run: int = 0
    spooled_reports: int = 0
    dropped_reports: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    queue_length: int | None = None
    seats: int = 0
    load_per_core: float | None = None
    shortest_wait_seconds: float | None = None
    longest_wait_seconds: float | None = None
    head_waits_seconds: float = 0.0
    egress: Egress = UNTOLD
    canaries: CanaryRound | None = None
    host: str = ""
    heard_issued_at: datetime | None = None
    speaks: tuple[int, ...] = versions.SPOKEN

    def to_json(self) -> dict[str, Any]:
        """Return the heartbeat as JSON values. Raises `ValueError` on a naive time."""
        return {
            "region": self.region,
            "worker": self.worker,
            "version": self.version,
            "sequence": self.sequence,
            "started_at": rfc3339(self.started_at),
            "sent_at": rfc3339(self.sent_at),
            "in_flight": self.in_flight,
            "starved": self.starved,
            "batches_run": self.batches_run,
            "checks_run": self.checks_run,
            "spooled_reports": self.spooled_reports,
            "dropped_reports": self.dropped_reports,
            "refused": dict(self.refused),
            "queue_length": self.queue_length,
            "seats": self.seats,
            "load_per_core": self.load_per_core,
            "shortest_wait_seconds": self.shortest_wait_seconds,
            "longest_wait_seconds": self.longest_wait_seconds,
            "head_waits_seconds": self.head_waits_seconds,
            "egress": self.egress.to_json(),
            "canaries": self.canaries.to_json() if self.canaries else None,
            "host": self.host,
            "heard_issued_at": rfc3339(self.heard_issued_at) if self.heard_issued_at else None,
            "speaks": list(self.speaks),
        }

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the heartbeat that `document` describes. Raises `ValueError` when it is not one."""
        try:
            return cls(
                region=text(document["region"]),
                worker=_uuid(document["worker"]),
                version=text(document["version"]),
                sequence=count(document["sequence"]),
                started_at=instant(document["started_at"]),
                sent_at=instant(document["sent_at"]),
                in_flight=count(document.get("in_flight", 0)),
                starved=count(document.get("starved", 0)),
                batches_run=count(document.get("batches_run", 0)),
                checks_run=count(document.get("checks_run", 0)),
                spooled_reports=count(document.get("spooled_reports", 0)),
                dropped_reports=count(document.get("dropped_reports", 0)),
                refused={text(cause): count(n) for cause, n in document.get("refused", {}).items()},
                queue_length=or_none(count, document.get("queue_length")),
                seats=count(document.get("seats", 0)),
                load_per_core=or_none(number, document.get("load_per_core")),
                shortest_wait_seconds=or_none(number, document.get("shortest_wait_seconds")),
                longest_wait_seconds=or_none(number, document.get("longest_wait_seconds")),
                head_waits_seconds=number(document.get("head_waits_seconds", 0.0)),
                egress=egress_of(document),
                canaries=or_none(CanaryRound.from_json, document.get("canaries")),
                host=text(document.get("host", ""))[:_LONGEST_HOST],
                heard_issued_at=or_none(instant, document.get("heard_issued_at")),
                speaks=tuple(count(item) for item in _items(document.get("speaks", [1]), _MOST_VERSIONS)),
            )
        except _SHAPE_ERRORS as error:
            raise ValueError(f"not a heartbeat: {type(error).__name__} {error}") from error


def egress_of(document: Mapping[str, Any]) -> Egress:
    """Return what a report or heartbeat says of the region's way out; older workers say nothing."""
    told = document.get("egress")
    return UNTOLD if told is None else Egress.from_json(told)


def worker_of(document: Mapping[str, Any]) -> str | None:
    """Return which worker a report is from, None where it does not tell. Raises `ValueError` or `TypeError`."""
    return or_none(_uuid, document.get("worker"))


def _uuid(value: object) -> str:
    return str(UUID(text(value)))


def _items(value: object, most: int) -> list[Any]:
    found = items(value)
    if len(found) > most:
        raise ValueError(f"{len(found)} items where at most {most} are allowed")
    return found
