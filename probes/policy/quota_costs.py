"""What a check costs of a quota: what is expected of it, and what it did cost.

Source: behaviour section E.3. Docker Hub counts each manifest that is fetched (GET) and none that is asked for
(HEAD); elsewhere each request counts.
"""

from collections.abc import Sequence
from typing import Final

from probes.policy.quota import REQUESTS_OF_A_RESOLVE
from probes.policy.quota_limits import Counting
from probes.protocol.outcome import Outcome
from probes.protocol.plan import ALL_PLATFORMS
from probes.protocol.taxonomy import Depth, Stage

_PLATFORMS_GUESSED: Final = 10
_LAYERS_GUESSED: Final = 10


def price(depth: Depth | None, platforms: Sequence[str], counts: Counting) -> int:
    """Return what a check is expected to cost, rather more than less; `depth` None is an endpoint's.

    How many platforms or layers there are is a guess until the report tells.
    """
    if depth is None:
        return 1 if counts is Counting.REQUESTS else 0
    children = _PLATFORMS_GUESSED if ALL_PLATFORMS in platforms else max(len(platforms), 1)
    manifests = {Depth.RESOLVE: 0, Depth.MANIFEST: 1}.get(depth, 1 + children)
    if counts is Counting.MANIFESTS:
        return manifests
    blobs = children * (1 + _LAYERS_GUESSED) if depth is Depth.BLOBS else 0
    return REQUESTS_OF_A_RESOLVE + manifests + blobs


def manifests_read(outcome: Outcome) -> int:
    """Count the manifests that were served."""
    return sum(
        step.method == "GET" and step.http_status == 200 and step.stage in (Stage.MANIFEST, Stage.CHILD)
        for step in outcome.steps
    )


def cost(outcome: Outcome, counts: Counting, *, expected: int) -> int:
    """Return what a check did cost. One whose steps are not known counts as expected."""
    if counts is Counting.REQUESTS:
        return outcome.requests
    return manifests_read(outcome) if outcome.steps else expected


def has_met(outcome: Outcome) -> bool:
    """Tell whether the registry answered with a manifest, and so would have spoken of a limit."""
    return any(step.stage is Stage.MANIFEST and step.http_status == 200 for step in outcome.steps)
