"""The rights of a region, as each broker is told them. What they come to is tried against real ones."""

import re

import pytest

from probes.broker.accounts.rights import rabbitmq_permissions, rabbitmq_policies, redis_words
from probes.trust.accounts import Account, generation_of, new_password, username

EUROPE = Account.make("eu-west", "region-eu-west", "swordfish")


def test_redis_is_told_to_forget_first() -> None:
    assert redis_words(EUROPE) == (
        *("reset", "on", f"#{EUROPE.sha256}"),
        *("~probe.eu-west", "+ping", "+brpop", "+llen", "+multi", "+exec"),
        "(+lpush +llen %W~results %W~heartbeats)",
    )


@pytest.mark.parametrize(
    "queue", ["probe.eu-west-2", "probe.eu", "probexeu-west", "xprobe.eu-west", "results", "heartbeats", "control"]
)
def test_rabbitmq_reads_one_name_and_no_other_that_is_like_it(queue: str) -> None:
    pattern = rabbitmq_permissions(EUROPE)["read"]
    assert re.search(pattern, "probe.eu-west")
    assert not re.search(pattern, queue)


@pytest.mark.parametrize(
    ("queue", "policy"),
    [
        ("probe.eu-west", "kairos-regions"),
        ("heartbeats", "kairos-heartbeats"),
        ("results", "kairos-results"),
        ("control", None),
        ("heartbeats2", None),
    ],
)
def test_rabbitmq_bounds_each_queue_by_one_policy(queue: str, policy: str | None) -> None:
    """Of a queue with two, RabbitMQ would take either."""
    bounding = [name for name, item in rabbitmq_policies().items() if re.search(item["pattern"], queue)]
    assert bounding == ([policy] if policy else [])


def test_rabbitmq_drops_what_is_old_and_refuses_reports_that_it_has_no_room_for() -> None:
    """A report that was refused stays with its worker; a heartbeat is worth nothing after a minute."""
    heartbeats, results = (rabbitmq_policies()[f"kairos-{name}"]["definition"] for name in ("heartbeats", "results"))
    assert heartbeats == {"max-length": 1000, "overflow": "drop-head", "message-ttl": 60_000}
    assert results == {"max-length": 5000, "overflow": "reject-publish"}


def test_names_of_a_region_are_no_other_regions() -> None:
    names = [username("eu-west", generation) for generation in (1, 2, 12)]
    assert names == ["region-eu-west", "region-eu-west.2", "region-eu-west.12"]
    assert [generation_of("eu-west", name) for name in names] == [1, 2, 12]
    assert [generation_of("eu-west-2", name) for name in names] == [0, 0, 0]


@pytest.mark.parametrize("name", ["", "kairos", "region-eu-west.", "region-eu-west.1", "region-eu-west.02"])
def test_name_that_no_account_of_a_region_has_is_known(name: str) -> None:
    assert generation_of("eu-west", name) == 0


def test_password_is_known_again_and_not_shown() -> None:
    assert EUROPE.has_password("swordfish")
    assert not EUROPE.has_password("trout")
    assert EUROPE.sha256 not in repr(EUROPE)
    assert EUROPE.salted_sha256 not in repr(EUROPE)
    again = Account.make("eu-west", "region-eu-west", "swordfish")
    assert again.salted_sha256 != EUROPE.salted_sha256


def test_passwords_differ_and_fit_into_a_url() -> None:
    first, second = new_password(), new_password()
    assert first != second
    assert re.fullmatch(r"[\w-]{43}", first)
