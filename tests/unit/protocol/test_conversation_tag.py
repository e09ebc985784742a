"""R13: whether the tag beside a digest still points there."""

import pytest

from probes.protocol.exchange import FaultKind
from probes.protocol.limits import CheckLimits
from probes.protocol.outcome import Conclusion
from probes.protocol.taxonomy import Depth, Reason, Warn
from tests.fakes.contents import Image
from tests.fakes.dialogue import HOST, Amends, Answer, Breaks, Registry, Says, moved

REFERENCE = f"{HOST}/team/app:1"
OTHER = "sha256:" + "e" * 64


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def image(registry: Registry) -> Image:
    return registry.image("team/app:1", layers=2)


def check(registry: Registry, image: Image, tag: str = "1", *, asks: bool = True) -> Conclusion:
    reference = f"{HOST}/team/app:{tag}@{image.digest}"
    return registry.check(reference, depth=Depth.RESOLVE, check_tag=asks)


def test_tag_that_does_is_fine(registry: Registry, image: Image) -> None:
    outcome = check(registry, image)
    assert (outcome.reason, outcome.warnings) == (Reason.OK, ())
    assert registry.log == ["HEAD manifest", "HEAD 1"]


def test_tag_that_has_moved_is_a_warning(registry: Registry, image: Image) -> None:
    registry.image("team/app:2", name="newer")
    outcome = check(registry, image, tag="2")
    assert (outcome.reason, outcome.digest, outcome.warnings) == (Reason.OK, image.digest, (Warn.TAG_MOVED,))


def test_nobody_asks_unless_the_plan_does(registry: Registry, image: Image) -> None:
    check(registry, image, asks=False)
    assert registry.log == ["HEAD manifest"]


@pytest.mark.parametrize("reference", ["team/app:1", "team/app@{digest}"])
def test_tag_or_digest_alone_has_nothing_to_differ_from(registry: Registry, image: Image, reference: str) -> None:
    registry.check(f"{HOST}/{reference.format(digest=image.digest)}", depth=Depth.RESOLVE, check_tag=True)
    assert len(registry.log) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Says(404),
        Says(401, headers={"WWW-Authenticate": 'Basic realm="r"'}),
        Says(429, headers={"Retry-After": "1"}),
        Says(503),
        Says(200),
        Says(404, headers={"Docker-Content-Digest": OTHER}),
        Says(200, headers={"Docker-Content-Digest": "sha512:" + "e" * 128}),
        moved("http://elsewhere.test/"),
        *(Breaks(kind) for kind in FaultKind),
    ],
)
def test_whatever_else_becomes_of_it_changes_nothing(registry: Registry, image: Image, answer: Answer) -> None:
    registry.always("HEAD 1", answer)
    outcome = check(registry, image)
    assert (outcome.reason, outcome.warnings, outcome.attempts) == (Reason.OK, (), 1)
    assert registry.log == ["HEAD manifest", "HEAD 1"]


def test_tag_elsewhere_is_followed(registry: Registry, image: Image) -> None:
    registry.once("HEAD 1", moved("https://mirror.test/v2/m/manifests/1"))
    found = Says(200, headers={"Docker-Content-Digest": OTHER})
    registry.once("HEAD mirror.test/v2/m/manifests/1", found)
    assert check(registry, image).warnings == (Warn.TAG_MOVED,)


def test_it_is_asked_once_however_the_digest_is_found(registry: Registry, image: Image) -> None:
    registry.once("HEAD manifest", Amends({"Docker-Content-Digest": None}))
    check(registry, image)
    assert registry.log == ["HEAD manifest", "GET manifest", "HEAD 1"]


def test_check_that_is_spent_goes_without(registry: Registry, image: Image) -> None:
    """Limits, D.2."""
    reference = f"{HOST}/team/app:1@{image.digest}"
    outcome = registry.check(reference, depth=Depth.MANIFEST, check_tag=True, limits=CheckLimits(requests_unqueued=2))
    assert (outcome.reason, registry.log) == (Reason.OK, ["HEAD manifest", "GET manifest"])
