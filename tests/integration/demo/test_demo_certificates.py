"""The authority is made once, vouches for the demonstration and for nothing else."""

import asyncio
import ssl
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kairos.demo.accounts import account
from kairos.demo.certificates import Validity, authority
from kairos.demo.sites import Site, Sites
from kairos.demo.state import made_once

NOW = datetime.now(UTC)


async def handshake(state: Path, site: Site, validity: Validity, name: str) -> None:
    """Serve `site` from a new listener and shake hands with it as `name`, trusting the authority."""
    signer = authority(state)
    server = await asyncio.start_server(
        lambda _, writer: writer.close(), site.address, 0, ssl=signer.server_context(site, validity)
    )
    trust = ssl.create_default_context(cadata=signer.pem)
    trust.verify_flags |= ssl.VERIFY_X509_STRICT
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection(site.address, port, ssl=trust, server_hostname=name)
        writer.close()


@pytest.mark.parametrize("name", ["registry.kairos.test", "127.0.0.1"])
async def test_a_host_is_known_by_its_name_and_by_its_address(demo_state: Path, name: str) -> None:
    await handshake(demo_state, Site("registry.kairos.test", "127.0.0.1", 0), Validity.current(NOW), name)


async def refusal(state: Path, site: Site, validity: Validity, name: str) -> str:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        await handshake(state, site, validity, name)
    return caught.value.verify_message


async def test_an_expired_certificate_is_refused_as_expired(demo_state: Path) -> None:
    site = Site("old-blobs.kairos.test", "127.0.0.1", 0)
    assert await refusal(demo_state, site, Validity.expired(NOW), site.host) == "certificate has expired"


async def test_the_authority_cannot_vouch_for_anybody_else(demo_state: Path) -> None:
    site = Site("registry.example.com", "127.0.0.1", 0)
    assert await refusal(demo_state, site, Validity.current(NOW), site.host) == "permitted subtree violation"


def test_what_is_kept_is_made_once_and_private(tmp_path: Path) -> None:
    state = tmp_path / "new" / "demo"
    assert authority(state).pem == authority(state).pem
    assert account(state) == account(state)
    private = ("authority.pem", "account-password")
    assert [stat.S_IMODE((state / name).stat().st_mode) for name in private] == [0o600, 0o600]
    assert {path.name for path in state.iterdir()} == {*private, "ca.pem"}


def test_the_public_certificate_lies_beside_the_authority_and_follows_it(tmp_path: Path) -> None:
    pem = authority(tmp_path).pem
    assert (tmp_path / "ca.pem").read_text() == pem
    assert "PRIVATE KEY" not in pem
    (tmp_path / "authority.pem").unlink()
    assert authority(tmp_path).pem == (tmp_path / "ca.pem").read_text() != pem


def test_two_who_make_the_same_file_at_once_get_the_same_content(tmp_path: Path) -> None:
    path = tmp_path / "once"
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda number: made_once(path, lambda: b"%d" % number), range(64)))
    assert len(set(made)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["once"]


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"])
def test_a_broken_authority_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "authority.pem").write_text(content)
    with pytest.raises(ValueError, match=r"authority\.pem holds no certificate authority; delete it"):
        authority(tmp_path)


def test_every_host_has_an_address_of_its_own_where_there_are_several() -> None:
    sites = Sites.at(5443)
    assert [site.host for site in sites] == [
        "registry.kairos.test", "hub.kairos.test", "auth.kairos.test", "blobs.kairos.test", "old-blobs.kairos.test",
    ]  # fmt: skip
    assert {site.port for site in sites} == {5443}
    assert len({site.address for site in sites}) == 5
    assert sites.resolve["auth.kairos.test"] == ["127.0.0.4"]


def test_the_hosts_share_one_address_by_ports_where_there_is_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kairos.demo.sites._has_address", lambda _: False)
    sites = Sites.at(5443)
    assert [(site.address, site.port) for site in sites] == [("127.0.0.1", 5443 + n) for n in range(5)]
    bound, sockets = Sites.at(0).listen()
    for listener in sockets:
        listener.close()
    assert len({site.port for site in bound}) == 5
