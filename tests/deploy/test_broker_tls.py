"""deploy/redis/tls.yml: the broker for regions elsewhere, over TLS with an authority of one's own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import trustme
import yaml

from kairos.child import Child, common_environment
from kairos.embedded import free_port
from probes.broker.accounts import open_accounts
from probes.broker.address import BrokerAddress
from probes.trust.accounts import Account
from tests.deploy.dockerfile import ROOT
from tests.servers import running

REGION = Account.make("eu-west", "region-eu-west", "for-eu-west")
AUTHORITY = trustme.CA()


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The broker's port for regions, with the files that the how-to makes."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on PATH: accounts need Redis 7 or newer")
    certificate = AUTHORITY.issue_cert("localhost")
    AUTHORITY.cert_pem.write_to_path(tmp_path / "broker-ca.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "broker-key.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "broker.pem")
    plain, encrypted = free_port(), free_port()
    (_, _, *arguments) = yaml.safe_load((ROOT / "deploy/redis/tls.yml").read_text())["services"]["redis"]["command"]
    at_home = {"/data": str(tmp_path), "6380": str(encrypted)}
    given = [at_home.get(word, word.replace("/tls/", f"{tmp_path}/")) for word in arguments]
    child = Child(
        name="redis",
        argv=("sh", str(ROOT / "deploy/redis/server.sh"), *given, "--bind", "127.0.0.1", "--port", str(plain)),
        environment={**common_environment(), "REDIS_PASSWORD": "for-control"},
        directory=tmp_path,
    )

    def answers() -> bool:
        try:
            with redis.Redis(port=plain, username="control", password="for-control") as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    with running(child, is_ready=answers):
        with open_accounts(BrokerAddress(f"redis://control:for-control@127.0.0.1:{plain}/0")) as accounts:
            accounts.ensure(REGION)
        yield encrypted


def test_region_gets_in_by_its_password_over_tls(port: int, tmp_path: Path) -> None:
    url = f"rediss://region-eu-west:for-eu-west@localhost:{port}/0"
    with redis.Redis.from_url(url, ssl_ca_certs=str(tmp_path / "broker-ca.pem")) as client:
        assert client.ping()
    with redis.Redis.from_url(url) as client, pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        client.ping()


def test_port_for_regions_speaks_nothing_but_tls(port: int) -> None:
    client = redis.Redis(port=port, username="region-eu-west", password="for-eu-west")
    with client, pytest.raises(redis.ConnectionError):
        client.ping()
