"""The pull ladder: what is known of each rung, from the exchanges of a check."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dashboard.cells import Face
from dashboard.image.ladder import Ladder, View, ladder
from dashboard.image.rungs import Found, Rung, State, broken_rung, layer_of, rungs
from dashboard.words import Look
from probes.protocol.outcome import Conclusion, Outcome, Step
from probes.protocol.taxonomy import Depth, Reason, Stage, Warn
from tests.fakes.steps import reused, step

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
HOME = "https://ghcr.io/v2/org/app"
CHALLENGED = step(method="HEAD", url=f"{HOME}/manifests/1", http_status=401)
TOKEN = step(stage=Stage.TOKEN, url="https://auth.example/token?service=ghcr.io", host="auth.example", total_ms=80.0)
TAG = reused(method="HEAD", url=f"{HOME}/manifests/1")
MANIFEST = reused(url=f"{HOME}/manifests/sha256:{'a' * 64}")
CHILD = reused(stage=Stage.CHILD, url=f"{HOME}/manifests/sha256:{'b' * 64}")
CONFIG = reused(stage=Stage.CONFIG, url=f"{HOME}/blobs/sha256:{'c' * 64}", http_status=206)


def layer(digit: str, **changes: Any) -> Step:
    return reused(**{"stage": Stage.LAYER, "url": f"{HOME}/blobs/sha256:{digit * 64}", "http_status": 206, **changes})


WHOLE = (CHALLENGED, TOKEN, TAG, MANIFEST, CHILD, CONFIG, layer("1"), layer("2"), layer("3"))


def outcome(
    *steps: Step, reason: Reason = Reason.OK, kind: Any = "image", proxy: str | None = None, **said: Any
) -> Outcome:
    values = {"canonical": "ghcr.io/org/app:1", **said}
    return Outcome(
        reference="ghcr.io/org/app:1",
        conclusion=Conclusion(reason=reason, **values),
        started_at=NOW,
        duration_ms=100.0,
        requests=len(steps),
        bytes_read=10,
        connection="new",
        steps=steps,
        kind=kind,
        proxy=proxy,
    )


def climbed(found: Outcome) -> dict[Rung, Found]:
    return {item.rung: item for item in rungs(found)}


def states(found: Outcome) -> str:
    """The ladder from its foot on: `+` ok, `x` broken, `.` not reached, `-` not asked, `o` not needed."""
    signs = {State.OK: "+", State.BROKEN: "x", State.NOT_REACHED: ".", State.NOT_ASKED: "-", State.NOT_NEEDED: "o"}
    return "".join(signs[item.state] for item in rungs(found))


def test_a_whole_pull_passes_every_rung() -> None:
    found = outcome(*WHOLE, depth=Depth.BLOBS, auth_path="fresh")
    assert states(found) == "++++++++++"
    climb = climbed(found)
    assert climb[Rung.DNS].hosts == ("ghcr.io", "auth.example")
    assert climb[Rung.DNS].time_ms == 12.34
    assert (climb[Rung.TOKEN].host, climb[Rung.TOKEN].time_ms) == ("auth.example", 80.0)
    assert climb[Rung.LAYERS].note == "3 layers"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (outcome(step(method="HEAD"), depth=Depth.RESOLVE), "+++oo+----"),
        (outcome(step(), depth=Depth.MANIFEST), "+++oo++---"),
        (outcome(depth=Depth.BLOBS), "+++oo+++++"),
        (outcome(TAG, depth=Depth.PLATFORM, auth_path="cached"), "+++oo+++--"),
        (
            outcome(
                replace(MANIFEST, connection="new"),
                depth=Depth.MANIFEST,
                canonical="ghcr.io/org/app@sha256:" + "a" * 64,
            ),
            "+++ooo+---",
        ),
        (outcome(step(url="http://ghcr.io/v2/org/app/manifests/1", tls_ms=None), depth=Depth.MANIFEST), "++ooo++---"),
        (outcome(step(dns_ms=None), depth=Depth.MANIFEST, proxy="proxy.corp:3128"), "o++oo++---"),
    ],
)
def test_a_good_check_says_no_more_than_it_proved(found: Outcome, said: str) -> None:
    assert states(found) == said


@pytest.mark.parametrize(
    ("found", "said", "broken"),
    [
        (
            outcome(
                step(http_status=None, error="dns_nxdomain", connect_ms=None, tls_ms=None),
                reason=Reason.DNS_NXDOMAIN,
                stage=Stage.DNS,
                host="ghcr.io",
            ),
            "x.........",
            Rung.DNS,
        ),
        (
            outcome(
                step(http_status=None, error="connect_refused", tls_ms=None),
                reason=Reason.CONNECT_REFUSED,
                stage=Stage.CONNECT,
                host="ghcr.io",
            ),
            "+x........",
            Rung.CONNECT,
        ),
        (
            outcome(
                step(http_status=None, error="tls_expired", tls_ms=None),
                reason=Reason.TLS_EXPIRED,
                stage=Stage.TLS,
                host="ghcr.io",
            ),
            "++x.......",
            Rung.TLS,
        ),
        (
            outcome(CHALLENGED, reason=Reason.AUTH_CHALLENGE_MALFORMED, stage=Stage.CHALLENGE, host="ghcr.io"),
            "+++x......",
            Rung.CHALLENGE,
        ),
        (
            outcome(
                CHALLENGED,
                replace(TOKEN, http_status=503),
                reason=Reason.AUTH_SERVICE_ERROR,
                stage=Stage.TOKEN,
                host="auth.example",
            ),
            "++++x.....",
            Rung.TOKEN,
        ),
        (
            outcome(step(http_status=404), reason=Reason.TAG_NOT_FOUND, stage=Stage.MANIFEST, host="ghcr.io"),
            "+++oox....",
            Rung.TAG,
        ),
        (
            outcome(step(), reason=Reason.MANIFEST_MALFORMED, stage=Stage.MANIFEST, host="ghcr.io"),
            "+++oo+x...",
            Rung.DIGEST,
        ),
        (
            outcome(step(), reason=Reason.PLATFORM_MISSING, stage=Stage.INDEX, host="ghcr.io", depth=Depth.MANIFEST),
            "+++oo++x..",
            Rung.PLATFORM,
        ),
        (
            outcome(
                *WHOLE[:5],
                replace(CONFIG, http_status=404),
                layer("1"),
                reason=Reason.CONFIG_MISSING,
                stage=Stage.CONFIG,
                host="ghcr.io",
                depth=Depth.PLATFORM,
            ),
            "++++++++x+",
            Rung.CONFIG,
        ),
        (
            outcome(
                *WHOLE[:-1],
                layer("3", http_status=403),
                reason=Reason.BLOB_DENIED,
                stage=Stage.LAYER,
                host="ghcr.io",
                depth=Depth.PLATFORM,
            ),
            "+++++++++x",
            Rung.LAYERS,
        ),
        (outcome(reason=Reason.REF_INVALID, stage=Stage.PARSE), "..........", None),
        (outcome(reason=Reason.PROBE_ABORTED), "..........", None),
    ],
)
def test_one_rung_is_broken_and_what_is_above_it_not_reached(found: Outcome, said: str, broken: Rung | None) -> None:
    assert states(found) == said
    assert broken_rung(found) is broken


def test_a_host_that_is_not_found_on_the_way_to_the_layers_breaks_the_first_rung_alone() -> None:
    lost = step(
        stage=Stage.LAYER, url="https://blobs.example/x", host="blobs.example", http_status=None, error="dns_nxdomain"
    )
    found = outcome(
        *WHOLE[:6],
        layer("1", http_status=307),
        lost,
        reason=Reason.DNS_NXDOMAIN,
        stage=Stage.DNS,
        host="blobs.example",
        depth=Depth.PLATFORM,
    )
    assert states(found) == "x++++++++."
    broken = climbed(found)[Rung.DNS]
    assert (broken.hosts, broken.note) == (("blobs.example",), "on the way to the layers")


@pytest.mark.parametrize(
    ("failed", "detail", "warnings", "number"),
    [
        (layer("2", http_status=403), "", (), 2),
        (
            layer("2", url="https://blobs.example/x?sig=…", host="blobs.example", http_status=403),
            f"sha256:{'2' * 64}: storage",
            (),
            2,
        ),
        (layer("2", http_status=403), "", (Warn.PROBE_SAMPLED,), None),
    ],
)
def test_the_layer_that_cannot_be_read_has_its_number(
    failed: Step, detail: str, warnings: tuple[Warn, ...], number: int | None
) -> None:
    asked = [layer("1"), layer("2", http_status=307), layer("3")]
    found = outcome(
        *asked,
        failed,
        reason=Reason.BLOB_DENIED,
        stage=Stage.LAYER,
        host=failed.host,
        detail=detail,
        warnings=warnings,
    )
    shown = layer_of(found)
    assert shown is not None
    assert (shown.digest, shown.number, shown.of) == (f"sha256:{'2' * 64}", number, 3)


def test_an_endpoint_has_a_ladder_of_its_own() -> None:
    asked = step(stage=Stage.REQUEST, url="https://api.example/health", host="api.example")
    well = outcome(asked, kind="http", canonical="https://api.example/health")
    assert [item.rung for item in rungs(well)] == ["dns", "connect", "tls", "request", "assertions"]
    assert states(well) == "+++++"
    assert states(replace(well, steps=())) == "+++++"
    wrong = outcome(asked, kind="http", reason=Reason.ENDPOINT_JSON, stage=Stage.REQUEST, host="api.example")
    assert states(wrong) == "++++x"
    down = outcome(
        replace(asked, http_status=502),
        kind="http",
        reason=Reason.ENDPOINT_ERROR,
        stage=Stage.REQUEST,
        host="api.example",
    )
    assert states(down) == "+++x."


def view(slug: str, found: Outcome | None, look: Look | None = None, **proved: datetime) -> View:
    shown = look or (Look(found.status) if found else Look.UNCHECKED)
    return View(
        slug=slug,
        name=slug,
        face=Face(look=shown, at=NOW if found else None),
        outcome=found,
        proved={Rung(name): at for name, at in proved.items()},
    )


def shown(*views: View, is_endpoint: bool = False) -> Ladder:
    return ladder(views, is_endpoint=is_endpoint, registry="ghcr.io", now=NOW)


def denied(host: str = "ghcr.io") -> Outcome:
    return outcome(
        *WHOLE[:-1],
        layer("3", http_status=403, host=host),
        reason=Reason.BLOB_DENIED,
        stage=Stage.LAYER,
        host=host,
        depth=Depth.PLATFORM,
    )


def test_what_is_broken_is_told_with_where_and_who_has_to_act() -> None:
    page = shown(
        view("eu", denied("blobs.example")), view("us", denied("blobs.example")), view("ap", outcome(*WHOLE))
    )
    (told,) = page.breaks
    assert told.regions == "eu and us"
    assert told.rung == "Layers"
    assert told.sentence == "Cannot read layer 3 of 3: blob host blobs.example answered 403, layers denied"
    assert told.owner == "whoever runs the registry's blob storage"
    layers = page.rows[-1]
    assert layers.is_broken
    assert [cell.said for cell in layers.cells] == ["layers denied", "layers denied", "ok"]
    assert (layers.cells[0].host, layers.cells[0].answer) == ("blobs.example", "403")


def test_hosts_that_differ_are_told_in_each_cell() -> None:
    other = outcome(replace(step(method="HEAD"), host="mirror.example"), depth=Depth.RESOLVE)
    same = outcome(step(method="HEAD"), depth=Depth.RESOLVE)
    row = shown(view("eu", same), view("us", other)).rows[0]
    assert row.hosts_differ
    assert [cell.host for cell in row.cells] == ["ghcr.io", "mirror.example"]
    row = shown(view("eu", same), view("us", same)).rows[0]
    assert (row.hosts, row.hosts_differ) == ("ghcr.io", False)


def test_what_only_one_region_cannot_reach_is_for_its_network() -> None:
    away = outcome(
        step(http_status=None, error="connect_timeout", tls_ms=None),
        reason=Reason.CONNECT_TIMEOUT,
        stage=Stage.CONNECT,
        host="ghcr.io",
    )
    page = shown(view("eu", away), view("us", outcome(*WHOLE)))
    assert page.breaks[0].owner == "whoever runs the region's network"
    assert shown(view("eu", away), view("us", away)).breaks[0].owner == "whoever runs the registry"


def test_what_does_not_count_any_more_calls_nobody() -> None:
    assert shown(view("eu", denied(), Look.SILENT)).breaks == []


def test_a_region_without_an_outcome_says_so_at_every_rung() -> None:
    page = shown(view("eu", None))
    assert {cell.said for row in page.rows for cell in row.cells} == {"no data"}


def test_a_deep_rung_that_was_not_asked_tells_since_when_it_is_proved() -> None:
    found = outcome(step(method="HEAD"), depth=Depth.RESOLVE)
    page = shown(view("eu", found, layers=NOW - timedelta(minutes=12)))
    cell = page.rows[-1].cells[0]
    assert (cell.said, cell.note) == ("not asked", "proved 12\N{NO-BREAK SPACE}min ago")


def test_hostile_text_is_cleaned_and_bounded() -> None:
    host = "<b>\u202e\0" + "x" * 5000
    found = outcome(
        step(http_status=404, host=host), reason=Reason.TAG_NOT_FOUND, stage=Stage.MANIFEST, host=host, hint=host
    )
    page = shown(view("eu", found))
    everything = repr(page)
    assert "\\u202e" not in everything
    assert "\\x00" not in everything
    assert len(everything) < 10_000
