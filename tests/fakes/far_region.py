"""A region as the control plane meets it: opens its batches with real keys, and signs reports about them."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self
from uuid import uuid4

from probes.actions.plans import Message
from probes.models import Region
from probes.protocol.batch import MAX_BATCH_BYTES, Batch, Finding, Heartbeat, Report, Returned
from probes.protocol.check import CheckPlan
from probes.protocol.egress import UNTOLD, Egress
from probes.protocol.endpoint import EndpointPlan
from probes.protocol.outcome import Conclusion, Outcome
from probes.protocol.plan import Plan
from probes.protocol.reference import parse_reference
from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from probes.trust.envelope import CONTROL, Kind, open_envelope, sign
from probes.trust.keys import RegionKeys
from probes.trust.sealing import BoundSecret, open_sealed
from tests.fakes import enrolling

DIGEST = "sha256:" + "a" * 64
Find = Callable[[CheckPlan], Outcome]


class FarRegion:
    """A region that was enrolled in the test's database."""

    def __init__(self, row: Region, keys: RegionKeys) -> None:
        self.row = row
        self.keys = keys
        self.worker = str(uuid4())

    @classmethod
    def enrolled(cls, slug: str) -> Self:
        return cls(*enrolling.enrolled(slug, now=datetime.now(UTC)))

    @property
    def slug(self) -> str:
        return self.keys.region

    def open(self, message: Message) -> Batch:
        """Open a batch that was published to this region's queue."""
        assert message.queue == f"probe.{self.slug}"
        opened = open_envelope(
            message.envelope,
            kind=Kind.BATCH,
            recipient=self.slug,
            verify_keys_of={CONTROL: [self.keys.control_verify_key]}.get,
            max_bytes=MAX_BATCH_BYTES,
        )
        return Batch.from_json(opened.body)

    def secret(self, batch: Batch, plan: CheckPlan) -> BoundSecret:
        return open_sealed(batch.secrets[plan.secret_key], self.keys.box_key)

    def report(
        self,
        batch: Batch,
        find: Find | None = None,
        *,
        returned: Collection[CheckPlan] = (),
        egress: Egress = UNTOLD,
    ) -> dict[str, Any]:
        """Return the signed report of a batch, in which every check found what `find` says (available).

        All but those that are `returned`.
        """
        find = find or found
        report = Report(
            batch=batch.id,
            region=self.slug,
            finished_at=datetime.now(UTC),
            findings=tuple(
                Finding(key=plan.key, slot=plan.slot, outcome=find(plan))
                for plan in batch.plans
                if plan not in returned
            ),
            returned=tuple(Returned(key=plan.key, slot=plan.slot) for plan in returned),
            egress=egress,
            worker=self.worker,
            version=batch.version,
        )
        return self.sign(Kind.REPORT, report.to_json())

    def heartbeat(self, sequence: int = 1, **values: Any) -> dict[str, Any]:
        now = datetime.now(UTC)
        beat = Heartbeat(
            region=self.slug, worker=self.worker, version="1", sequence=sequence, started_at=now, sent_at=now
        )
        return self.sign(Kind.HEARTBEAT, replace(beat, **values).to_json())

    def sign(self, kind: Kind, body: Any, *, sender: str = "", recipient: str = CONTROL) -> dict[str, Any]:
        return sign(kind, sender or self.slug, recipient, body, self.keys.signing_key)


def images(batch: Batch) -> list[Plan]:
    """Return the plans of a batch that holds images alone."""
    plans = [plan for plan in batch.plans if isinstance(plan, Plan)]
    assert len(plans) == len(batch.plans)
    return plans


def found(
    plan: CheckPlan, reason: Reason = Reason.OK, stage: Stage | None = None, digest: str | None = DIGEST
) -> Outcome:
    """Return what a check could have found: the plan's whole depth when available, nothing deeper otherwise."""
    is_available = reason.status is Status.AVAILABLE
    if not isinstance(plan, Plan):
        return _found_of_endpoint(plan, reason, stage)
    reference = parse_reference(plan.reference)
    return Outcome(
        reference=plan.reference,
        conclusion=Conclusion(
            reason=reason,
            canonical=reference.canonical,
            stage=None if is_available else stage or Stage.MANIFEST,
            host=None if is_available else reference.api_host,
            depth=plan.depth if is_available else (Depth.PLATFORM if stage is Stage.LAYER else None),
            digest=digest if is_available else None,
        ),
        started_at=datetime.now(UTC),
        duration_ms=12.5,
        requests=3,
        bytes_read=1024,
        connection="new",
    )


def _found_of_endpoint(plan: EndpointPlan, reason: Reason, stage: Stage | None) -> Outcome:
    is_available = reason.status is Status.AVAILABLE
    return Outcome(
        reference=plan.reference,
        conclusion=Conclusion(
            reason=reason,
            canonical=plan.reference,
            stage=None if is_available else stage or Stage.REQUEST,
            host=None if is_available else plan.host,
        ),
        started_at=datetime.now(UTC),
        duration_ms=12.5,
        requests=1,
        bytes_read=1024,
        connection="new",
        kind=plan.kind,
    )


def finding(reason: Reason, stage: Stage | None = None) -> Find:
    """Return a `find` for `FarRegion.report`: every check ends for this reason."""
    return lambda plan: found(plan, reason, stage)
