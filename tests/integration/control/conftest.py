"""A small control plane: three enrolled regions, and images that are due at noon.

What needs models is imported in the fixtures: pytest may read this file before Django is set up.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet
from pytest_django.fixtures import Settings

if TYPE_CHECKING:
    from probes.models import Resource
    from tests.fakes.far_region import FarRegion
    from tests.fakes.heart import Heart
    from tests.fakes.metered_hub import MeteredHub

MakeImages = Callable[..., list["Resource"]]
Regions = dict[str, "FarRegion"]

SLUGS = ("ap-south", "eu-west", "us-east")


@pytest.fixture
def now() -> datetime:
    """The last noon: what is done by the real clock as well, as by a task, comes after it at any time of day."""
    return (datetime.now(UTC) - timedelta(hours=12)).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture(autouse=True)
def _own_region_keys(settings: Settings, tmp_path: Path) -> None:
    settings.KAIROS_REGION_KEYS_DIR = tmp_path / "regions"
    settings.KAIROS_SURROUNDINGS_DIR = tmp_path / "surroundings"


@pytest.fixture
def keys_file(settings: Settings, tmp_path: Path) -> Path:
    """A key of the test's own for the secrets of credentials and registries."""
    path = tmp_path / "fernet-keys"
    path.write_text(Fernet.generate_key().decode() + "\n")
    settings.KAIROS_FERNET_KEYS_FILE = path
    return path


@pytest.fixture
def regions(db: None, now: datetime) -> Regions:
    """Three regions, which one failure turns bad and one good check turns good again."""
    from probes.actions import partitions  # noqa: PLC0415 - see above
    from tests.fakes.far_region import FarRegion  # noqa: PLC0415 - see above
    from tests.fakes.terms import at_the_first_failure  # noqa: PLC0415 - see above

    at_the_first_failure()
    partitions.ensure_partitions(now.date())
    return {slug: FarRegion.enrolled(slug) for slug in SLUGS}


@pytest.fixture
def make_images(now: datetime) -> MakeImages:
    """Make so many images that are due at noon."""
    from probes.actions import resources  # noqa: PLC0415 - see above
    from probes.models import Resource  # noqa: PLC0415 - see above

    def make(count: int = 1, **values: object) -> list[Resource]:
        return [
            resources.save(Resource(**{"reference": f"ghcr.io/org/app-{number}:1", **values}), now=now)
            for number in range(count)
        ]

    return make


@pytest.fixture
def heart(now: datetime, regions: Regions) -> "Heart":
    """Hear of eu-west; the others are as good as enrolled a moment ago, and not yet to be missed."""
    from probes.models import Region  # noqa: PLC0415 - see above
    from tests.fakes.heart import Heart  # noqa: PLC0415 - see above

    Region.objects.exclude(slug="eu-west").update(condition_since=now + timedelta(days=1))
    return Heart(regions["eu-west"], now)


@pytest.fixture
def hub(now: datetime) -> "MeteredHub":
    """A registry that counts like Docker Hub, at noon."""
    from tests.fakes.metered_hub import MeteredHub  # noqa: PLC0415 - see above

    return MeteredHub(now)
