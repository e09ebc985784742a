"""Pauses that end by themselves."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from probes.actions import resources
from probes.models import Pause, Resource
from tests.integration.control.conftest import MakeImages

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def test_pause_until_an_instant_ends_by_itself(now: datetime, make_images: MakeImages) -> None:
    image, for_good, other = make_images(3)
    assert resources.pause([image.pk], now=now, until=now + HOUR) == 1
    resources.pause([for_good.pk], now=now)
    assert resources.resume_due(now=now + HOUR - MINUTE) == 0
    assert resources.resume_due(now=now + HOUR) == 1
    for row in (image, for_good, other):
        row.refresh_from_db()
    assert (image.paused_at, image.resume_at, image.next_due_at) == (None, None, now + HOUR)
    assert for_good.is_paused
    assert list(Pause.objects.filter(resource=image).values_list("starts_at", "ends_at")) == [(now, now + HOUR)]
    assert resources.resume_due(now=now + HOUR) == 0


@pytest.mark.parametrize(("again", "ends"), [(2 * HOUR, 2 * HOUR), (None, None)])
def test_end_of_a_pause_is_that_which_was_said_last(
    now: datetime, make_images: MakeImages, again: timedelta | None, ends: timedelta | None
) -> None:
    (image,) = make_images()
    resources.pause([image.pk], now=now, until=now + HOUR)
    assert resources.pause([image.pk], now=now + MINUTE, until=None if again is None else now + again) == 0
    image.refresh_from_db()
    assert image.paused_at == now
    assert image.resumes_at == (ends and now + ends)
    assert Pause.objects.count() == 1


def test_end_of_a_pause_before_ends_none(now: datetime, make_images: MakeImages) -> None:
    """As the version before leaves it, which knows no ends."""
    (image,) = make_images()
    Resource.objects.update(paused_at=now, resume_at=now - HOUR)
    assert resources.resume_due(now=now + HOUR) == 0
    image.refresh_from_db()
    assert image.resumes_at is None


@pytest.mark.parametrize("ahead", [timedelta(0), -HOUR, timedelta(days=367)])
def test_pause_ends_in_the_future_and_within_a_year(now: datetime, make_images: MakeImages, ahead: timedelta) -> None:
    (image,) = make_images()
    with pytest.raises(ValidationError) as refused:
        resources.pause([image.pk], now=now, until=now + ahead)
    assert list(refused.value.message_dict) == ["until"]
    image.refresh_from_db()
    assert not image.is_paused


def test_saving_leaves_the_end_of_a_pause_alone(now: datetime, make_images: MakeImages) -> None:
    (image,) = make_images()
    resources.pause([image.pk], now=now, until=now + HOUR)
    resources.save(image, now=now)
    image.refresh_from_db()
    assert image.resumes_at == now + HOUR
