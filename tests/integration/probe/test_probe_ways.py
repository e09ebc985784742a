"""Ways to a registry: a proxy, allowed hosts, a client certificate."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from kairos.demo.sites import Sites
from tests.integration.probe.conftest import Demo, Probe
from tests.integration.wire.forward_proxy import ForwardProxy, proxy_that


@pytest.fixture
def proxy(demo: Demo) -> Iterator[ForwardProxy]:
    """A proxy whose DNS knows the demonstration's hosts; it runs beside the command's own event loop."""
    proxy = ForwardProxy(names={host: found[0] for host, found in Sites.at(demo.port).resolve.items()})
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with proxy_that(proxy):
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(10)
    yield proxy
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def test_a_proxy_resolves_every_hosts_name_and_the_outcome_says_so(
    demo: Demo, probe: Probe, proxy: ForwardProxy
) -> None:
    """N16, N4: no `--resolve`, and no `--allow-cidr` either, since the guard sees no address."""
    options = (f"--ca-file={demo.state / 'authority.pem'}", f"--proxy=http://robot@127.0.0.1:{proxy.port}")
    reference = demo.reference("shop/checkout:2.4.1")
    done = probe(*options, "--json", reference, KAIROS_PROBE_PROXY_PASSWORD="swordfish")

    document = json.loads(done.stdout)
    assert (document["reason"], document["proxy"]) == ("ok", f"127.0.0.1:{proxy.port}")
    assert {step["address"] for step in document["steps"]} == {None}
    assert {step["dns_ms"] for step in document["steps"]} == {None}
    asked = {head.split()[1].decode().rpartition(":")[0] for head in proxy.heads}
    assert {"registry.kairos.test", "auth.kairos.test"} <= asked
    assert all(b"Proxy-Authorization: Basic cm9ib3Q6c3dvcmRmaXNo" in head for head in proxy.heads)
    assert "swordfish" not in done.stdout + done.stderr


def test_a_proxy_is_named_above_the_steps(demo: Demo, probe: Probe, proxy: ForwardProxy) -> None:
    done = probe(f"--proxy=http://127.0.0.1:{proxy.port}", demo.reference("shop/checkout:2.4.1"))

    assert done.stdout.splitlines()[0].endswith(f"  through the proxy 127.0.0.1:{proxy.port}")
    assert "tls_untrusted" in done.stdout


def test_an_allowed_host_needs_no_network(demo: Demo, probe: Probe) -> None:
    """S5: and whoever is not on the list stays where the guard keeps it."""
    options = [option for option in demo.options if not option.startswith("--allow-cidr")]
    reference = demo.reference("shop/checkout:2.4.1")
    every = [f"--allow-host={host}" for host in Sites.at(demo.port).resolve]

    allowed = probe(*options, *every, "--json", reference)
    registry_alone = probe(*options, "--allow-host=registry.kairos.test", "--json", reference)

    assert json.loads(allowed.stdout)["reason"] == "ok"
    assert json.loads(registry_alone.stdout)["reason"] == "auth_realm_forbidden"


def test_a_client_certificate_is_taken_from_files(demo: Demo, probe: Probe, tmp_path: Path) -> None:
    made = trustme.CA().issue_cert("robot@example.org")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    done = probe(
        *demo.options,
        f"--client-cert={tmp_path / 'cert.pem'}",
        f"--client-key={tmp_path / 'key.pem'}",
        demo.reference("shop/checkout:2.4.1"),
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--proxy=http://robot:swordfish@127.0.0.1:3128",), "does not belong on a command line"),
        (("--proxy=proxy.internal:3128",), "not a proxy's URL"),
        (("--client-key=/none",), "--client-key needs --client-cert"),
        (("--client-cert=/none",), "--client-cert: "),
        ((f"--client-cert={__file__}",), "--client-cert: the client certificate cannot be used"),
        (("--allow-host=https://registry.internal",), "not HOST or HOST:PORT"),
    ],
)
def test_a_way_that_cannot_be_taken_is_wrong_usage(probe: Probe, arguments: tuple[str, ...], message: str) -> None:
    done = probe(*arguments, "alpine")
    assert message in done.stderr
    assert "swordfish" not in done.stderr
    assert done.returncode == 2
