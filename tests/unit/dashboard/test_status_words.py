"""Status pages in words and pictures: texts, months, badges, days of a group, and ids that tell nothing."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

import pytest

from dashboard.status import badges, public_reasons
from dashboard.status.board import bar_of, uptime
from dashboard.status.happenings import name_of, uid_of
from dashboard.status.months import Month
from dashboard.status.public_words import KINDS, SHOWN, STANDINGS, Moment, paragraphs, plain
from dashboard.words import Look
from probes.models import Resource, StatusGroup, StatusPage
from probes.policy.buckets import Face
from probes.policy.publishing import AnnouncementKind, Naming, Standing
from probes.policy.rollup import DAY
from probes.policy.scopes import cause_of
from probes.policy.uptime import Shown, Tally
from probes.protocol.taxonomy import Reason, Status
from probes.selectors.status_pages import Day, Record

NOW = datetime(2026, 11, 27, 14, 3, 59, 123, tzinfo=UTC)
TODAY = datetime(2026, 11, 27, tzinfo=UTC)
DAY_SECONDS = 86_400


def test_text_is_paragraphs_of_clean_lines() -> None:
    text = "One\u202e\r\n two \n\n \n\x07\nThree <b>\n"
    assert paragraphs(text) == [["One", "two"], ["Three <b>"]]
    assert plain(text) == "One\ntwo\n\nThree <b>"
    assert paragraphs("") == []


def test_every_word_is_told() -> None:
    assert set(STANDINGS) == set(Standing)
    assert set(SHOWN) == set(Shown)
    assert set(KINDS) == set(AnnouncementKind)


def test_instant_is_told_in_utc_to_the_minute_and_exactly_to_programs() -> None:
    moment = Moment.of(NOW.astimezone(UTC))
    assert (moment.text, moment.iso) == ("27 Nov 2026, 14:03 UTC", "2026-11-27T14:03:59.000Z")
    assert moment.after(Moment.of(NOW.astimezone(UTC) - timedelta(hours=2))) == "14:03 UTC"
    assert moment.after(Moment.of(NOW.astimezone(UTC) - timedelta(days=10))) == moment.text


def test_months_are_turned_over_two_years_back_and_no_further() -> None:
    present = Month.read("", now=NOW)
    assert present is not None
    assert (str(present), present.title, present.after(now=NOW)) == ("2026-11", "November 2026", None)
    january = Month.read("2026-01", now=NOW)
    assert january is not None
    assert str(january.before(now=NOW)) == "2025-12"
    assert str(january.after(now=NOW)) == "2026-02"
    assert january.interval.start == datetime(2026, 1, 1, tzinfo=UTC)
    assert january.interval.end == datetime(2026, 2, 1, tzinfo=UTC)
    last = Month.read("2024-11", now=NOW)
    assert last is not None
    assert last.before(now=NOW) is None


@pytest.mark.parametrize(
    "text", ["2026-12", "2024-10", "2026-13", "2026-00", "2026-1", "26-11", "2026-11x", "٢٠٢٦-11"]
)
def test_what_is_no_month_or_out_of_reach_is_none(text: str) -> None:
    assert Month.read(text, now=NOW) is None


def test_each_cause_of_an_incident_is_told_to_outsiders_in_words_of_theirs() -> None:
    """A public page told `no service`, `child manifest missing` and that our login was refused."""
    failing = [reason for reason in Reason if reason.status in (Status.UNAVAILABLE, Status.DEGRADED)]
    said = public_reasons.told(map(cause_of, failing))
    assert public_reasons.OTHERWISE not in said
    assert len(said) == 12
    assert public_reasons.told(["tag_not_found", "not_found", "of_tomorrow"]) == [
        "what is pulled is not there",
        public_reasons.OTHERWISE,
    ]
    for inside in ("service", "manifest", "tag", "digest", "layer", "token", "our", "DNS", ","):
        assert not [text for text in said if inside in re.findall(r"\w+|,", text)], inside


def record(*days: tuple[int, Tally]) -> tuple[list[Day], Record]:
    """Return days so many days before today, and a record of ten days until noon."""
    told = [Day(TODAY - back * DAY, seconds) for back, seconds in days]
    return told, Record(TODAY - 9 * DAY, TODAY + timedelta(hours=12), {1: told})


def test_days_of_many_images_are_brought_down_to_one_day() -> None:
    many = Tally(available=7 * DAY_SECONDS - 1, unavailable=1)
    bar = bar_of(*record((1, many), (0, Tally(available=7 * DAY_SECONDS // 2))))
    assert bar is not None
    buckets = dict(bar.buckets)
    assert len(buckets) == 10
    assert dict(buckets[8].faces) == {Face.UNAVAILABLE: 1, Face.AVAILABLE: DAY_SECONDS - 1}
    assert dict(buckets[9].faces) == {Face.AVAILABLE: DAY_SECONDS // 2}
    assert buckets[0].worst is Face.NO_DATA, "before there was anything is no data, and looks like it"


def test_what_nobody_said_of_a_day_is_no_data() -> None:
    bar = bar_of(*record((2, Tally(available=DAY_SECONDS)), (0, Tally(available=3600))))
    assert bar is not None
    buckets = dict(bar.buckets)
    assert dict(buckets[8].faces) == {Face.NO_DATA: DAY_SECONDS}
    assert dict(buckets[9].faces) == {Face.NO_DATA: 11 * 3600, Face.AVAILABLE: 3600}
    assert bar_of(*record()) is None


def test_uptime_is_of_what_counts() -> None:
    days, _ = record((1, Tally(available=999, unknown=5)), (0, Tally(unavailable=1)))
    assert uptime(days) == "99.9 %"
    assert uptime([Day(TODAY, Tally(unknown=5))]) == ""


@pytest.mark.parametrize("label", ["Payments", "<b>&\"' \u202e\x00", "检查中心", "i" * 500, ""])
def test_badge_is_an_image_that_says_in_words_what_it_shows(label: str) -> None:
    root = ET.fromstring(badges.badge(label, "99.98 %", Look.AVAILABLE))  # noqa: S314 - our own
    assert root.attrib["aria-label"].endswith(": 99.98 %")
    width = int(root.attrib["width"])
    texts = [item for item in root.iter() if item.tag.endswith("}text")]
    assert all(int(text.attrib["x"]) + int(text.attrib["textLength"]) <= width - 6 for text in texts)
    assert len(texts[0].text or "") <= badges.LONGEST_LABEL
    assert not re.search(r"style|script|href", ET.tostring(root, encoding="unicode"))


@pytest.mark.parametrize(
    ("up", "look"),
    [
        (1000, Look.AVAILABLE),
        (999, Look.AVAILABLE),
        (998, Look.DEGRADED),
        (950, Look.DEGRADED),
        (949, Look.UNAVAILABLE),
    ],
)
def test_share_of_time_has_a_look(up: int, look: Look) -> None:
    assert badges.look_of_share(up, 1000) is look
    assert badges.look_of_share(0, 0) is Look.UNKNOWN


def test_ids_are_the_same_for_ever_and_differ_by_page() -> None:
    one, other = StatusPage(), StatusPage()
    assert uid_of(one, "incident/1/2") == uid_of(one, "incident/1/2")
    assert len({uid_of(one, "incident/1/2"), uid_of(other, "incident/1/2"), uid_of(one, "incident/1/3")}) == 3


@pytest.mark.parametrize(
    ("naming", "name", "told"),
    [
        (Naming.NAMES, "Web shop", "Web shop"),
        (Naming.NAMES, "", ""),
        (Naming.REFERENCES, "", "a.example/b:1"),
        (Naming.REFERENCES, "Web shop", "Web shop"),
    ],
)
def test_image_is_called_by_what_is_told_of_it_and_only_in_its_own_group(
    naming: Naming, name: str, told: str
) -> None:
    image = Resource(name=name, reference="a.example/b:1", group_id=1)
    assert name_of(image, StatusGroup(group_id=1, naming=naming)) == told
    assert name_of(image, StatusGroup(group_id=2, naming=naming)) == ""
