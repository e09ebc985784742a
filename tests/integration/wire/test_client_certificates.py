"""Client certificates: whom they are shown to, and what a server that does not like them comes to."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from probes.protocol.exchange import FaultKind
from probes.protocol.plan import Plan, Secret, Site
from probes.protocol.taxonomy import Depth, Reason, Stage
from probes.wire.driver import Engine
from probes.wire.identity import IdentityUnusable, check_identity
from probes.wire.limits import Limits
from probes.wire.route import PUBLIC_INTERNET, Terms
from tests.fakes.refusing import refusing
from tests.integration.wire.conftest import Presenting
from tests.integration.wire.peer import Client, Script, Visit, answering, peer_that

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(scope="module")
def clients() -> trustme.CA:
    """The authority of client certificates; nobody else's."""
    return trustme.CA()


def pem_of(made: trustme.LeafCert) -> str:
    return made.private_key_and_cert_chain_pem.bytes().decode()


@pytest.fixture(scope="module")
def identity(clients: trustme.CA) -> str:
    return pem_of(clients.issue_cert("robot@example.org", common_name="robot"))


@pytest.fixture
def demanding(presenting: Presenting, clients: trustme.CA) -> ssl.SSLContext:
    """A server's context that lets in whoever `clients` vouches for."""
    context = presenting()
    clients.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def trusting(authority: trustme.CA) -> Site:
    return Site(allow_cidrs=("127.0.0.0/8",), ca_pem=authority.cert_pem.bytes().decode())


def seen_by(visit: Visit) -> str:
    """Return the common name in the certificate that the client showed, or nothing."""
    peer = visit.writer.get_extra_info("peercert")
    names = dict(pair for part in peer.get("subject", ()) for pair in part) if peer else {}
    return str(names.get("commonName", ""))


async def test_a_server_that_wants_one_is_shown_it(
    client: Client, demanding: ssl.SSLContext, trusting: Site, identity: str
) -> None:
    async with peer_that(answering(OK), demanding) as peer:
        reply, _ = await client.reply(f"{peer.https}/", site=trusting, identity_pem=identity)

    assert reply.body == b"ok"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("which", ["none", "expired", "of a stranger"])
async def test_what_the_server_says_of_it_is_told(
    client: Client,
    demanding: ssl.SSLContext,
    trusting: Site,
    clients: trustme.CA,
    version: ssl.TLSVersion,
    which: str,
) -> None:
    """N11: in TLS 1.3 the alert comes after our handshake, in place of a response; it is TLS all the same."""
    demanding.minimum_version = demanding.maximum_version = version
    past = datetime.now(UTC) - timedelta(days=9)
    shown = {
        "none": "",
        "expired": pem_of(clients.issue_cert("robot@example.org", not_before=past, not_after=past + timedelta(1))),
        "of a stranger": pem_of(trustme.CA().issue_cert("robot@example.org")),
    }[which]
    words = {
        "none": "client certificate",
        "expired": "the client certificate has expired (alert certificate expired)",
        "of a stranger": "does not trust the authority of the client certificate (alert unknown ca)",
    }[which]
    with refusing(demanding) as host:
        fault, _ = await client.fault(f"https://{host}/", site=trusting, identity_pem=shown)

    assert fault.kind is FaultKind.TLS_PROTOCOL
    assert words in fault.detail


async def test_a_missing_one_is_the_registrys_word_and_no_outage(
    engine: Engine, demanding: ssl.SSLContext, trusting: Site
) -> None:
    """N11."""
    with refusing(demanding) as host:
        plan = Plan(reference=f"{host}/team/app:1", site=trusting, depth=Depth.RESOLVE)
        outcome = await engine.check(plan)

    assert (outcome.conclusion.reason, outcome.conclusion.stage) == (Reason.TLS_PROTOCOL, Stage.TLS)
    assert outcome.conclusion.detail == "the server wants a client certificate (alert certificate required)"


async def test_connections_are_not_shared_across_it(
    client: Client, demanding: ssl.SSLContext, trusting: Site, identity: str, clients: trustme.CA
) -> None:
    """S21: one client's connection is never another's, nor anybody's."""
    demanding.verify_mode = ssl.CERT_OPTIONAL
    other = pem_of(clients.issue_cert("other@example.org"))
    async with peer_that(answering(OK), demanding) as peer:
        kinds = [
            (await client.reply(f"{peer.https}/", site=trusting, identity_pem=shown))[1].connection
            for shown in (identity, other, "", identity, other, "")
        ]

    assert kinds == ["new", "new", "new", "reused", "reused", "reused"]


async def test_only_the_registrys_own_origin_sees_it(
    engine: Engine, presenting: Presenting, clients: trustme.CA, trusting: Site, identity: str
) -> None:
    """S7, S9: not the token service, not where a redirect leads; all of them would take it."""
    seen: dict[str, set[str]] = {"registry": set(), "auth": set(), "storage": set()}

    def asking(name: str) -> ssl.SSLContext:
        context = presenting(name)
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def noting(name: str, *answers: bytes) -> Script:
        async def script(visit: Visit) -> None:
            for answer in answers * 3:
                await visit.request()
                seen[name].add(seen_by(visit))
                visit.send(answer)

        return script

    async with (
        peer_that(noting("storage", b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), asking("localhost")) as storage,
        peer_that(
            noting("auth", b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"token":"x"}'), asking("127.0.0.1")
        ) as auth,
    ):
        challenge = (
            b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n"
            b'WWW-Authenticate: Bearer realm="https://127.0.0.1:%d/token"\r\n\r\n' % auth.port
        )
        moved = b"HTTP/1.1 307 On\r\nLocation: https://localhost:%d/x\r\nContent-Length: 0\r\n\r\n" % storage.port
        async with peer_that(noting("registry", challenge, moved, moved, moved), asking("localhost")) as registry:
            plan = Plan(reference=f"localhost:{registry.port}/team/app:1", site=trusting, depth=Depth.RESOLVE)
            outcome = await engine.check(plan, Secret(client_identity=identity))

    assert outcome.conclusion.reason is Reason.NOT_FOUND
    assert seen == {"registry": {"robot"}, "auth": {""}, "storage": {""}}


async def test_nothing_of_it_is_shown(
    engine: Engine, demanding: ssl.SSLContext, trusting: Site, identity: str
) -> None:
    """S19."""
    secret = Secret(client_identity=identity)
    async with peer_that(answering(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"), demanding) as peer:
        plan = Plan(reference=f"localhost:{peer.port}/team/app:1", site=trusting, depth=Depth.RESOLVE)
        outcome = await engine.check(plan, secret)
    terms = Terms(route=PUBLIC_INTERNET, limits=Limits(), deadline=0.0, identity_pem=identity)

    for shown in (repr(outcome), str(outcome.to_json()), repr(secret), repr(terms)):
        assert "PRIVATE KEY" not in shown
        assert "CERTIFICATE" not in shown


class TestIdentity:
    """What can be presented and what cannot."""

    def test_key_and_chain_may_come_in_either_order(self, clients: trustme.CA) -> None:
        made = clients.issue_cert("robot@example.org")
        key, chain = made.private_key_pem.bytes().decode(), made.cert_chain_pems[0].bytes().decode()
        check_identity(key + chain)
        check_identity(chain + key)

    def test_what_cannot_be_presented_is_refused_without_showing_it(self, clients: trustme.CA) -> None:
        """S19: and a key that is encrypted has nobody asked at a terminal."""
        made, other = clients.issue_cert("robot@example.org"), clients.issue_cert("other@example.org")
        key, chain = made.private_key_pem.bytes(), made.cert_chain_pems[0].bytes().decode()
        encrypted = serialization.load_pem_private_key(key, None).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"swordfish"),
        )
        cases = {
            chain: "PEM of a private key and of its certificate is wanted",
            key.decode(): "PEM of a private key and of its certificate is wanted",
            "neither": "PEM of a private key and of its certificate is wanted",
            other.private_key_pem.bytes().decode() + chain: "the key is another certificate's",
            encrypted.decode() + chain: "its key is encrypted",
        }
        for pem, words in cases.items():
            with pytest.raises(IdentityUnusable, match=words) as refused:
                check_identity(pem)
            assert "BEGIN" not in str(refused.value)
