"""Scenarios as they are written: what is read, and what whoever wrote one is told."""

from datetime import UTC, datetime, timedelta

import pytest

from kairos.management.commands.simulate import SCENARIOS
from kairos.simulation.expectation import Expectation
from kairos.simulation.scenario import Scenario, ScenarioInvalid, read_scenario
from kairos.simulation.script import Lost, Order, Period
from kairos.simulation.spans import read_span, span_text
from probes.protocol.outcome import RateLimit
from probes.protocol.taxonomy import Depth, Reason, Stage

MINUTE = timedelta(minutes=1)

WHOLE = """\
title: A day
story: |
  Nothing of note.
starts: 2026-03-02 08:00
lasts: 2h
pace: {tick: 5s, report: 4s, heartbeat: 20s}
regions: [eu-west, {region: us-east, joins: 25m}]
terms: {failures: 2, quorum: 60%}
groups:
  shop: {quorum: 2, severity: warning, degraded_after: 5m}
resources:
  - {image: "ghcr.io/shop/cart-{n}:1", count: 2, every: 1m, group: shop, regions: eu-west, depth: blobs}
  - {endpoint: "https://shop.example/health", recoveries: 1}
credentials:
  - {registry: ghcr.io, prefix: shop, region: eu-west, expires: 30d}
windows:
  - {name: work, day: 2026-03-01, time: "02:30", zone: Europe/Berlin, lasts: 1h, rule: FREQ=WEEKLY;BYDAY=SU, of: "*"}
script:
  - {at: 10m, until: 15m, every: 20m, times: 2, of: ghcr.io/*, seen_from: eu-west, finds: layer_missing, stage: layer}
  - {at: 20m, of: "*:1", digest: second}
  - {at: 1h10m, of: ghcr.io/*, limit: 100, left: 30, window: 6h}
  - {at: 1h20m, of: ghcr.io/*, certificate: 30d}
  - {at: 30m, until: 40m, without: link, seen_from: [eu-west]}
  - {at: 45m, until: 50m, without: control}
  - {at: 1h, order: pause, of: "*/cart-1:1"}
  - {at: 50m, order: drain, seen_from: us-east}
expect:
  incidents:
    - {of: "ghcr.io/shop/cart-1:1", level: unavailable, began: 600s, opened: 12m}
"""


def read(**changed: str) -> Scenario:
    """Return the smallest scenario there is, with fields changed."""
    fields = {"title": "t", "starts": "2026-03-02", "lasts": "1h", "regions": "[r]", "resources": "[{image: a/b:1}]"}
    return read_scenario("".join(f"{name}: {text}\n" for name, text in (fields | changed).items()))


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("90s", 90, "1m30s"),
        ("1h30m", 5400, "1h30m"),
        ("2d", 172_800, "2d"),
        ("0s", 0, "0s"),
        ("1d1s", 86_401, "1d1s"),
    ],
)
def test_span_is_read_and_written(text: str, seconds: int, shown: str) -> None:
    assert read_span(text) == timedelta(seconds=seconds)
    assert span_text(read_span(text)) == shown
    assert read_span(shown) == read_span(text)


@pytest.mark.parametrize("text", ["", "5", "m", "1.5h", "30m1h", "-1m", "10 m"])
def test_span_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no span"):
        read_span(text)


def test_span_leaves_out_parts_of_a_second() -> None:
    assert span_text(timedelta(seconds=61, milliseconds=999)) == "1m1s"
    assert span_text(timedelta(seconds=-61)) == "-1m1s"


def test_whole_scenario_is_read() -> None:
    scenario = read_scenario(WHOLE)
    assert scenario.starts == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert (scenario.title, scenario.story) == ("A day", "Nothing of note.")
    assert [(seat.slug, seat.joins) for seat in scenario.regions] == [
        ("eu-west", 0 * MINUTE),
        ("us-east", 25 * MINUTE),
    ]
    assert scenario.pace.tick == timedelta(seconds=5)
    assert scenario.terms == {"failures": 2, "quorum_votes": None, "quorum_percent": 60}
    assert scenario.groups["shop"] == {
        "severity": "warning",
        "degraded_after_seconds": 300,
        "quorum_votes": 2,
        "quorum_percent": None,
    }
    first, second, endpoint = scenario.subjects
    assert [first.reference, second.reference] == ["ghcr.io/shop/cart-1:1", "ghcr.io/shop/cart-2:1"]
    assert (first.every, first.group, first.regions) == (MINUTE, "shop", ("eu-west",))
    assert (first.depth, second.depth) == (Depth.BLOBS, Depth.BLOBS)
    assert (endpoint.is_endpoint, endpoint.terms) == (True, {"recoveries": 1})
    assert (scenario.logins[0].prefix, scenario.logins[0].expires) == ("shop", timedelta(days=30))
    assert scenario.windows[0].starts_at.hour == 2


def test_script_says_what_is_found_when_and_from_where() -> None:
    script = read_scenario(WHOLE).script
    found = script.found("ghcr.io/shop/cart-1:1", "eu-west", 12 * MINUTE)
    assert (found.reason, found.stage) == (Reason.LAYER_MISSING, Stage.LAYER)
    assert script.found("ghcr.io/shop/cart-1:1", "us-east", 12 * MINUTE).reason is Reason.OK
    assert script.found("https://shop.example/health", "eu-west", 12 * MINUTE).reason is Reason.OK
    assert script.found("ghcr.io/shop/cart-1:1", "eu-west", 15 * MINUTE).reason is Reason.OK


def test_script_repeats_what_happens_so_many_times() -> None:
    repeated, *_ = read_scenario(WHOLE).script.findings
    assert repeated.periods == (Period(10 * MINUTE, 15 * MINUTE), Period(30 * MINUTE, 35 * MINUTE))


def test_script_lets_the_later_of_two_findings_count() -> None:
    script = read_scenario(WHOLE).script
    assert script.found("ghcr.io/shop/cart-1:1", "eu-west", 31 * MINUTE).digest == "second"
    assert script.found("ghcr.io/shop/cart-1:1", "eu-west", 31 * MINUTE).reason is Reason.OK


def test_script_says_what_registries_show() -> None:
    script = read_scenario(WHOLE).script
    shown = script.found("ghcr.io/shop/cart-1:1", "us-east", 75 * MINUTE).quota
    assert shown == RateLimit(limit=100, remaining=30, window_seconds=21_600, source=None)
    assert script.found("ghcr.io/shop/cart-1:1", "us-east", 85 * MINUTE).certificate == timedelta(days=30)


def test_script_says_who_is_away() -> None:
    script = read_scenario(WHOLE).script
    assert script.lacks(Lost.LINK, 30 * MINUTE, "eu-west")
    assert not script.lacks(Lost.LINK, 40 * MINUTE, "eu-west")
    assert not script.lacks(Lost.LINK, 30 * MINUTE, "us-east")
    assert script.lacked(Lost.LINK, 39 * MINUTE, 41 * MINUTE, "eu-west")
    assert not script.lacked(Lost.LINK, 40 * MINUTE, 41 * MINUTE, "eu-west")
    assert script.turns(Lost, "eu-west") == [30 * MINUTE, 40 * MINUTE, 45 * MINUTE, 50 * MINUTE]
    assert script.returns(Lost.CONTROL) == [50 * MINUTE]


def test_script_has_its_orders_in_their_order() -> None:
    orders = read_scenario(WHOLE).script.orders
    assert [(item.at, item.order) for item in orders] == [(50 * MINUTE, Order.DRAIN), (60 * MINUTE, Order.PAUSE)]


def test_expectation_is_met_by_the_same_lines_in_any_order() -> None:
    one, other = {"at": "1m", "of": "a", "is": "unknown"}, {"at": "2m", "of": "b", "is": "available"}
    assert Expectation({"verdicts": (one, other)}).differs({"verdicts": (other, one)}) == ()


def test_expectation_tells_what_is_missing_and_what_is_too_much() -> None:
    one, other = {"at": "1m", "of": "a", "is": "unknown"}, {"at": "2m", "of": "b", "is": "available"}
    assert Expectation({"verdicts": (one,)}).differs({"verdicts": (other,)}) == (
        "--- verdicts expected",
        "+++ verdicts told",
        "-{at: 1m, of: a, is: unknown}",
        "+{at: 2m, of: b, is: available}",
    )


def test_expectation_of_one_twice_is_not_met_by_one() -> None:
    one = {"at": "1m", "of": "a", "is": "unknown"}
    assert Expectation({"verdicts": (one, one)}).differs({"verdicts": (one,)})


def test_expectation_says_nothing_of_kinds_that_it_leaves_out() -> None:
    expected = read_scenario(WHOLE).expectation
    assert expected is not None
    told = {"of": "ghcr.io/shop/cart-1:1", "level": "unavailable", "began": "10m", "opened": "12m"}
    assert expected.differs({"incidents": (told,), "verdicts": ({"at": "1m", "of": "a", "is": "unknown"},)}) == ()


@pytest.mark.parametrize(
    ("changed", "where", "message"),
    [
        ({"lasts": "soon"}, "line 3, lasts", "'soon' is no span: write 1h30m, 90s or 2d"),
        ({"lasts": "41d"}, "line 3, lasts", "a scenario lasts up to 40 days"),
        ({"starts": "noon"}, "line 2, starts", "Invalid isoformat string: 'noon'"),
        (
            {"regions": "[Europe]"},
            "line 4, regions.1",
            "'Europe' is no region: lower-case letters, digits and inner hyphens",
        ),
        ({"regions": "here"}, "line 4, regions", "a list is expected here"),
        ({"title": "[a, b]"}, "line 1, title", "one value is expected here, no list and no mapping"),
        (
            {"resources": "[{image: a/b:1, evry: 1m}]"},
            "line 5, resources.1.evry",
            "no such field: did you mean every?",
        ),
        ({"resources": "[{every: 1m}]"}, "line 5, resources.1", "image is missing"),
        (
            {"resources": "[{image: a/b:1, failures: many}]"},
            "line 5, resources.1.failures",
            "'many' is no whole number",
        ),
        ({"resources": "[{image: a/b:1}, {image: a/b:1}]"}, "line 5, resources", "a/b:1 is named twice"),
        (
            {"resources": "[{image: 'a/{n}:1', count: 2001}]"},
            "line 5, resources",
            "2001 of them; at most 2000 are taken",
        ),
        (
            {"resources": "[{image: a/b:1, count: 3}]"},
            "line 5, resources.1.image",
            "{n} in the name goes with a count, and a count with {n}",
        ),
        ({"resources": "[{image: a/b:1, group: g}]"}, "line 5, resources.1.group", "there is no group g"),
        ({"resources": "[{image: a/b:1, regions: s}]"}, "line 5, resources.1.regions", "there is no region s"),
        (
            {"resources": "[{image: a/b:1, quorum: most}]"},
            "line 5, resources.1.quorum",
            "'most' is neither a number of regions nor a share such as 60%",
        ),
        ({"terms": "{every: 1m}"}, "line 6, terms.every", "no such field: did you mean severity?"),
        ({"pace": "{heartbeat: 60s}"}, "line 6, pace.heartbeat", "after 60s without a heartbeat a region is silent"),
        (
            {"pace": "{tick: 1m}"},
            "line 6, pace.tick",
            "ticks that are further apart than 15s are a control plane that is away",
        ),
        (
            {"script": "[{at: 5m, finds: registry_eror}]"},
            "line 6, script.1.finds",
            "'registry_eror' is not known: did you mean registry_error or gateway_error?",
        ),
        ({"script": "[{at: 5m, until: 4m, finds: ok}]"}, "line 6, script.1.until", "it is over before it begins"),
        (
            {"script": "[{at: 5m, until: 9m, every: 4m, times: 2, finds: ok}]"},
            "line 6, script.1.every",
            "it begins again before it is over",
        ),
        ({"script": "[{at: 5m, finds: ok, of: c}]"}, "line 6, script.1.of", "c is none of the resources"),
        ({"script": "[{at: 5m, finds: ok, seen_from: s}]"}, "line 6, script.1.seen_from", "there is no region s"),
        ({"script": "[{at: 5m, limit: 100, window: 1h}]"}, "line 6, script.1", "left is missing"),
        (
            {"script": "[{at: 5m}]"},
            "line 6, script.1",
            "say what happens: finds, digest, limit, certificate, or without, or order",
        ),
        (
            {"script": "[{at: 5m, without: broker, seen_from: r}]"},
            "line 6, script.1.seen_from",
            "no such field: one of at, every, times, until, without",
        ),
        (
            {"script": "[{at: 5m, order: drain, of: a/b:1}]"},
            "line 6, script.1.of",
            "no such field: one of at, order, seen_from",
        ),
        (
            {"windows": "[{name: w, day: 2026-03-01, time: '02:30', zone: Mars, lasts: 1h}]"},
            "line 6, windows.1.zone",
            "there is no time zone Mars",
        ),
        ({"expect": "{incident: []}"}, "line 6, expect.incident", "no such field: did you mean incidents?"),
        (
            {"expect": "{incidents: [{began: early}]}"},
            "line 6, expect.incidents.1.began",
            "'early' is no span: write 1h30m, 90s or 2d",
        ),
    ],
)
def test_scenario_that_is_wrong_is_refused_with_its_line_and_field(
    changed: dict[str, str], where: str, message: str
) -> None:
    with pytest.raises(ScenarioInvalid) as refused:
        read(**changed)
    assert str(refused.value) == f"{where}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("title: [", "line 1: this is no YAML: expected the node content, but found '<stream end>'"),
        ("title: a\ntitle: b", "line 2, title: this is written twice"),
        ("title: &a b\nstory: *a", "line 2: aliases are not read here: write it out"),
        ("- a", "fields are expected here, such as `at: 20m`"),
        ("title: a\x00", "this is no YAML: unacceptable character #x0000: special characters are not allowed"),
    ],
)
def test_file_that_is_no_scenario_is_refused(text: str, message: str) -> None:
    with pytest.raises(ScenarioInvalid) as refused:
        read_scenario(text)
    assert str(refused.value).split("\n")[0] == message


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_scenario_of_ours_tells_a_story_and_what_must_come_of_it(path: object) -> None:
    scenario = read_scenario(path.read_text(encoding="utf-8"))  # type: ignore[attr-defined] # a path
    assert scenario.story
    assert scenario.expectation is not None
    assert "incidents" in scenario.expectation.lines


def test_there_are_twenty_scenarios_at_least() -> None:
    assert len(list(SCENARIOS.glob("*.yaml"))) >= 20
