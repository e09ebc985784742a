"""What checks of an image find, with all their steps, as the engine would tell them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from probes.protocol.check import CheckPlan
from probes.protocol.outcome import Certificate, Outcome, PlatformResult
from probes.protocol.taxonomy import Depth, Reason, Stage, Status
from tests.fakes.far_region import found
from tests.fakes.steps import reused, step

HOME = "https://ghcr.io/v2/org/app"
LAYER = "sha256:" + "2" * 64

_LOGIN = (
    step(method="HEAD", url=f"{HOME}/manifests/1", http_status=401),
    step(stage=Stage.TOKEN, url="https://auth.example/token?service=ghcr.io", host="auth.example", total_ms=80.0),
)
_DOCUMENTS = (
    reused(method="HEAD", url=f"{HOME}/manifests/1"),
    reused(url=f"{HOME}/manifests/sha256:{'a' * 64}"),
    reused(stage=Stage.CHILD, url=f"{HOME}/manifests/sha256:{'b' * 64}"),
    reused(stage=Stage.CONFIG, url=f"{HOME}/blobs/sha256:{'c' * 64}", http_status=206),
)
_LAYERS = tuple(
    reused(stage=Stage.LAYER, url=f"{HOME}/blobs/sha256:{digit * 64}", http_status=206) for digit in "123"
)


def pulled(plan: CheckPlan) -> Outcome:
    """Return a whole pull that went well, down to three layers."""
    outcome = found(plan)
    platform = PlatformResult(
        platform="linux/amd64", digest=f"sha256:{'b' * 64}", status=Status.AVAILABLE, reason=Reason.OK
    )
    conclusion = replace(outcome.conclusion, depth=Depth.BLOBS, platforms=(platform,), auth_path="fresh")
    return replace(outcome, conclusion=conclusion, steps=(*_LOGIN, *_DOCUMENTS, *_LAYERS))


def refused_by_storage(plan: CheckPlan) -> Outcome:
    """Return a pull whose second layer is refused by the storage that the registry leads to."""
    outcome = found(plan, Reason.BLOB_BACKEND_DENIED, Stage.LAYER)
    first, second, third = _LAYERS
    refused = replace(second, url="https://blobs.example/x?sig=…", host="blobs.example", http_status=403)
    steps = (*_LOGIN, *_DOCUMENTS, first, replace(second, http_status=307), third, refused)
    soon = datetime.now(UTC) + timedelta(days=9, hours=2)
    return replace(
        outcome,
        conclusion=replace(
            outcome.conclusion, host="blobs.example", detail=f"{LAYER}: storage", depth=Depth.PLATFORM
        ),
        steps=steps,
        certificates=(
            Certificate(
                host="blobs.example", not_after=soon.replace(minute=0, second=0, microsecond=0), issuer="A CA"
            ),
        ),
    )
