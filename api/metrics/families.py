"""All families, in the order in which they are told."""

from collections.abc import Iterator
from typing import Final

from api.metrics import of_all, of_regions, of_resources, of_surroundings
from api.metrics.exposition import Family, Format
from api.metrics.scrape import Scrape

_SAMPLES: Final = {**of_all.SAMPLES, **of_regions.SAMPLES, **of_surroundings.SAMPLES, **of_resources.SAMPLES}

FAMILIES: Final[tuple[Family, ...]] = tuple(_SAMPLES)


def lines(scrape: Scrape, format_: Format) -> Iterator[str]:
    """Yield the whole text; each family once, with its samples right after what is said of it."""
    for family, samples in _SAMPLES.items():
        yield family.head(format_)
        yield from samples(scrape)
    if format_ is Format.OPENMETRICS:
        yield "# EOF\n"
