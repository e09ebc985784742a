"""Sampling: which layers a check looks at when the operator does not want all of them asked for."""

import pytest

from probes.protocol.conversation.sampling import sample
from probes.protocol.digest import Digest
from probes.protocol.manifest import Descriptor
from probes.protocol.taxonomy import Depth, Reason, Warn
from tests.fakes import contents
from tests.fakes.contents import LAYER, Content
from tests.fakes.dialogue import HOST, Registry

REFERENCE = f"{HOST}/team/app:1"


@pytest.fixture
def registry() -> Registry:
    return Registry()


def layer(size: int, *, name: str = "", is_foreign: bool = False) -> Descriptor:
    return Descriptor(media_type="x", digest=Digest.of(name.encode()), size_bytes=size, is_foreign=is_foreign)


def layers_asked(registry: Registry) -> list[str]:
    return [line.removeprefix("GET ") for line in registry.log if "layer" in line]


def test_sample_is_the_config_and_four_layers(registry: Registry) -> None:
    """B25: first, last, largest, and one in turn."""
    sizes = (10, 20, 30, 90, 40, 50)
    made = [Content(name=f"layer{n}", body=b"%d" % n * size, media_type=LAYER) for n, size in enumerate(sizes)]
    registry.image("team/app:1", layers=made)
    outcome = registry.check(REFERENCE, sample_blobs=True, rotation=1)
    assert (outcome.reason, outcome.depth, outcome.warnings) == (Reason.OK, Depth.BLOBS, (Warn.PROBE_SAMPLED,))
    assert registry.log[2] == "GET config"
    assert layers_asked(registry) == ["layer0", "layer2", "layer3", "layer5"]


def test_small_image_is_looked_at_whole_and_nothing_is_warned_of(registry: Registry) -> None:
    registry.image("team/app:1", layers=3)
    outcome = registry.check(REFERENCE, sample_blobs=True)
    assert outcome.warnings == ()
    assert layers_asked(registry) == ["layer1", "layer2", "layer3"]


def test_missing_layer_is_found_when_its_turn_comes(registry: Registry) -> None:
    image = registry.image("team/app:1", layers=8)
    registry.lose(image.layers[4])
    found = [registry.check(REFERENCE, sample_blobs=True, rotation=turn).reason for turn in range(6)]
    assert found.count(Reason.LAYER_MISSING) == 1


def test_image_of_very_many_layers_is_sampled_and_not_cut_off(registry: Registry) -> None:
    """P16: four of 600 are within every limit, so the depth is proven."""
    registry.hold("team/app:1", contents.image(layers=600))
    outcome = registry.check(REFERENCE, sample_blobs=True)
    assert (outcome.depth, outcome.warnings) == (Depth.BLOBS, (Warn.PROBE_SAMPLED,))


def test_layers_that_are_never_fetched_stay_in_and_take_nobodys_turn() -> None:
    """B25: asking for nothing costs nothing."""
    empty, foreign = layer(0, name="empty"), layer(9, name="foreign", is_foreign=True)
    assert sample((empty, foreign), 1) == (empty, foreign)
    kept = tuple(layer(1, name=str(at)) for at in range(4))
    assert sample((*kept, foreign), 0) == (kept[0], kept[1], kept[3], foreign)
