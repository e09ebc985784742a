"""The exchanges of a check that was never made, as if each host were so many milliseconds away."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Outcome, Step
from probes.protocol.plan import Plan
from probes.protocol.taxonomy import Reason, Stage

ON_THE_WAY: Final = (Stage.TLS, Stage.CONNECT, Stage.DNS)
_STATUSES: Final = {
    Reason.BLOB_DENIED: 403,
    Reason.RATE_LIMITED: 429,
    Reason.GATEWAY_ERROR: 502,
    Reason.REGISTRY_ERROR: 500,
}

_Asked = tuple[Stage, str, str, int]
"""A stage, its host, the rest of the address, and the status of an answer that is well."""


def exchanges(plan: CheckPlan, outcome: Outcome, *, at: str, round_trip_ms: float) -> Iterable[Step]:
    """Yield the exchanges up to the one that failed. They take longer on some of the moments `at` than on others."""
    about, asked = (_pulled if isinstance(plan, Plan) else _requested)(outcome.conclusion.canonical)
    way = round_trip_ms * (0.8 + _chance(about) * 0.5) * (1 + _chance(f"{about} {at}") ** 3 * 0.6)
    failed = outcome.conclusion.stage
    known: set[str] = set()
    for stage, host, path, status in asked:
        is_last, is_new = stage is failed or failed in ON_THE_WAY, host not in known
        known.add(host)
        error = "certificate has expired" if failed is Stage.TLS else None
        phases = (way * 0.2, way, way * 1.1) if is_new else (0.0, 0.0, 0.0)
        first_byte = way * (1.3 if stage is Stage.LAYER else 1.0)
        yield Step(
            stage=failed if is_last and failed else stage,
            method="GET",
            url=f"https://{host}{path}",
            host=host,
            address="198.51.100.21" if host.startswith("blobs.") else "192.0.2.7",
            http_status=None if error else _STATUSES.get(outcome.conclusion.reason, 404) if is_last else status,
            error=error,
            connection="new" if is_new else "reused",
            dns_ms=phases[0] if is_new else None,
            connect_ms=phases[1] if is_new else None,
            tls_ms=phases[2] if is_new else None,
            first_byte_ms=None if error else first_byte,
            total_ms=round(sum(phases) + (0 if error else first_byte * 1.15), 1),
            bytes=0 if error else 812,
        )
        if is_last:
            return


def digest_of(text: str) -> str:
    """Return the digest of what could be such an image."""
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def _pulled(canonical: str) -> tuple[str, Sequence[_Asked]]:
    host, _, rest = canonical.partition("/")
    path = rest.partition(":")[0].partition("@")[0]
    return path, (
        (Stage.CHALLENGE, host, "/v2/", 401),
        (Stage.TOKEN, f"auth.{host}", f"/token?scope=repository:{path}:pull", 200),
        (Stage.MANIFEST, host, f"/v2/{path}/manifests/{rest.rpartition(':')[2]}", 200),
        (Stage.CHILD, host, f"/v2/{path}/manifests/{digest_of(path)}", 200),
        (Stage.CONFIG, f"blobs.{host}", f"/v2/{path}/blobs/{digest_of(path + 'config')}", 206),
        (Stage.LAYER, f"blobs.{host}", f"/v2/{path}/blobs/{digest_of(path + 'layer')}", 206),
    )


def _requested(canonical: str) -> tuple[str, Sequence[_Asked]]:
    url = urlsplit(canonical)
    return canonical, ((Stage.REQUEST, url.netloc, url.path, 200),)


def _chance(text: str) -> float:
    """Return a number from 0 to 1 that is always the same of the same text."""
    return int(sha256(text.encode()).hexdigest()[:4], 16) / 0xFFFF
