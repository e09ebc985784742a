"""What is read out of a broker's URL."""

import ssl

import pytest

from probes.broker.url import place, tls


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://:open-sesame@127.0.0.1:6379/0", "127.0.0.1:6379"),
        ("amqps://user:open-sesame@broker.test//", "broker.test"),
    ],
)
def test_place_is_told_without_the_password(url: str, expected: str) -> None:
    assert place(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rediss://127.0.0.1:1/0", {"ssl_cert_reqs": ssl.CERT_REQUIRED}),
        ("rediss://127.0.0.1:1/0?ssl_cert_reqs=none", None),
        ("redis://127.0.0.1:1/0", None),
        ("amqps://127.0.0.1:1//", None),
    ],
)
def test_certificate_is_verified_unless_the_url_says_otherwise(url: str, expected: object) -> None:
    assert tls(url) == expected
