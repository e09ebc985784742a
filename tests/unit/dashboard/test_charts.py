"""Charts as values: what is drawn for given rows, and what cannot get in."""

from xml.etree import ElementTree as ET

from django.utils.safestring import SafeString

from dashboard.charts.phases import Timing, timing_bars
from dashboard.charts.ticks import STRIP_CELLS, Tick, strip, told
from dashboard.words import Look


def parsed(svg: SafeString) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own output


def drawn(svg: SafeString) -> list[tuple[str, float, float]]:
    """(last style class, x, width) of each rectangle."""
    return [
        (rect.attrib["class"].split()[-1], float(rect.attrib["x"]), float(rect.attrib["width"]))
        for rect in parsed(svg).iter("rect")
    ]


def test_a_bar_holds_its_phases_one_after_the_other_and_the_rest_last() -> None:
    (bar,) = timing_bars([Timing(total_ms=100, dns_ms=10, connect_ms=20, tls_ms=30, first_byte_ms=25)])
    assert drawn(bar) == [
        ("phase-dns", 0, 100),
        ("phase-connect", 100, 200),
        ("phase-tls", 300, 300),
        ("phase-wait", 600, 250),
        ("phase-read", 850, 150),
    ]


def test_bars_share_the_scale_of_the_longest() -> None:
    short, long = timing_bars([Timing(total_ms=50, first_byte_ms=50), Timing(total_ms=200, first_byte_ms=200)])
    assert drawn(short) == [("phase-wait", 0, 250)]
    assert drawn(long) == [("phase-wait", 0, 1000)]


def test_a_phase_that_did_not_happen_is_not_drawn() -> None:
    (bar,) = timing_bars([Timing(total_ms=10, dns_ms=None, connect_ms=0.0, first_byte_ms=10)])
    assert [style for style, _, _ in drawn(bar)] == ["phase-wait"]


def test_a_phase_too_short_for_the_scale_is_still_seen_and_none_leaves_the_bar() -> None:
    (bar,) = timing_bars([Timing(total_ms=10_000, dns_ms=0.01, connect_ms=0.01, tls_ms=9_999.97)])
    assert all(width >= 3 for _, _, width in drawn(bar))
    assert all(x + width <= 1000 for _, x, width in drawn(bar))


def test_a_bar_says_its_phases_in_words() -> None:
    (bar,) = timing_bars([Timing(total_ms=1500, dns_ms=4.25, first_byte_ms=1400)])
    assert parsed(bar).attrib["aria-label"] == "1.50 s: DNS 4.2 ms, first byte 1.40 s, rest 96 ms"


def test_phases_that_claim_more_than_the_total_leave_no_rest() -> None:
    assert [style for style, _, _ in Timing(total_ms=5, first_byte_ms=9).phases] == ["wait"]


def test_no_steps_give_no_bars_and_a_step_without_time_an_empty_one() -> None:
    assert timing_bars([]) == []
    (bar,) = timing_bars([Timing(total_ms=0)])
    assert drawn(bar) == []


def test_a_strip_shows_the_newest_checks_against_its_right_edge() -> None:
    ticks = [Tick(look=Look.UNAVAILABLE, text="old")] + [Tick(look=Look.AVAILABLE, text="new")] * STRIP_CELLS
    rects = drawn(strip(ticks, label="eu-west"))
    assert len(rects) == STRIP_CELLS
    assert {style for style, _, _ in rects} == {"tick-available"}
    (_, first, width), *_, (_, last, _) = rects
    assert (first, last + width) == (0, 398)
    (alone,) = drawn(strip(ticks[:1], label="eu-west"))
    assert alone == ("tick-unavailable", 392, 6)


def test_a_worse_check_is_taller_so_colour_is_not_needed() -> None:
    looks = [None, Look.EGRESS_DOWN, Look.AVAILABLE, Look.INDETERMINATE, Look.CONFIG_ERROR, Look.DEGRADED]
    looks.append(Look.UNAVAILABLE)
    svg = parsed(strip([Tick(look=look, text="") for look in looks], label="eu-west"))
    heights = [float(rect.attrib["height"]) for rect in svg.iter("rect")]
    assert heights == sorted(set(heights))


def test_a_strip_says_in_words_what_it_shows() -> None:
    ticks = [Tick(look=Look.AVAILABLE, text="")] * 3 + [Tick(look=Look.DEGRADED, text=""), Tick(look=None, text="")]
    label = parsed(strip(ticks, label="eu-west")).attrib["aria-label"]
    assert label == "eu-west: last 5 checks: 3 available, 1 degraded, 1 missed"
    assert told([]) == "no checks yet"


def test_foreign_text_is_escaped_everywhere() -> None:
    hostile = '"><script>alert(1)</script>&'
    svg = strip([Tick(look=Look.AVAILABLE, text=hostile)], label=hostile)
    assert "<script>" not in svg
    assert [title.text for title in parsed(svg).iter("title")] == [hostile]
    assert parsed(svg).attrib["aria-label"].startswith(hostile)


def test_charts_carry_no_inline_style_which_the_content_security_policy_forbids() -> None:
    (bar,) = timing_bars([Timing(total_ms=10, dns_ms=3)])
    drawn_strip = strip([Tick(look=Look.AVAILABLE, text="")], label="eu-west")
    assert "style=" not in bar + drawn_strip
