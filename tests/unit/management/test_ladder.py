"""An outcome as lines for a terminal: one a step, and the hint under the step that failed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from probes.management.ladder import ladder, summary
from probes.protocol.outcome import Certificate, Conclusion, Outcome, PlatformResult, RateLimit, Step
from probes.protocol.taxonomy import Confidence, Depth, Reason, Stage, Status, Warn
from tests.fakes import steps

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOST = "reg.example"
DIGEST = f"sha256:{'ab' * 32}"
MANIFESTS = f"https://{HOST}/v2/team/app/manifests"
BLOB = f"https://{HOST}/v2/team/app/blobs/{DIGEST}"


def step(url: str = f"{MANIFESTS}/1", **changes: Any) -> Step:
    return steps.step(**{"url": url, "host": HOST, **changes})


def reused(url: str, **changes: Any) -> Step:
    return steps.reused(url=url, host=HOST, **changes)


def outcome(
    *steps: Step, reason: Reason = Reason.OK, certificates: tuple[Certificate, ...] = (), **found: Any
) -> Outcome:
    return Outcome(
        reference="team/app:1",
        conclusion=Conclusion(reason=reason, canonical=f"{HOST}/team/app:1", hint=reason.meaning.hint, **found),
        started_at=NOON,
        duration_ms=321.4,
        requests=len(steps),
        bytes_read=sum(one.bytes for one in steps),
        connection="new",
        certificates=certificates,
        steps=steps,
    )


def lines(shown: Outcome) -> list[str]:
    return list(ladder(shown, lambda _status, text: text))


def test_each_step_is_one_line_of_who_was_asked_what_it_said_and_how_long_each_phase_took() -> None:
    found = outcome(
        step(method="HEAD", http_status=401),
        reused(f"{MANIFESTS}/{DIGEST}", total_ms=1234.5),
        reused(BLOB, stage=Stage.LAYER, http_status=206),
        depth=Depth.BLOBS,
    )
    assert lines(found) == [
        "reg.example/team/app:1",
        "    step                       host                     answer   dns  connect  tls  first byte  total ms",
        "  · HEAD manifest 1            reg.example [192.0.2.7]  401     12.3      5.0  8.0         1.5      27.0",
        "  · GET manifest abababababab  reg.example [192.0.2.7]  200            reused              1.5    1234.5",
        "  · GET layer abababababab     reg.example [192.0.2.7]  206            reused              1.5      27.0",
        "  ✓ available · proven to blobs · 3 requests · 300 bytes · 321 ms",
    ]


def test_hint_stands_under_the_step_that_failed_with_what_was_asked() -> None:
    signed = "https://storage.example/data?X-Signature=…"
    lost = step(signed, stage=Stage.LAYER, host="storage.example", http_status=404)
    found = outcome(
        lost,
        step(BLOB, stage=Stage.LAYER),
        reason=Reason.LAYER_MISSING,
        stage=Stage.LAYER,
        host="storage.example",
        detail=f"{DIGEST}: storage",
    )
    shown = lines(found)
    assert shown[2].startswith("  ✗ GET layer ")
    assert shown[3:6] == [
        f"      layer_missing: {DIGEST}: storage",
        f"      {Reason.LAYER_MISSING.meaning.hint}",
        f"      asked: {signed}",
    ]
    assert shown[6].startswith("  · GET layer abababababab")


def test_failure_of_no_single_step_is_told_below_them_all() -> None:
    found = outcome(
        step(), reason=Reason.PLATFORM_MISSING, stage=Stage.INDEX, host=HOST, detail="linux/arm64; present: …"
    )
    assert lines(found)[2:5] == [
        "  · GET manifest 1  reg.example [192.0.2.7]  200     12.3      5.0  8.0         1.5      27.0",
        "  ✗ platform_missing: linux/arm64; present: …",
        f"    {Reason.PLATFORM_MISSING.meaning.hint}",
    ]


def test_reference_that_is_refused_has_no_ladder() -> None:
    found = outcome(reason=Reason.REF_UPPERCASE, stage=Stage.PARSE)
    assert lines(found) == [
        "reg.example/team/app:1",
        "  ✗ ref_uppercase",
        f"    {Reason.REF_UPPERCASE.meaning.hint}",
        "  ✗ config_error · 0 requests · 0 bytes · 321 ms",
    ]


def test_phase_that_no_step_has_takes_no_column() -> None:
    refused = step(
        http_status=None, error="connect_refused", dns_ms=None, connect_ms=None, tls_ms=None, first_byte_ms=None
    )
    found = outcome(refused, reason=Reason.CONNECT_REFUSED, stage=Stage.CONNECT, host=HOST)
    assert lines(found)[1:3] == [
        "    step            host                     answer           total ms",
        "  ! GET manifest 1  reg.example [192.0.2.7]  connect_refused      27.0",
    ]


def test_status_and_fault_of_a_body_that_broke_off_are_both_told() -> None:
    found = outcome(step(error="body_truncated"), reason=Reason.BODY_TRUNCATED, stage=Stage.MANIFEST, host=HOST)
    assert "  200 body_truncated  " in lines(found)[2]


def test_what_is_known_beside_the_verdict_has_a_line_each() -> None:
    found = outcome(
        step(),
        digest=DIGEST,
        depth=Depth.RESOLVE,
        platforms=(
            PlatformResult(platform="linux/amd64", digest=DIGEST, status=Status.AVAILABLE, reason=Reason.OK),
            PlatformResult(
                platform="linux/arm64", digest=None, status=Status.UNAVAILABLE, reason=Reason.PLATFORM_MISSING
            ),
        ),
        warnings=(Warn.TLS_EXPIRING, Warn.PULL_QUOTA_LOW),
        notices=("moving soon",),
        rate_limit=RateLimit(limit=100, remaining=7, window_seconds=21600, source="192.0.2.1"),
        certificates=(Certificate(host=HOST, not_after=NOON, issuer="R3\u202e\nof Trust"),),
    )
    assert lines(found)[3:-1] == [
        f"    digest       {DIGEST}",
        f"    linux/amd64  ok  {DIGEST}",
        "    linux/arm64  platform_missing",
        "    warning      tls_expiring: A certificate expires within two weeks.",
        "    warning      pull_quota_low: The pull quota of this region's address is nearly used up.",
        "    it says      moving soon",
        "    certificate  reg.example until 2026-03-01, by R3 of Trust",
        "    quota        7 of 100 left in 21600 s, counted for 192.0.2.1",
    ]


def test_quota_that_is_told_in_part_is_shown_in_part() -> None:
    found = outcome(step(), rate_limit=RateLimit(limit=None, remaining=3, window_seconds=None, source=None))
    assert lines(found)[3] == "    quota  3 of ? left"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"confidence": Confidence.AMBIGUOUS, "reason": Reason.AUTH_REQUIRED_OR_MISSING},
            "unavailable (ambiguous) · ",
        ),
        ({"retry_at": NOON, "reason": Reason.RATE_LIMITED}, "indeterminate · next try after 12:00:00 UTC · "),
        ({"auth_path": "cached"}, "available · with a remembered login · 1 request · "),
        ({"attempts": 2}, " · 1 request · 2 attempts · 100 bytes · "),
    ],
)
def test_verdict_says_what_an_operator_has_to_know(fields: dict[str, Any], said: str) -> None:
    assert said in lines(outcome(step(), **fields))[-1]


def test_colours_are_those_of_the_status_and_on_few_words() -> None:
    found = outcome(step(http_status=503), reason=Reason.REGISTRY_ERROR, stage=Stage.MANIFEST, host=HOST)
    painted = list(ladder(found, lambda status, text: f"<{status}>{text}</>"))
    assert painted[2].startswith("  <degraded>!</> GET manifest 1  ")
    assert painted[3] == "      <degraded>registry_error</>"
    assert painted[-1].startswith("  <degraded>! degraded · ")


def test_control_characters_of_a_reference_do_not_reach_the_terminal() -> None:
    found = outcome(reason=Reason.REF_INVALID, stage=Stage.PARSE)
    odd = replace(found, conclusion=replace(found.conclusion, canonical="a\x1b[31mb"))
    assert lines(odd)[0] == "a[31mb"


def test_summary_counts_how_checks_ended() -> None:
    good = outcome(step())
    bad = replace(outcome(step(), reason=Reason.TAG_NOT_FOUND), duration_ms=100.0)
    said = summary([good, bad, good], lambda _status, text: text)
    assert said == "3 checks: 2 available, 1 unavailable; 100/248/321 ms min/mean/max"
