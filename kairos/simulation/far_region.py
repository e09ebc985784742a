"""A region as the control plane meets it: the gate, the clock and the keys of a worker, around checks by script.

What comes goes through `probes.edge.intake` and what leaves is signed with the region's key, as from a worker. In
between nothing is dialled: the script says what is found.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_DNS, uuid5

from kairos.simulation.script import Finding as Scripted
from kairos.simulation.script import Lost, Script
from probes.broker.queues import RESULTS
from probes.edge.canaries import hint_at_lost_egress
from probes.edge.clock import ControlClock
from probes.edge.intake import Intake, Taken
from probes.edge.pulse_route import PulseRoute
from probes.edge.waits import Waits
from probes.protocol.batch import Finding, Heartbeat, Report
from probes.protocol.check import CheckPlan
from probes.protocol.egress import Canary, CanaryRound, Egress, EgressState
from probes.protocol.outcome import Certificate, Conclusion, Outcome
from probes.protocol.plan import Plan
from probes.protocol.reference import parse_reference
from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from probes.trust.envelope import CONTROL, Kind, sign
from probes.trust.keys import RegionKeys
from probes.trust.refusal import RefusalCause, Refused

if TYPE_CHECKING:
    from probes.actions.plans import Message

_UNREACHABLE: Final = Scripted(periods=(), reason=Reason.CONNECT_TIMEOUT, stage=Stage.CONNECT)
_DURATION_MS: Final = 40.0
_LEAST_DEPTH: Final = {
    Stage.INDEX: Depth.MANIFEST,
    Stage.CHILD: Depth.PLATFORM,
    Stage.CONFIG: Depth.BLOBS,
    Stage.LAYER: Depth.BLOBS,
}
"""A check that does not go so far does not find what is there."""

_PROVED_BEFORE: Final = {Stage.CHILD: Depth.MANIFEST, Stage.CONFIG: Depth.PLATFORM, Stage.LAYER: Depth.PLATFORM}


@dataclass(frozen=True, slots=True)
class InHand:
    """A batch that is run, with what its checks find."""

    taken: Taken
    findings: tuple[Finding, ...]
    came_at: datetime


class FarRegion:
    """One worker of a region, whose clock is ours: `starts` and the time that the caller gives."""

    def __init__(self, keys: RegionKeys, script: Script, starts: datetime) -> None:
        self._keys = keys
        self._script = script
        self._starts = starts
        self._now = starts
        self._workers = 0
        self.queue: list[Message] = []
        """What waits for it at the broker."""
        self.restart(now=starts)

    def restart(self, *, now: datetime) -> None:
        """Begin anew with another worker: it knows nothing, and what the one before kept is lost."""
        self._now = now
        self._workers += 1
        self._worker = str(uuid5(NAMESPACE_DNS, f"{self._workers}.{self.slug}"))
        self._waits = Waits(self._monotonic)
        self._route = PulseRoute()
        self._clock = ControlClock(self._worker, lambda: self._now, self._monotonic)
        self._intake = Intake(self._keys, self._clock, self._waits, self._route, self._monotonic)
        self._began_at = now
        self._sequence = self._rounds = self._checks = 0
        self._egress = Egress(state=EgressState.OK, since=now)
        self._refused: dict[str, int] = {}
        self.spool: list[dict[str, Any]] = []
        """Reports that it could not send."""

    @property
    def slug(self) -> str:
        return self._keys.region

    @property
    def beats_among_reports(self) -> bool:
        """Whether its heartbeats take the way of reports, as before the first batch."""
        return self._route.queue == RESULTS

    def take(self, *, now: datetime) -> list[InHand]:
        """Take all batches that wait; those that came too late are refused, as at any worker's gate."""
        self._now = now
        waiting, self.queue = self.queue, []
        hands: list[InHand] = []
        for message in waiting:
            try:
                taken = self._intake.open(message.envelope)
            except Refused as refused:
                self._refused[refused.cause] = self._refused.get(refused.cause, 0) + 1
                if refused.cause is not RefusalCause.EXPIRED:
                    raise
                continue
            self._checks += len(taken.batch.plans)
            hands.append(InHand(taken, tuple(self._finding(plan) for plan in taken.batch.plans), now))
        return hands

    def report(self, hand: InHand, *, now: datetime) -> dict[str, Any]:
        """Return the signed report of a batch."""
        self._now = now
        report = Report(
            batch=hand.taken.batch.id,
            region=self.slug,
            finished_at=now,
            findings=hand.findings,
            egress=self._egress_after(hand),
            worker=self._worker,
            version=hand.taken.batch.version,
        )
        return sign(Kind.REPORT, self.slug, CONTROL, report.to_json(), self._keys.signing_key)

    def heartbeat(self, *, now: datetime) -> dict[str, Any]:
        """Return the next signed heartbeat, with a round of canaries that was asked just now."""
        self._now = now
        self._ask_canaries()
        self._sequence += 1
        waits = self._waits.read(len(self.queue))
        heartbeat = Heartbeat(
            region=self.slug,
            worker=self._worker,
            version="simulated",
            sequence=self._sequence,
            started_at=self._began_at,
            sent_at=now,
            checks_run=self._checks,
            spooled_reports=len(self.spool),
            refused=dict(self._refused),
            queue_length=len(self.queue),
            seats=100,
            shortest_wait_seconds=waits.shortest_seconds,
            longest_wait_seconds=waits.longest_seconds,
            head_waits_seconds=waits.head_seconds,
            egress=self._egress,
            canaries=self._round(),
            host=f"worker-{self.slug}",
            heard_issued_at=self._clock.heard_issued_at,
        )
        self._waits.sent()
        return sign(Kind.HEARTBEAT, self.slug, CONTROL, heartbeat.to_json(), self._keys.signing_key)

    def _finding(self, plan: CheckPlan) -> Finding:
        scripted = self._script.found(plan.reference, self.slug, self._now - self._starts)
        if self._lacks_egress():
            scripted = _UNREACHABLE
        return Finding(
            key=plan.key, slot=plan.slot, outcome=outcome_of(plan, scripted, at=self._now, starts=self._starts)
        )

    def _egress_after(self, hand: InHand) -> Egress:
        """Return what the report says of the way out; findings that hint at its loss are worth a round."""
        if not hint_at_lost_egress(hand.findings):
            return self._egress
        self._ask_canaries()
        came, at = hand.came_at - self._starts, self._now - self._starts
        if self._script.lacked(Lost.EGRESS, came, at, self.slug) and self._egress.state is not EgressState.DOWN:
            return Egress(state=EgressState.DOWN, since=self._now)
        return self._egress

    def _ask_canaries(self) -> None:
        self._rounds += 1
        state = EgressState.DOWN if self._lacks_egress() else EgressState.OK
        if state is not self._egress.state:
            self._egress = Egress(state=state, since=self._now)

    def _round(self) -> CanaryRound:
        is_down = self._lacks_egress()
        canary = Canary(
            url="https://canary.example/",
            http_status=None if is_down else 204,
            error=Reason.CONNECT_TIMEOUT.value if is_down else None,
            total_ms=_DURATION_MS,
        )
        return CanaryRound(number=self._rounds, ended_at=self._now, canaries=(canary,))

    def _lacks_egress(self) -> bool:
        return self._script.lacks(Lost.EGRESS, self._now - self._starts, self.slug)

    def _monotonic(self) -> float:
        return (self._now - self._starts).total_seconds()


def outcome_of(plan: CheckPlan, scripted: Scripted, *, at: datetime, starts: datetime) -> Outcome:
    """Return what the check concludes; one that does not go as deep as the failure finds all well."""
    if not isinstance(plan, Plan):
        fields = _conclusion(scripted, host=plan.host, stage=Stage.REQUEST)
        conclusion = Conclusion(canonical=plan.reference, **fields)
        shown = _certificates(scripted, plan.host, starts)
        return _outcome(plan.reference, conclusion, at, kind=plan.kind, certificates=shown)
    reference = parse_reference(plan.reference)
    shown = _certificates(scripted, reference.api_host, starts)
    least = _LEAST_DEPTH.get(scripted.stage or Stage.MANIFEST, Depth.RESOLVE)
    reason = scripted.reason if plan.depth.includes(least) else Reason.OK
    fields = {"reason": reason, "depth": plan.depth}
    if reason.status is not Status.AVAILABLE:
        fields = _conclusion(scripted, host=reference.api_host, stage=Stage.MANIFEST)
        fields["depth"] = _PROVED_BEFORE.get(fields["stage"])
    else:
        fields["digest"] = str(reference.digest or "") or _digest(plan.reference, scripted.digest)
    conclusion = Conclusion(canonical=reference.canonical, rate_limit=scripted.quota, **fields)
    return _outcome(plan.reference, conclusion, at, certificates=shown)


def _certificates(scripted: Scripted, host: str, starts: datetime) -> tuple[Certificate, ...]:
    if scripted.certificate is None:
        return ()
    return (Certificate(host=host, not_after=starts + scripted.certificate, issuer="Somebody's CA"),)


def _conclusion(scripted: Scripted, *, host: str, stage: Stage) -> dict[str, Any]:
    reason = scripted.reason
    if reason.status is Status.AVAILABLE:
        return {"reason": reason}
    return {"reason": reason, "stage": scripted.stage or stage, "host": scripted.host or host}


def _outcome(reference: str, conclusion: Conclusion, at: datetime, **kind: Any) -> Outcome:
    return Outcome(
        reference=reference,
        conclusion=conclusion,
        started_at=at,
        duration_ms=_DURATION_MS,
        requests=3,
        bytes_read=1024,
        connection="new",
        **kind,
    )


def _digest(reference: str, word: str) -> str:
    return f"sha256:{hashlib.sha256(f'{reference} {word}'.encode()).hexdigest()}"
