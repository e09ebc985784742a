"""The runner: an end for each plan whatever happens, within bounds, and secrets only where they belong."""

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from probes.edge.findings import fitted
from probes.edge.intake import Taken
from probes.edge.keyring import Keyring
from probes.edge.runner import Made, Runner
from probes.protocol.batch import MAX_REPORT_BYTES, Batch, Report, Returned
from probes.protocol.bounds import MAX_TEXT
from probes.protocol.check import CheckPlan
from probes.protocol.endpoint import EndpointPlan
from probes.protocol.exchange import Method
from probes.protocol.plan import Plan, Secret
from probes.protocol.taxonomy import Reason, Stage, Status
from probes.trust import strict_json
from probes.trust.keys import ControlKeys, RegionKeys
from probes.trust.sealing import BoundSecret, seal
from tests.fakes.engine import FakeEngine
from tests.fakes.steps import step

KEYS = RegionKeys.generate("eu-west", ControlKeys.generate().verify_key)
NOBODY = Keyring({}, KEYS.box_keys)
ENDPOINT = EndpointPlan(url="https://api.test:8443/v1/health?key=token-1", secret_key="s", key="7", slot="s")
STEP = step(stage=Stage.LAYER, url="https://registry.test/" + "x" * 500, http_status=206)


def runner(engine: FakeEngine, *, in_flight: int = 100, per_host: int = 20) -> Runner:
    return Runner(engine, in_flight=in_flight, per_host=per_host, now=lambda: datetime.now(UTC))


def plans(*references: str) -> tuple[Plan, ...]:
    return tuple(Plan(reference=reference, key=str(number), slot="s") for number, reference in enumerate(references))


def batch(*items: CheckPlan, seconds: float = 30.0) -> Taken:
    now, came = datetime.now(UTC), time.monotonic()
    made = Batch(
        id=str(UUID(int=1)), region="eu-west", issued_at=now, expires_at=now + timedelta(seconds=seconds), plans=items
    )
    return Taken(batch=made, came=came, expires=came + seconds)


def keyring_of(host: str, prefix: str) -> Keyring:
    """Return the keyring of a batch whose secret `s` is bound there."""
    bound = BoundSecret(Secret(username="robot", password="hush"), host, prefix)
    return Keyring({"s": seal(bound, KEYS.public.box_key)}, KEYS.box_keys)


def reasons(made: Made) -> list[str]:
    return [finding.outcome.conclusion.reason.value for finding in made.findings]


async def test_each_plan_has_its_finding_in_order() -> None:
    found = await runner(FakeEngine()).run(batch(*plans("registry.test/sleeps-20", "registry.test/ok")), NOBODY)
    assert [(finding.key, finding.slot) for finding in found.findings] == [("0", "s"), ("1", "s")]
    assert reasons(found) == ["ok", "ok"]


async def test_batch_without_plans_has_no_findings() -> None:
    assert await runner(FakeEngine()).run(batch(), NOBODY) == Made((), ())


async def test_engine_that_raises_costs_one_plan_only(caplog: pytest.LogCaptureFixture) -> None:
    """E21."""
    found = await runner(FakeEngine()).run(batch(*plans("registry.test/raises", "registry.test/ok")), NOBODY)
    assert reasons(found) == ["internal_error", "ok"]
    assert found.findings[0].outcome.conclusion.detail == "RuntimeError"
    assert found.findings[0].outcome.conclusion.canonical == "registry.test/raises:latest"
    assert "the check of 0 failed in the engine" in caplog.text


async def test_engines_own_timeout_is_not_taken_for_ours() -> None:
    class Impatient(FakeEngine):
        async def _outcome(self, plan: CheckPlan, secret: Secret) -> Any:
            raise TimeoutError

    found = await runner(Impatient()).run(batch(*plans("registry.test/ok")), NOBODY)
    assert reasons(found) == ["internal_error"]


async def test_check_is_cut_off_when_its_batch_expires() -> None:
    """N19."""
    found = await runner(FakeEngine()).run(
        batch(*plans("registry.test/hangs", "registry.test/ok"), seconds=0.1), NOBODY
    )
    assert reasons(found) == ["probe_aborted", "ok"]
    assert found.findings[0].outcome.conclusion.detail == "the time of its batch ran out"
    assert 90 < found.findings[0].outcome.duration_ms < 1000


async def test_check_that_never_began_says_so() -> None:
    """E20."""
    engine = FakeEngine()
    found = await runner(engine, in_flight=1).run(
        batch(*plans("registry.test/hangs", "other.test/ok"), seconds=0.1), NOBODY
    )
    assert reasons(found) == ["probe_aborted", "probe_overloaded"]
    assert engine.asked == ["registry.test/hangs"]


@pytest.mark.parametrize(("in_flight", "per_host", "starved"), [(1, 20, 2), (100, 1, 0), (2, 2, 1)])
async def test_only_checks_that_wait_for_the_worker_itself_are_starved(
    in_flight: int, per_host: int, starved: int
) -> None:
    """What waits for a busy registry does not make the worker a slow one."""
    busy = runner(FakeEngine(), in_flight=in_flight, per_host=per_host)
    await busy.run(batch(*plans("a.test/hangs", "a.test/hangs", "b.test/hangs"), seconds=0.1), NOBODY)
    assert busy.starved == starved


async def test_checks_that_a_stopping_worker_returns_are_not_starved() -> None:
    """It is no sign of a region that is too slow, and its last heartbeat is on the way."""
    stopping = runner(FakeEngine(), in_flight=1)
    stopping.close_within(0.05)
    made = await stopping.run(batch(*plans("a.test/hangs", "b.test/hangs")), NOBODY)
    assert len(made.returned) == 2
    assert stopping.starved == 0


async def test_engine_that_ends_a_cancelled_check_well_is_believed() -> None:
    class Tidy(FakeEngine):
        async def _outcome(self, plan: CheckPlan, secret: Secret) -> Any:
            try:
                return await super()._outcome(plan, secret)
            except asyncio.CancelledError:
                return await super()._outcome(Plan(reference="registry.test/ok"), secret)

    found = await runner(Tidy()).run(batch(*plans("registry.test/hangs"), seconds=0.05), NOBODY)
    assert reasons(found) == ["ok"]


async def test_checks_in_flight_are_bounded_over_all_batches() -> None:
    engine = FakeEngine()
    shared = runner(engine, in_flight=5)
    references = [f"host-{number}.test/sleeps-5" for number in range(20)]
    await asyncio.gather(*(shared.run(batch(*plans(*references)), NOBODY) for _ in range(3)))
    assert len(engine.asked) == 60
    assert engine.most_at_once[""] == 5
    assert shared.in_flight == 0


async def test_slow_registry_does_not_starve_the_others() -> None:
    engine = FakeEngine()
    references = ["slow.test/hangs"] * 50 + ["quick.test/ok"] * 50
    found = await runner(engine, in_flight=10, per_host=4).run(batch(*plans(*references), seconds=0.3), NOBODY)
    assert reasons(found)[50:] == ["ok"] * 50
    assert engine.most_at_once["slow.test"] == 4
    assert set(reasons(found)[:50]) == {"probe_aborted", "probe_overloaded"}


@pytest.mark.parametrize(
    ("in_flight", "references", "held_up"),
    [
        (100, ["slow.test/hangs", "slow.test/hangs", "slow.test/hangs"], True),
        (100, ["slow.test/hangs", "other.test/hangs", "quick.test/ok", "NO REFERENCE"], True),
        (100, ["quick.test/ok"], False),
        (2, ["slow.test/hangs", "slow.test/hangs"], False),
    ],
    ids=["one registry", "the rest has ended", "it has ended", "the worker itself is full"],
)
async def test_batch_is_held_up_when_all_that_is_left_of_it_waits_for_slow_registries(
    monkeypatch: pytest.MonkeyPatch,
    in_flight: int,
    references: list[str],
    held_up: bool,  # noqa: FBT001 - a parameter
) -> None:
    monkeypatch.setattr("probes.edge.runner.SLOW_SECONDS", 0.05)
    shared = runner(FakeEngine(), in_flight=in_flight, per_host=2)
    sent = batch(*plans(*references), seconds=0.3)
    running = asyncio.create_task(shared.run(sent, NOBODY))
    assert not await shared.is_held_up(sent.batch.id)
    await asyncio.sleep(0.1)
    assert await shared.is_held_up(sent.batch.id) is held_up
    await running
    assert not await shared.is_held_up(sent.batch.id)


async def test_batch_of_a_registry_that_is_only_busy_is_not_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """More checks than its seats can make are to wait in the queue, where they are seen."""
    monkeypatch.setattr("probes.edge.runner.SLOW_SECONDS", 0.5)
    shared = runner(FakeEngine(), per_host=1)
    sent = batch(*plans(*["busy.test/sleeps-20"] * 20))
    running = asyncio.create_task(shared.run(sent, NOBODY))
    await asyncio.sleep(0.2)
    assert not await shared.is_held_up(sent.batch.id)
    await running


async def stopped(sent: Taken) -> tuple[Made, Made]:
    """Run a batch whose first check hangs, and begin it once more, with a runner that is told to stop meanwhile."""
    engine = FakeEngine()
    stopping = runner(engine)
    running = asyncio.create_task(stopping.run(sent, NOBODY))
    while len(engine.asked) < len(sent.batch.plans):  # noqa: ASYNC110 - all begin within a turn or two of the loop
        await asyncio.sleep(0)
    stopping.close_within(0.15)
    stopping.close_within(100)  # a second signal does not buy more time
    return await running, await stopping.run(batch(*plans("registry.test/hangs")), NOBODY)


async def test_worker_that_stops_lets_checks_finish_and_returns_the_rest() -> None:
    """N19: what we did not come to is nobody's failure, and no outcome."""
    made, late = await stopped(batch(*plans("registry.test/hangs", "registry.test/sleeps-50")))
    assert reasons(made) == ["ok"]
    assert made.returned == (Returned(key="0", slot="s"),)
    assert late == Made((), (Returned(key="0", slot="s"),))


async def test_what_cannot_be_returned_in_the_version_of_its_batch_was_aborted() -> None:
    sent = batch(*plans("registry.test/hangs", "registry.test/sleeps-50"))
    made, _ = await stopped(replace(sent, batch=replace(sent.batch, version=1)))
    assert reasons(made) == ["probe_aborted", "ok"]
    assert made.returned == ()
    assert made.findings[0].outcome.conclusion.detail == "the region's worker was stopping"


@pytest.mark.parametrize(
    ("reference", "host", "prefix", "hint"),
    [
        ("registry.test/team/ok", "registry.test", "team", None),
        ("registry.test/team/ok", "registry.test", "", None),
        ("ubuntu", "docker.io", "library", None),
        ("registry.test/team/ok", "other.test", "", "The credential is for another host, or for what is"),
        ("registry.test/team/ok", "registry.test", "other", "The credential is for another host, or for what is"),
        ("registry.test:444/team/ok", "registry.test", "", "The credential is for another host, or for what is"),
    ],
)
async def test_secret_goes_only_where_it_is_bound_to(
    reference: str, host: str, prefix: str, hint: str | None
) -> None:
    engine = FakeEngine()
    bound = BoundSecret(Secret(username="robot", password="swordfish"), host, prefix)
    keyring = Keyring({"s": seal(bound, KEYS.public.box_key)}, KEYS.box_keys)
    made = await runner(engine).run(batch(Plan(reference=reference, secret_key="s")), keyring)
    (finding,) = made.findings
    if hint is None:
        assert engine.secrets[reference].username == "robot"
        assert finding.outcome.status == Status.AVAILABLE
    else:
        assert engine.asked == []
        assert finding.outcome.status == Status.CONFIG_ERROR
        assert finding.outcome.conclusion.hint.startswith(hint)
        assert "swordfish" not in str(finding.to_json())


@pytest.mark.parametrize(
    ("secrets", "hint"),
    [
        ({}, "The batch does not hold the credential"),
        ({"s": "c2VhbGVk"}, "The credential does not open with this region's key"),
    ],
)
async def test_check_without_its_secret_is_not_made_anonymously(secrets: dict[str, str], hint: str) -> None:
    engine = FakeEngine()
    keyring = Keyring(secrets, KEYS.box_keys)
    made = await runner(engine).run(batch(Plan(reference="registry.test/ok", secret_key="s")), keyring)
    (finding,) = made.findings
    assert engine.asked == []
    assert finding.outcome.conclusion.hint.startswith(hint)
    assert finding.outcome.status == Status.CONFIG_ERROR


async def test_client_certificate_that_cannot_be_used_is_the_operators_to_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S19: the check is not made without it, and nothing of it is shown."""
    engine = FakeEngine()
    bound = BoundSecret(Secret(client_identity="swordfish"), "registry.test")
    monkeypatch.setattr("probes.edge.keyring.open_sealed", lambda *_: bound)
    keyring = Keyring({"s": "sealed"}, KEYS.box_keys)
    found = await runner(engine).run(
        batch(*(Plan(reference=f"registry.test/{name}", secret_key="s") for name in ("a", "b"))), keyring
    )
    assert engine.asked == []
    assert [finding.outcome.status for finding in found.findings] == [Status.CONFIG_ERROR] * 2
    assert found.findings[0].outcome.conclusion.hint.startswith(
        "The client certificate cannot be used: PEM of a private key"
    )
    assert "swordfish" not in str(found.findings[0].to_json())


async def test_reference_that_does_not_parse_is_left_to_the_engine_and_gets_no_secret() -> None:
    engine = FakeEngine()
    bound = BoundSecret(Secret(username="robot", password="swordfish"), "registry.test")
    keyring = Keyring({"s": seal(bound, KEYS.public.box_key)}, KEYS.box_keys)
    await runner(engine).run(batch(Plan(reference="registry.test/UPPER", secret_key="s")), keyring)
    assert engine.secrets["registry.test/UPPER"].is_anonymous


async def test_outcome_that_no_receiver_takes_costs_one_plan_only() -> None:
    found = await runner(FakeEngine()).run(
        batch(*plans("registry.test/fouls", "registry.test/talks", "registry.test/ok")), NOBODY
    )
    assert reasons(found) == ["internal_error", "internal_error", "ok"]
    report = Report(batch=str(UUID(int=1)), region="eu-west", finished_at=datetime.now(UTC), findings=found.findings)
    assert len(strict_json.dumps(report.to_json()).encode()) < MAX_REPORT_BYTES


async def test_long_outcome_travels_without_its_steps() -> None:
    (plan,) = plans("registry.test/ok")
    (found,) = (await runner(FakeEngine()).run(batch(plan), NOBODY)).findings
    long = replace(found, outcome=replace(found.outcome, steps=(STEP,) * 100))
    assert fitted(long, plan, 100_000) == long
    assert fitted(long, plan, 10_000) == found
    assert fitted(long, plan, 10).outcome.conclusion.reason == Reason.INTERNAL_ERROR


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_long_outcome_still_tells_whether_its_documents_were_read(method: Method) -> None:
    """E.2: else an image with many layers would be asked for by HEAD alone from then on, and never be read again."""
    (plan,) = plans("registry.test/ok")
    (found,) = (await runner(FakeEngine()).run(batch(plan), NOBODY)).findings
    manifest = replace(STEP, stage=Stage.MANIFEST, method=method, http_status=200)
    long = replace(found, outcome=replace(found.outcome, steps=(manifest, *(STEP,) * 100)))
    cut = fitted(long, plan, 10_000)
    assert cut.outcome.steps == (manifest,)
    assert cut.outcome.has_read_documents is long.outcome.has_read_documents is (method == "GET")


async def test_outcome_with_a_text_that_no_receiver_takes_is_not_sent() -> None:
    (plan,) = plans("registry.test/ok")
    (found,) = (await runner(FakeEngine()).run(batch(plan), NOBODY)).findings
    conclusion = replace(found.outcome.conclusion, detail="x" * (MAX_TEXT + 1))
    wordy = replace(found, outcome=replace(found.outcome, conclusion=conclusion))
    assert fitted(wordy, plan, 100_000).outcome.conclusion.reason == Reason.INTERNAL_ERROR


@pytest.mark.parametrize(
    ("host", "prefix"), [("api.test:8443", ""), ("api.test:8443", "v1"), ("api.test:8443", "v1/health")]
)
async def test_endpoint_gets_the_secret_of_its_host_and_path(host: str, prefix: str) -> None:
    """H11."""
    engine = FakeEngine()
    made = await runner(engine).run(batch(ENDPOINT), keyring_of(host, prefix))
    assert engine.secrets[ENDPOINT.reference].password == "hush"
    assert made.findings[0].outcome.kind == "http"


@pytest.mark.parametrize(("host", "prefix"), [("api.test", ""), ("api.test:8443", "v2"), ("other.test:8443", "")])
async def test_endpoint_gets_no_secret_that_is_bound_elsewhere(host: str, prefix: str) -> None:
    """H11, H21: and what is told of it does not show the URL's query."""
    engine = FakeEngine()
    made = await runner(engine).run(batch(ENDPOINT), keyring_of(host, prefix))
    (found,) = made.findings
    assert (engine.asked, found.outcome.kind, found.outcome.conclusion.reason) == (
        [],
        "http",
        Reason.TARGET_FORBIDDEN,
    )
    assert "token-1" not in str(found.to_json())
