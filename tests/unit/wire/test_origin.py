"""The name that is dialled and proven by TLS is the name that was asked for, letter by letter."""

import asyncio

import httpx
import pytest

from probes.protocol.exchange import Ask, Fault, FaultKind
from probes.protocol.taxonomy import Stage
from probes.wire.exchange import perform
from probes.wire.faults import WireFault
from probes.wire.limits import Limits
from probes.wire.route import PUBLIC_INTERNET
from probes.wire.transport import GuardedTransport


async def looked_up(monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    """Return the name that is looked up for `url`; nothing is dialled."""
    names: list[str] = []

    async def addresses(_: object, host: str, **__: object) -> tuple[str, ...]:
        names.append(host)
        raise WireFault(FaultKind.DNS_NXDOMAIN)

    monkeypatch.setattr("probes.wire.resolver.Resolver.addresses", addresses)
    limits = Limits()
    transport = GuardedTransport(limits, "kairos/test")
    ask = Ask(id=0, method="GET", url=url, stage=Stage.MANIFEST)
    event, record = await perform(transport, ask, PUBLIC_INTERNET, limits, asyncio.get_running_loop().time() + 5)
    await transport.aclose()
    assert isinstance(event, Fault)
    assert record.host == httpx.URL(url).raw_host.decode()
    return names[0]


@pytest.mark.parametrize(
    "host",
    [
        "registry.example",
        "xn--strae-oqa.example",  # IDNA 2003, which Python's resolver and TLS speak, makes "strasse" of its "ß"
        "xn--iv8h.example",  # no valid IDNA 2008, and a name all the same
        "sub.xn--strae-oqa.example",
    ],
)
async def test_a_name_in_ascii_is_looked_up_as_it_stands(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """S18: another spelling would be another host, to which our login would go with a certificate in order."""
    assert await looked_up(monkeypatch, f"https://{host}/v2/") == host
