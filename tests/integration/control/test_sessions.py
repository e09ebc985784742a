"""Logins of browsers that have ended."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.sessions.models import Session

from probes.tasks.control import partitions


@pytest.mark.django_db
def test_logins_that_have_ended_are_dropped_and_others_stay() -> None:
    now = datetime.now(UTC)
    for key, expires_in in (("ended", -timedelta(minutes=1)), ("going-on", timedelta(hours=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=now + expires_in)
    partitions()
    assert [session.session_key for session in Session.objects.all()] == ["going-on"]
