"""Messages of the version before and of this one, as they were frozen when their version was new."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from probes.protocol import versions
from probes.protocol.batch import Batch, Heartbeat, Report, Returned
from probes.protocol.check import read_plan
from probes.protocol.outcome import Outcome
from probes.protocol.plan import Plan
from probes.protocol.versions import VersionUnknown

SAMPLES = Path(__file__).parent.parent / "samples"
KINDS: dict[str, Any] = {"batch": Batch, "report": Report, "heartbeat": Heartbeat}


def sample(name: str) -> Any:
    """Return a message that a program of the time wrote. These files never change; a new version adds its own."""
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def differences(written: Any, frozen: Any, place: str = "") -> list[str]:
    """Return where what is written now is not what was written then. Fields may be added."""
    if isinstance(frozen, dict):
        if not isinstance(written, dict) or frozen.keys() - written.keys():
            return [f"{place}: fields are missing"]
        return [line for name in frozen for line in differences(written[name], frozen[name], f"{place}.{name}")]
    if isinstance(frozen, list) and isinstance(written, list) and len(written) == len(frozen):
        pairs = enumerate(zip(written, frozen, strict=True))
        return [line for number, (one, other) in pairs for line in differences(one, other, f"{place}[{number}]")]
    return [] if written == frozen else [f"{place}: {written!r} for {frozen!r}"]


@pytest.mark.parametrize("version", versions.SPOKEN)
@pytest.mark.parametrize("name", KINDS)
def test_sample_of_each_version_is_read_and_written_as_it_was(name: str, version: int) -> None:
    frozen = sample(f"{name}-v{version}")
    message = KINDS[name].from_json(frozen)
    written = json.loads(json.dumps(message.to_json()))
    assert differences(written, frozen) == []
    assert KINDS[name].from_json(written) == message


def test_every_version_that_is_spoken_has_its_samples() -> None:
    expected = {f"{name}-v{version}.json" for name in KINDS for version in versions.SPOKEN}
    assert {path.name for path in SAMPLES.iterdir()} == expected


def test_the_first_version_tells_none_and_the_second_does() -> None:
    first, second = (Batch.from_json(sample(f"batch-v{version}")) for version in (1, 2))
    assert (first.version, second.version) == (1, 2)
    assert "v" not in first.to_json()
    assert "v" not in first.to_json()["plans"][0]
    assert (second.to_json()["v"], second.to_json()["plans"][0]["v"]) == (2, 2)
    assert first.plans == second.plans


def test_returned_checks_travel_from_the_second_version_on() -> None:
    first, second = (Report.from_json(sample(f"report-v{version}")) for version in (1, 2))
    assert "returned" not in first.to_json()
    assert [finding.outcome.conclusion.reason.value for finding in first.findings] == ["ok", "probe_aborted"]
    assert second.returned == (Returned(key="18", slot="2026-01-02T03:04:01.000Z"),)


def test_endpoints_travel_from_the_third_version_on() -> None:
    """H20: a worker of before would not know what to make of one, so none is ever written for it."""
    third = Batch.from_json(sample("batch-v3"))
    assert [plan.kind for plan in third.plans] == ["image", "image", "http", "http"]
    for version in (1, 2):
        with pytest.raises(ValueError, match="a plan of an endpoint in version"):
            replace(third, version=version).to_json()
    endpoint = {**sample("batch-v3")["plans"][2], "site": {}}
    assert read_plan(endpoint).kind == "http"
    with pytest.raises(ValueError, match="without endpoints"):
        read_plan({**endpoint, "v": 2})


def test_reader_of_the_version_before_refuses_an_endpoint_and_takes_it_for_no_image() -> None:
    """H20: it reads every plan as an image's; this is what it says of one that is not."""
    endpoint = {**sample("batch-v3")["plans"][2], "site": {}, "v": 2}
    with pytest.raises(ValueError, match="not a plan: KeyError 'reference'"):
        Plan.from_json(endpoint)


def test_worker_whose_heartbeat_names_no_versions_speaks_the_first() -> None:
    assert Heartbeat.from_json(sample("heartbeat-v1")).speaks == (1,)
    assert Heartbeat.from_json(sample("heartbeat-v2")).speaks == (1, 2)
    assert Heartbeat.from_json(sample("heartbeat-v3")).speaks == (1, 2, 3)


@pytest.mark.parametrize("version", [0, 4, 10**30])
@pytest.mark.parametrize("kind", [Batch, Report])
def test_message_of_a_version_that_is_not_spoken_says_so(kind: Any, version: int) -> None:
    with pytest.raises(VersionUnknown, match="where 1 to 3 are spoken"):
        kind.from_json({"v": version})


@pytest.mark.parametrize("version", ["2", None, 2.0, True, -1])
@pytest.mark.parametrize("kind", [Batch, Report, Plan])
def test_version_that_is_none_is_refused(kind: Any, version: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words differ with the value
        kind.from_json({**sample("batch-v2"), **sample("report-v2"), "reference": "a", "v": version})


def test_plan_and_outcome_of_a_later_version_are_refused() -> None:
    with pytest.raises(ValueError, match="version 4"):
        Plan.from_json({**sample("batch-v2")["plans"][0], "site": {}, "v": 4})
    with pytest.raises(ValueError, match="not an outcome"):
        Outcome.from_json({**sample("report-v2")["findings"][0]["outcome"], "version": 2})


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ([], 1),
        ([(1,)], 1),
        ([(1, 2)], 2),
        ([(1, 2), (1, 2)], 2),
        ([(1, 2), (1,)], 1),
        ([(1, 2), (2, 3)], 2),
        ([(1, 2, 3), (3, 4)], 3),
        ([(4, 5)], 1),
        ([(1, 2), ()], 1),
    ],
)
def test_the_newest_version_that_every_reader_reads_is_written(read: list[tuple[int, ...]], expected: int) -> None:
    assert versions.common(read) == expected
