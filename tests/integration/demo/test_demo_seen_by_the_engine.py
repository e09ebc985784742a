"""The engine finds in every region what the script promises: the demonstration and the product agree."""

import asyncio
from pathlib import Path

import pytest

from kairos.demo.registry import DemoRegistry
from kairos.demo.script import IMAGES, REGIONS, ScriptedImage
from probes.protocol.outcome import Outcome
from probes.protocol.plan import ANONYMOUS, Plan, Secret, Site
from probes.protocol.taxonomy import Stage
from probes.wire.driver import Engine
from probes.wire.limits import Limits
from tests.integration.demo.conftest import Clock

# The product waits 10 seconds for headers. Between the script's 2 and its 12, 3 tells them apart as well.
LIMITS = Limits(headers_seconds=3.0)


async def check(demo: DemoRegistry, scripted: ScriptedImage, region: str) -> Outcome:
    site = Site(
        ca_pem=demo.ca_pem,
        allow_cidrs=("127.0.0.0/8",),
        resolve=tuple((host, tuple(addresses)) for host, addresses in demo.sites.resolve.items()),
    )
    passwords = {"none": "", "right": demo.account.password, "wrong": "changed-since"}
    password = passwords[scripted.check.login]
    secret = Secret(username=demo.account.username, password=password) if password else ANONYMOUS
    plan = Plan(
        reference=demo.repositories[scripted.repository].reference(demo.sites),
        depth=scripted.check.depth,
        platforms=scripted.check.platforms,
        site=site,
    )
    async with Engine(user_agent=f"kairos-probe/1 (region={region})", limits=LIMITS) as engine:
        return await engine.check(plan, secret)


async def seen(demo: DemoRegistry, scripted: ScriptedImage) -> dict[str, Outcome]:
    outcomes = await asyncio.gather(*(check(demo, scripted, region) for region in REGIONS))
    return dict(zip(REGIONS, outcomes, strict=True))


@pytest.mark.parametrize("scripted", IMAGES, ids=lambda scripted: scripted.name)
async def test_a_check_finds_what_the_script_promises(demo: DemoRegistry, scripted: ScriptedImage) -> None:
    for region, outcome in (await seen(demo, scripted)).items():
        assert outcome.conclusion.reason in scripted.reasons(region), (region, outcome.conclusion)


async def test_what_depends_on_the_moment_is_seen_at_one_or_the_other(demo: DemoRegistry, clock: Clock) -> None:
    (scripted,) = (scripted for scripted in IMAGES if len(scripted.expected[""]) > 1)
    found = set()
    for _ in range(2):
        found |= {outcome.conclusion.reason for outcome in (await seen(demo, scripted)).values()}
        clock.advance(30)
    assert found == set(scripted.expected[""])


async def test_the_evidence_names_the_hop(demo: DemoRegistry) -> None:
    by_name = {scripted.repository: scripted for scripted in IMAGES}
    expired = (await check(demo, by_name["media/transcoder"], "eu-west")).conclusion
    assert (expired.host, expired.stage) == (demo.sites.old_blobs.authority, Stage.CONFIG)
    gone = (await check(demo, by_name["media/thumbnails"], "eu-west")).conclusion
    assert (gone.host, gone.stage) == (demo.sites.blobs.authority, Stage.LAYER)
    wrong = (await check(demo, by_name["payments/invoices"], "eu-west")).conclusion
    assert (wrong.host, wrong.stage) == (demo.sites.auth.authority, Stage.TOKEN)


async def test_all_hosts_at_one_address_work_as_well(
    demo_state: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kairos.demo.sites._has_address", lambda _: False)
    async with DemoRegistry(demo_state, clock=clock) as cramped:
        assert {site.address for site in cramped.sites} == {"127.0.0.1"}
        for scripted in IMAGES[:6]:
            outcome = await check(cramped, scripted, "eu-west")
            assert outcome.conclusion.reason in scripted.reasons("eu-west")
