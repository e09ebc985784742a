"""Workers that are replaced while they work, over RabbitMQ: the tests of `tests/integration/edge`."""

from tests.integration.edge.test_edge_upgrades import (
    test_idle_worker_that_leaves_takes_no_batch_along,
    test_worker_that_is_replaced_again_and_again_loses_no_check,
)

__all__ = [
    "test_idle_worker_that_leaves_takes_no_batch_along",
    "test_worker_that_is_replaced_again_and_again_loses_no_check",
]
