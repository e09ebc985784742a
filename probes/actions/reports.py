"""Reading a region's report: what of it may be taken, and what is refused, one by one."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec.json import encode

from probes.actions import envelopes
from probes.models import Region
from probes.policy.clock import by_our_clock
from probes.policy.standing import Seen
from probes.protocol import versions
from probes.protocol.batch import MAX_PLANS, MAX_REPORT_BYTES, Finding, Returned, egress_of, worker_of
from probes.protocol.bounds import check_bounds, room_for_each
from probes.protocol.egress import EgressState
from probes.protocol.outcome import Outcome
from probes.selectors import workers
from probes.trust.envelope import Kind
from probes.trust.refusal import RefusalCause, Refused

_LONGEST_HOST: Final = 260
_LONGEST_DIGEST: Final = 140
_LONGEST_DURATION_MS: Final = 24 * 3600 * 1000

Key = tuple[int, datetime]
"""A resource's id and a slot: what a finding answers to."""


@dataclass(frozen=True, slots=True)
class Received:
    """A report that came from `region`, with its findings and what it returned still to be judged.

    `is_egress_down` tells that findings do not count: the report says so, or the region or the worker that made it is
    known to have no way out. `clock_offset_seconds` is how far that worker's clock is ahead.
    """

    region: Region
    batch: UUID
    findings: list[Any]
    returned: list[Any]
    is_egress_down: bool = False
    clock_offset_seconds: float | None = None


@dataclass(slots=True)
class Judged:
    """Findings and returned checks that answer to the batch, and the details of those that do not.

    No key is in both.
    """

    accepted: dict[Key, Outcome] = field(default_factory=dict)
    returned: set[Key] = field(default_factory=set)
    refused: list[Refused] = field(default_factory=list)


def receive(envelope: object, *, now: datetime) -> Received:
    """Open a report. Raises `Refused` when nothing of it may be taken."""
    signed = envelopes.opened(envelope, Kind.REPORT, max_bytes=MAX_REPORT_BYTES, now=now)
    region, body = signed.region, signed.body
    try:
        versions.of(body)
    except (AttributeError, TypeError, ValueError) as error:
        unknown = isinstance(error, versions.VersionUnknown)
        raise Refused(RefusalCause.VERSION if unknown else RefusalCause.MALFORMED, f"a report of {error}") from None
    findings, returned = body.get("findings"), body.get("returned", [])
    try:
        batch = UUID(body["batch"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise Refused(RefusalCause.MALFORMED, "the report names no batch") from None
    try:
        egress, worker = egress_of(body), worker_of(body)
    except (ValueError, TypeError) as error:
        raise Refused(RefusalCause.MALFORMED, str(error)[:200]) from None
    if body.get("region") != region.slug:
        raise Refused(RefusalCause.WRONG_RECIPIENT, "the report names another region than its envelope")
    if not isinstance(findings, list) or not isinstance(returned, list):
        raise Refused(RefusalCause.MALFORMED, "the report has no findings")
    if len(findings) + len(returned) > MAX_PLANS:
        raise Refused(RefusalCause.OVERSIZED, f"{len(findings)} findings and {len(returned)} returned checks")
    is_worker_down = workers.listed(region).get(worker or "", {}).get("egress_down_since") is not None
    return Received(
        region,
        batch,
        findings,
        returned,
        is_egress_down=egress.state is EgressState.DOWN or region.egress_down_since is not None or is_worker_down,
        clock_offset_seconds=workers.clock_offset(region, worker),
    )


def judge(report: Received, asked: set[Key]) -> Judged:
    """Sort what came of a batch that asked for `asked`; a bad finding says nothing about its neighbours."""
    judged = Judged()
    for document in report.findings:
        try:
            key, outcome = _finding(document, asked)
            _refuse_second(key, judged)
        except Refused as refused:
            judged.refused.append(refused)
        else:
            judged.accepted[key] = outcome
    for document in report.returned:
        try:
            key = _returned(document, asked)
            _refuse_second(key, judged)
        except Refused as refused:
            judged.refused.append(refused)
        else:
            judged.returned.add(key)
    return judged


def seen(slot: datetime, outcome: Outcome, *, clock_offset_seconds: float | None = None) -> Seen:
    """Return what matters of an outcome for the standing of its resource, its time by our clock."""
    found = outcome.conclusion
    return Seen(
        slot=slot,
        checked_at=by_our_clock(outcome.started_at, clock_offset_seconds),
        status=found.status,
        reason=found.reason.value,
        stage=found.stage,
        host=found.host,
        depth=found.depth,
        digest=found.digest,
        warnings=tuple(warning.value for warning in found.warnings),
        read=outcome.has_read_documents,
        platforms=found.platforms,
    )


def _finding(document: Any, asked: set[Key]) -> tuple[Key, Outcome]:
    weight, room = len(encode(document)), room_for_each(len(asked))
    if weight > room:
        raise Refused(RefusalCause.OVERSIZED, f"a finding of {weight} bytes, where {room} are for each")
    try:
        finding = Finding.from_json(document)
        _check_fit(finding.outcome)
    except (ValueError, TypeError) as error:
        raise Refused(RefusalCause.MALFORMED, str(error)[:200]) from None
    return _key(finding, asked), finding.outcome


def _returned(document: Any, asked: set[Key]) -> Key:
    try:
        returned = Returned.from_json(document)
    except ValueError as error:
        raise Refused(RefusalCause.MALFORMED, str(error)[:200]) from None
    return _key(returned, asked)


def _key(named: Finding | Returned, asked: set[Key]) -> Key:
    try:
        key = (int(named.key), datetime.fromisoformat(named.slot))
    except ValueError as error:
        raise Refused(RefusalCause.MALFORMED, str(error)[:200]) from None
    if key not in asked:  # a naive slot equals no aware one
        raise Refused(RefusalCause.UNSOLICITED, f"an answer for {named.key[:20]} at {named.slot[:40]}")
    return key


def _refuse_second(key: Key, judged: Judged) -> None:
    if key in judged.accepted or key in judged.returned:
        raise Refused(RefusalCause.REPLAYED, "two answers for one slot")


def _check_fit(outcome: Outcome) -> None:
    """Raise `ValueError` where an outcome that reads well does not fit the columns it goes to, or the pages."""
    check_bounds(outcome)
    found = outcome.conclusion
    _check_text("host", found.host, _LONGEST_HOST)
    _check_text("digest", found.digest, _LONGEST_DIGEST)
    # Those of steps are added up as well: two of the longest that a double holds are beyond it.
    for duration_ms in (outcome.duration_ms, *(step.total_ms for step in outcome.steps)):
        if not (math.isfinite(duration_ms) and 0 <= duration_ms <= _LONGEST_DURATION_MS):
            raise ValueError(f"a duration of {duration_ms} ms")


def _check_text(name: str, value: object, longest: int) -> None:
    if value is not None and not (isinstance(value, str) and len(value) <= longest):
        raise ValueError(f"a {name} that is no text of at most {longest} characters")
