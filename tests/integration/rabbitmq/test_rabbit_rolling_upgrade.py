"""The rolling upgrade of `tests/integration/faults`, over RabbitMQ: the same test, on a pipeline of this broker."""

import pytest

from tests.integration.faults.test_rolling_upgrade import (
    images,
    test_rolling_upgrade_of_workers_and_control_plane_loses_no_slot,
)

__all__ = ["images", "test_rolling_upgrade_of_workers_and_control_plane_loses_no_slot"]

pytestmark = pytest.mark.slow
