"""The tests' own ground: real servers, and settings that name them."""

import pytest
import redis
from django.conf import settings
from django.db import connection


@pytest.mark.django_db
def test_database_is_the_embedded_postgresql_of_this_session() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        (version,) = cursor.fetchone()
    assert int(version) // 10_000 == 18
    assert connection.settings_dict["NAME"] == "test_kairos"


def test_broker_is_empty_and_asks_for_a_password(broker: str) -> None:
    assert broker == settings.BROKER_URL
    with redis.Redis.from_url(broker) as client:
        assert client.dbsize() == 0
        port = client.connection_pool.connection_kwargs["port"]
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
