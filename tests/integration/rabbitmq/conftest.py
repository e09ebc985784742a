"""A RabbitMQ for all tests of this folder, a region on it, and real worker processes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probes.broker.accounts import Accounts, open_accounts
from probes.trust.accounts import new_password
from probes.trust.keys import ControlKeys, RegionKeys
from tests.fakes.held_pipeline import pipeline, registry
from tests.fakes.rabbitmq_server import RabbitServer, is_installed
from tests.fakes.tls_files import TlsFiles
from tests.integration.edge.region import REGION, EdgeProcess
from tests.integration.rabbitmq.region import RabbitRegion

__all__ = ["pipeline", "registry"]


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return TlsFiles(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def rabbit_for_all(tmp_path_factory: pytest.TempPathFactory, tls_files: TlsFiles) -> Iterator[RabbitServer]:
    if not is_installed():
        pytest.skip("no RabbitMQ: install Debian's rabbitmq-server")
    directory = tmp_path_factory.mktemp("rabbitmq")
    with RabbitServer(directory, tls=tls_files.issue("broker"), ca_file=tls_files.ca_file) as server:
        yield server


@pytest.fixture(scope="module")
def variables(rabbit_for_all: RabbitServer) -> dict[str, str]:
    """What names the server to a pipeline, whose control plane would take in what tests before have left."""
    rabbit_for_all.purge()
    return {"BROKER_URL": rabbit_for_all.url, "KAIROS_BROKER_MANAGEMENT_URL": rabbit_for_all.management_url}


@pytest.fixture
def rabbit(rabbit_for_all: RabbitServer) -> RabbitServer:
    """The server, without what the test before has left."""
    rabbit_for_all.purge()
    return rabbit_for_all


@pytest.fixture
def accounts(rabbit: RabbitServer) -> Iterator[Accounts]:
    with open_accounts(rabbit.address, rabbit.management_url) as accounts:
        for name in accounts.names():
            accounts.remove(name)
        yield accounts


@pytest.fixture
def region(rabbit: RabbitServer, accounts: Accounts, tmp_path: Path) -> Iterator[RabbitRegion]:
    """The control plane's side of a region, whose worker logs in with the rights of a region."""
    control = ControlKeys.generate()
    keys = RegionKeys.generate(REGION, control.verify_key)
    keys.save(tmp_path / "region-key.json")
    region = RabbitRegion(rabbit, control, keys, tmp_path / "region-key.json")
    with open_accounts(rabbit.address, rabbit.management_url) as made:  # complete before a test takes the broker away
        region.log_in_as(f"region-{REGION}", new_password(), made.ensure)
    yield region
    region.close()


@pytest.fixture
def edge(region: RabbitRegion, tmp_path: Path) -> Iterator[Callable[..., EdgeProcess]]:
    """Start a worker process; it is killed after the test if it still lives."""
    started: list[EdgeProcess] = []

    def start(*arguments: str, **environment: str) -> EdgeProcess:
        process = EdgeProcess(region, tmp_path / f"edge-{len(started)}.log", *arguments, **environment)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
