"""Times as templates write them: right without a script, and all that a script needs."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.template import Context, Template, TemplateSyntaxError

from dashboard import words
from dashboard.instants import Told

NOW = datetime(2026, 11, 27, 14, 30, tzinfo=UTC)


def written(tag: str, value: datetime | None) -> str:
    return Template(f"{{% load times %}}{{% {tag} %}}").render(Context({"value": value, "now": NOW}))


@pytest.mark.parametrize(
    ("tag", "before", "said"),
    [
        ("time value", timedelta(minutes=5, seconds=10), "14:24 UTC"),
        ("time value 'moment'", timedelta(minutes=5, seconds=10), "14:24:50 UTC"),
        ("time value", timedelta(days=1), "26 Nov 14:30 UTC"),
        ("time value 'day'", timedelta(days=30), "28 Oct"),
        ("time value 'day'", timedelta(days=400), "23 Oct 2025"),
        ("ago value", timedelta(minutes=5), "5\N{NO-BREAK SPACE}min ago"),
        ("ago value", timedelta(milliseconds=400), "just now"),
        ("ahead value", timedelta(minutes=-5), "in 5\N{NO-BREAK SPACE}min"),
    ],
)
def test_time_is_told_in_utc(tag: str, before: timedelta, said: str) -> None:
    assert f">{said}</time>" in written(tag, NOW - before)


def test_time_says_which_instant_it_is_and_how_it_is_told() -> None:
    elsewhere = datetime(2026, 11, 27, 9, 24, 50, 123456, tzinfo=timezone(timedelta(hours=-5)))
    assert written("time value", elsewhere) == (
        '<time datetime="2026-11-27T14:24:50Z" data-time="clock" title="27 Nov 2026, 14:24:50 UTC">14:24 UTC</time>'
    )


def test_since_has_the_time_and_how_long_it_is() -> None:
    said = written("since value", NOW - timedelta(hours=3))
    assert said.startswith('since <time datetime="2026-11-27T11:30:00Z" data-time="clock"')
    assert 'data-time="span"' in said
    assert ">3\N{NO-BREAK SPACE}h</time>)" in said


@pytest.mark.parametrize("tag", ["time value", "ago value", "ahead value", "since value"])
def test_no_time_is_nothing(tag: str) -> None:
    assert written(tag, None) == ""


def test_another_form_is_a_mistake_of_the_template() -> None:
    with pytest.raises(TemplateSyntaxError, match="'year' is none of clock, moment, day"):
        written("time value 'year'", NOW)


def test_words_with_times_in_them_are_plain_text_and_elements_in_a_page() -> None:
    since = words.since(NOW - timedelta(hours=3), NOW)
    hostile = Told.of("{} is at it, {}", "<b>anna</b>", since)
    assert hostile == "<b>anna</b> is at it, since 11:30 (3\N{NO-BREAK SPACE}h)"
    html = Template("{{ said }}").render(Context({"said": hostile}))
    assert html.startswith("&lt;b&gt;anna&lt;/b&gt; is at it, since <time datetime=")
    assert html.count("<time ") == 2
    assert "<" not in f"{since}"
