"""A region's proxy, as an operator writes it."""

import base64

import pytest

from probes.protocol.proxy import Proxy


@pytest.mark.parametrize(
    ("url", "netloc", "scheme", "login"),
    [
        ("http://proxy.internal:3128", "proxy.internal:3128", "http", ""),
        ("https://proxy.internal:443/", "proxy.internal:443", "https", ""),
        ("http://10.0.0.9:80", "10.0.0.9:80", "http", ""),
        ("http://[fd12::9]:3128", "[fd12::9]:3128", "http", ""),
        ("http://robot@proxy.internal:3128", "proxy.internal:3128", "http", "robot:"),
        ("http://robot:p%40ss%3Aword@proxy.internal:3128", "proxy.internal:3128", "http", "robot:p@ss:word"),
        (" http://robot:p@ss@proxy.internal:3128 ", "proxy.internal:3128", "http", "robot:p@ss"),
    ],
)
def test_it_is_read_with_its_login(url: str, netloc: str, scheme: str, login: str) -> None:
    """N16: a proxy is explicit configuration."""
    proxy = Proxy.parse(url)
    assert (proxy.netloc, proxy.origin.scheme) == (netloc, scheme)
    assert base64.b64decode(proxy.authorization.removeprefix("Basic ")).decode() == login


@pytest.mark.parametrize(
    "url",
    [
        "", "proxy.internal:3128", "socks5://proxy.internal:1080", "http://proxy.internal", "http://:3128",
        "http://swordfish@:3128", "http://:swordfish@proxy.internal:3128", "http://proxy.internal:3128/swordfish",
        "http://proxy.internal:0", "http://proxy.internal:swordfish", "http://proxy.internal:3128?swordfish",
        "http://proxy internal:3128", "http://[fd12::9:3128",
    ],
)  # fmt: skip
def test_what_is_no_proxy_is_refused_without_being_repeated(url: str) -> None:
    """S19: it may hold a password."""
    with pytest.raises(ValueError, match="not a proxy's URL") as refused:
        Proxy.parse(url)
    assert "swordfish" not in str(refused.value)


def test_a_password_beside_the_url_counts() -> None:
    proxy = Proxy.parse("http://robot@proxy.internal:3128", password="swordfish")
    assert proxy.password == "swordfish"
    assert "swordfish" not in repr(proxy)
