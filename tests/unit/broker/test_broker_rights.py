"""The rights of a region, as each broker is told them. What they come to is tried against real ones."""

import re

import pytest

from probes.broker.accounts.rights import rabbitmq_permissions, redis_words
from probes.trust.accounts import Account, new_password, usernames

EUROPE = Account.make("eu-west", "region-eu-west", "swordfish")


def test_redis_is_told_to_forget_first() -> None:
    assert redis_words(EUROPE) == (
        *("reset", "on", f"#{EUROPE.sha256}"),
        *("~probe.eu-west", "+ping", "+brpop", "+llen", "+multi", "+exec", "(+lpush %W~results)"),
    )


@pytest.mark.parametrize(
    "queue", ["probe.eu-west-2", "probe.eu", "probexeu-west", "xprobe.eu-west", "results", "control"]
)
def test_rabbitmq_reads_one_name_and_no_other_that_is_like_it(queue: str) -> None:
    pattern = rabbitmq_permissions(EUROPE)["read"]
    assert re.search(pattern, "probe.eu-west")
    assert not re.search(pattern, queue)


def test_names_of_a_region_are_no_other_regions() -> None:
    assert usernames("eu-west") == ("region-eu-west", "region-eu-west.2")
    assert not set(usernames("eu-west")) & set(usernames("eu-west-2"))


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
