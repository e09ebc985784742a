"""What one check found: the outcome document of the probe command's contract.

Built from two halves: the `Conclusion` that the conversation draws, and the record of steps that the wire keeps.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, Self, get_args

from probes.protocol.shape import MISFITS, count, instant, items, number, one_of, or_none, text
from probes.protocol.taxonomy import Confidence, Depth, Reason, Stage, Status, Warn

OUTCOME_VERSION: Final = 1

Kind = Literal["image", "http"]
AuthPath = Literal["none", "cached", "fresh"]
ConnectionKind = Literal["new", "reused"]

_KINDS: Final = get_args(Kind)
_AUTH_PATHS: Final = get_args(AuthPath)
_CONNECTIONS: Final = get_args(ConnectionKind)

# A check may end in these on the way to a step, which bears the stage that it was meant for.
_ON_THE_WAY: Final = frozenset({Stage.DNS, Stage.CONNECT, Stage.TLS, Stage.CHALLENGE})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformResult:
    """What was found for one wanted platform of an index (or of the single image behind the reference)."""

    platform: str
    digest: str | None
    status: Status
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """What the registry tells about its quota; a field it does not tell is None."""

    limit: int | None
    remaining: int | None
    window_seconds: int | None
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The certificate that `host` presented, as far as it was verified."""

    host: str
    not_after: datetime
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One HTTP exchange of a check. Durations in milliseconds; None where a phase did not happen."""

    stage: Stage
    method: str
    url: str  # redacted
    host: str
    address: str | None
    http_status: int | None
    error: str | None
    connection: ConnectionKind | None
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    first_byte_ms: float | None
    total_ms: float
    bytes: int
    request_id: str | None = None  # by which its operator finds it, where the answer named one

    @property
    def is_bad(self) -> bool:
        """Tell whether the exchange itself did not succeed; a redirect has."""
        return self.error is not None or self.http_status is None or not 200 <= self.http_status < 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What the conversation concludes; says nothing about times. `host` and `stage` are None when available."""

    reason: Reason
    canonical: str
    stage: Stage | None = None
    host: str | None = None
    confidence: Confidence = Confidence.DEFINITE
    depth: Depth | None = None
    digest: str | None = None
    platforms: tuple[PlatformResult, ...] = ()
    warnings: tuple[Warn, ...] = ()
    notices: tuple[str, ...] = ()  # what the registry says by `Warning`: foreign text, cleaned (row M26)
    hint: str = ""
    detail: str = ""
    retry_at: datetime | None = None
    attempts: int = 1
    auth_path: AuthPath = "none"
    rate_limit: RateLimit | None = None

    @property
    def status(self) -> Status:
        return self.reason.status


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of one check, as shown by `manage.py probe --json`, carried on the wire and stored."""

    reference: str
    conclusion: Conclusion
    started_at: datetime
    duration_ms: float
    requests: int
    bytes_read: int
    connection: ConnectionKind | None
    proxy: str | None = None  # of the region, as `host:port`: it resolved the names, so no address of ours is known
    certificates: tuple[Certificate, ...] = ()
    steps: tuple[Step, ...] = ()
    kind: Kind = "image"

    @property
    def status(self) -> Status:
        return self.conclusion.status

    @property
    def has_read_documents(self) -> bool:
        """Tell whether the manifest and every child were fetched: none was taken as known and only found to be there.

        An outcome that came without any step is taken at its word; one that was cut for want of room has these.
        """
        given = {(step.stage, step.method) for step in self.steps if step.http_status == 200}
        return not self.steps or ((Stage.MANIFEST, "GET") in given and (Stage.CHILD, "HEAD") not in given)

    @property
    def failed_step(self) -> Step | None:
        """The step under which to tell why the check failed; None where no single exchange is to blame.

        It is at the failed host and of the stage where the check ended: one that did not succeed, else the last
        one, whose content was at fault. What was asked again, after a challenge or an error, counts by its last
        answer. A platform that an index does not list, say, is nobody's exchange.
        """
        found = self.conclusion
        if self.status is Status.AVAILABLE:
            return None
        last_answers = {(step.stage, step.url): step for step in self.steps if step.host == found.host}.values()
        if found.stage in _ON_THE_WAY:
            here = [step for step in last_answers if step.is_bad]
        else:
            here = [step for step in last_answers if step.stage is found.stage]
        bad = [step for step in here if step.is_bad]
        return next(reversed(bad or here), None)

    def to_json(self) -> dict[str, Any]:
        """Return the public outcome document: JSON values, every field present."""
        found = self.conclusion
        return {
            "version": OUTCOME_VERSION,
            "reference": self.reference,
            "canonical": found.canonical,
            "kind": self.kind,
            "status": found.status.value,
            "reason": found.reason.value,
            "stage": found.stage.value if found.stage else None,
            "host": found.host,
            "confidence": found.confidence.value,
            "depth": found.depth.value if found.depth else None,
            "digest": found.digest,
            "platforms": [
                {
                    "platform": item.platform,
                    "digest": item.digest,
                    "status": item.status.value,
                    "reason": item.reason.value,
                }
                for item in found.platforms
            ],
            "warnings": [warning.value for warning in found.warnings],
            "notices": list(found.notices),
            "hint": found.hint,
            "detail": found.detail,
            "retry_at": rfc3339(found.retry_at) if found.retry_at else None,
            "started_at": rfc3339(self.started_at),
            "duration_ms": self.duration_ms,
            "attempts": found.attempts,
            "requests": self.requests,
            "bytes_read": self.bytes_read,
            "auth_path": found.auth_path,
            "connection": self.connection,
            "proxy": self.proxy,
            "rate_limit": asdict(found.rate_limit) if found.rate_limit else None,
            "certificates": [
                {"host": item.host, "not_after": rfc3339(item.not_after), "issuer": item.issuer}
                for item in self.certificates
            ],
            "steps": [_step_to_json(step) for step in self.steps],
        }

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Return the outcome that `document` describes. Raises `ValueError` when it is not one."""
        try:
            one_of(document.get("version"), (OUTCOME_VERSION,))
            return cls(
                reference=text(document["reference"]),
                kind=one_of(document["kind"], _KINDS),
                conclusion=_conclusion_from_json(document),
                started_at=instant(document["started_at"]),
                duration_ms=number(document["duration_ms"]),
                requests=count(document["requests"]),
                bytes_read=count(document["bytes_read"]),
                connection=or_none(_connection, document["connection"]),
                proxy=or_none(text, document.get("proxy")),  # missing from documents of the first version
                certificates=tuple(_certificate_from_json(item) for item in items(document["certificates"])),
                steps=tuple(_step_from_json(item) for item in items(document["steps"])),
            )
        except MISFITS as error:
            raise ValueError(f"not an outcome: {type(error).__name__} {error}") from error


def rfc3339(instant: datetime) -> str:
    """Return an aware instant in UTC with milliseconds and a `Z`. Raises `ValueError` on a naive one."""
    if instant.tzinfo is None:
        raise ValueError("a naive time has no place on the wire")
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _step_to_json(step: Step) -> dict[str, Any]:
    return {
        "stage": step.stage.value,
        "method": step.method,
        "url": step.url,
        "host": step.host,
        "address": step.address,
        "http_status": step.http_status,
        "error": step.error,
        "connection": step.connection,
        "dns_ms": step.dns_ms,
        "connect_ms": step.connect_ms,
        "tls_ms": step.tls_ms,
        "first_byte_ms": step.first_byte_ms,
        "total_ms": step.total_ms,
        "bytes": step.bytes,
        "request_id": step.request_id,
    }


def _conclusion_from_json(document: Any) -> Conclusion:
    return Conclusion(
        reason=Reason(document["reason"]),
        canonical=text(document["canonical"]),
        stage=or_none(Stage, document["stage"]),
        host=or_none(text, document["host"]),
        confidence=Confidence(document["confidence"]),
        depth=or_none(Depth, document["depth"]),
        digest=or_none(text, document["digest"]),
        platforms=tuple(
            PlatformResult(
                platform=text(item["platform"]),
                digest=or_none(text, item["digest"]),
                status=Status(item["status"]),
                reason=Reason(item["reason"]),
            )
            for item in items(document["platforms"])
        ),
        warnings=tuple(Warn(item) for item in items(document["warnings"])),
        notices=tuple(text(item) for item in items(document.get("notices", []))),  # older workers send none
        hint=text(document["hint"]),
        detail=text(document["detail"]),
        retry_at=or_none(instant, document["retry_at"]),
        attempts=count(document["attempts"]),
        auth_path=one_of(document["auth_path"], _AUTH_PATHS),
        rate_limit=or_none(_rate_limit_from_json, document["rate_limit"]),
    )


def _rate_limit_from_json(document: Any) -> RateLimit:
    return RateLimit(
        limit=or_none(count, document["limit"]),
        remaining=or_none(count, document["remaining"]),
        window_seconds=or_none(count, document["window_seconds"]),
        source=or_none(text, document["source"]),
    )


def _certificate_from_json(document: Any) -> Certificate:
    return Certificate(
        host=text(document["host"]), not_after=instant(document["not_after"]), issuer=text(document["issuer"])
    )


def _step_from_json(document: Any) -> Step:
    return Step(
        stage=Stage(document["stage"]),
        method=text(document["method"]),
        url=text(document["url"]),
        host=text(document["host"]),
        address=or_none(text, document["address"]),
        http_status=or_none(count, document["http_status"]),
        error=or_none(text, document["error"]),
        connection=or_none(_connection, document["connection"]),
        dns_ms=or_none(number, document["dns_ms"]),
        connect_ms=or_none(number, document["connect_ms"]),
        tls_ms=or_none(number, document["tls_ms"]),
        first_byte_ms=or_none(number, document["first_byte_ms"]),
        total_ms=number(document["total_ms"]),
        bytes=count(document["bytes"]),
        request_id=or_none(text, document.get("request_id")),  # older workers tell none
    )


def _connection(value: object) -> ConnectionKind:
    kind: ConnectionKind = one_of(value, _CONNECTIONS)
    return kind
