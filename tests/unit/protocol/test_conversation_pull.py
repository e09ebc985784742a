"""The plain way of a check: what is asked of a registry, in which order, and how far."""

import pytest

from probes.protocol.taxonomy import Depth, Reason
from tests.fakes.dialogue import Registry

REFERENCE = "registry.example/team/app:1"


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_image_is_resolved_then_read_by_digest_then_proven_blob_by_blob(registry: Registry) -> None:
    made = registry.image("team/app:1", layers=2)
    outcome = registry.check(REFERENCE)
    assert outcome.reason is Reason.OK
    assert outcome.digest == made.digest
    assert registry.log == ["HEAD 1", "GET manifest", "GET config", "GET layer1", "GET layer2"]
    assert outcome.depth is Depth.BLOBS
