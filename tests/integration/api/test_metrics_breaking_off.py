"""A scrape that fails in its midst, on the wire: nobody takes a part for the whole."""

import http.client
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from kairos.child import Child, common_environment
from kairos.embedded import free_port
from tests.servers import is_served, running

PROJECT: Final = Path(__file__).parents[3]
TOKEN: Final = "for-tests-only"
_INHERITED: Final = ("DATABASE_URL", "BROKER_URL", "KAIROS_STATE_DIR", "DJANGO_SETTINGS_MODULE")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a web server that serves as it is deployed, and loses its database while it tells metrics."""
    port = free_port()
    serve = ("-m", "gunicorn", "tests.fakes.broken_scrape", "--bind", f"127.0.0.1:{port}", "--no-control-socket")
    child = Child(
        name="web",
        argv=(sys.executable, *serve, "--worker-class", "gthread", "--threads", "8", "--log-level", "critical"),
        environment={
            **common_environment(),
            **{name: os.environ[name] for name in _INHERITED},
            "KAIROS_METRICS_TOKEN": TOKEN,
        },
        directory=PROJECT,
    )
    with running(child, is_ready=partial(is_served, port)):
        yield port


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_connection_breaks_off_so_that_the_scraper_sees_it(port: int, coding: str) -> None:
    """Prometheus keeps nothing of a scrape whose connection ends before the last chunk: `up` is 0."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": coding}
    connection.request("GET", "/metrics", headers=headers)
    response = connection.getresponse()
    assert (response.status, response.getheader("Transfer-Encoding")) == (200, "chunked")
    with pytest.raises(http.client.IncompleteRead) as broken:
        response.read()
    assert len(broken.value.partial) > 100_000
    connection.close()
    assert is_served(port)
