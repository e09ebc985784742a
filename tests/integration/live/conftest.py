"""The web server as it is deployed, beside the test's own database."""

from collections.abc import Iterator

import pytest

from tests.fakes.web_server import Servers


@pytest.fixture
def serve(transactional_db: None, broker: str) -> Iterator[Servers]:
    servers = Servers()
    yield servers
    servers.stop()
