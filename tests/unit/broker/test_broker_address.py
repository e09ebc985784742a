"""What is read out of a broker's URL, and how its certificate is to be looked at."""

import ssl
from pathlib import Path

import pytest

from probes.broker.address import BrokerAddress
from tests.fakes.tls_files import TlsFiles


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://:open-sesame@127.0.0.1:6379/0", "127.0.0.1:6379"),
        ("amqps://user:open-sesame@broker.test//", "broker.test"),
    ],
)
def test_place_is_told_without_the_password(url: str, expected: str) -> None:
    assert BrokerAddress(url).place == expected
    assert "open-sesame" not in repr(BrokerAddress(url))


def test_login_is_what_the_url_means_and_not_how_it_is_written() -> None:
    assert BrokerAddress("amqp://user:open%2Fsesame@broker.test//").login == ("user", "open/sesame")


def test_another_login_leaves_the_rest_of_the_url_as_it_is() -> None:
    address = BrokerAddress("rediss://:open-sesame@[::1]:6379/2?ssl_cert_reqs=none")
    assert address.url_for("region-eu-west", "a/b") == (
        "rediss://region-eu-west:a%2Fb@[::1]:6379/2?ssl_cert_reqs=none"
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("amqp://broker.test", "/"),
        ("amqp://broker.test/", "/"),
        ("amqp://broker.test//", "/"),
        ("amqp://broker.test/kairos", "kairos"),
        ("amqp://broker.test/%2Fkairos", "/kairos"),
    ],
)
def test_virtual_host_is_read_as_kombu_reads_it(url: str, expected: str) -> None:
    assert BrokerAddress(url).virtual_host == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rediss://127.0.0.1:1/0", {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}),
        ("rediss://127.0.0.1:1/0?ssl_cert_reqs=none", None),
        ("redis://127.0.0.1:1/0", None),
        ("amqps://broker.test:1//", {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "broker.test"}),
        ("amqp://127.0.0.1:1//", None),
        ("", None),
    ],
)
def test_certificate_is_verified_unless_the_url_says_otherwise(url: str, expected: object) -> None:
    assert BrokerAddress(url).kombu_ssl == expected


def test_files_are_handed_on_by_the_names_that_each_transport_has_for_them() -> None:
    files = ("ca.pem", "cert.pem", "key.pem")
    assert BrokerAddress("rediss://127.0.0.1", *files).kombu_ssl == {
        "ssl_ca_certs": "ca.pem",
        "ssl_certfile": "cert.pem",
        "ssl_keyfile": "key.pem",
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
    }
    assert BrokerAddress("amqps://127.0.0.1", *files).kombu_ssl == {
        "ca_certs": "ca.pem",
        "certfile": "cert.pem",
        "keyfile": "key.pem",
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": "127.0.0.1",
    }


def test_usable_files_are_no_fault(tmp_path: Path) -> None:
    tls = TlsFiles(tmp_path)
    ours = tls.issue("ours")
    BrokerAddress("rediss://127.0.0.1", str(tls.ca_file), str(ours.certificate), str(ours.key)).check()
    BrokerAddress("redis://127.0.0.1").check()


@pytest.mark.parametrize(
    ("url", "files", "fault"),
    [
        ("redis://127.0.0.1", ("ca.pem", "", ""), "needs TLS"),
        ("amqps://127.0.0.1", ("", "", "key.pem"), "a key needs its certificate"),
        ("amqps://127.0.0.1", ("/none/ca.pem", "", ""), "/none/ca.pem: "),
        ("rediss://127.0.0.1", ("", "/dev/null", ""), "/dev/null: "),
        ("rediss://127.0.0.1?ssl_cert_reqs=none", ("ca.pem", "", ""), "the URL has ssl_… options"),
        ("rediss://127.0.0.1?ssl_ca_certs=other.pem", ("ca.pem", "", ""), "the URL has ssl_… options"),
        ("amqps://127.0.0.1?ssl_cert_reqs=required", ("", "", ""), "the URL has ssl_… options"),
    ],
)
def test_files_that_cannot_be_used_are_told(url: str, files: tuple[str, str, str], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        BrokerAddress(url, *files).check()
