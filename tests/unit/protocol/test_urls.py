"""URLs that a registry hands us: where they lead, and what of them may be shown."""

import pytest

from probes.protocol.urls import (
    HIDDEN,
    Origin,
    UrlRefused,
    may_be_sent_to,
    origin_of,
    redact,
    resolve_url,
    with_query,
)

BASE = "https://registry.example/v2/team/app/manifests/1?x=1"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://registry.example/v2/", "https://registry.example"),
        ("HTTPS://Registry.Example:443", "https://registry.example"),
        ("https://registry.example:8443/", "https://registry.example:8443"),
        ("http://localhost:80/", "http://localhost"),
        ("http://registry_1:5000", "http://registry_1:5000"),
        ("https://[2001:DB8::1]:5000/", "https://[2001:db8::1]:5000"),
        ("https://registry.example.", "https://registry.example."),
    ],
)
def test_origin_is_scheme_host_and_port(url: str, origin: str) -> None:
    """S7."""
    assert str(origin_of(url)) == origin


def test_default_port_is_the_same_origin() -> None:
    assert origin_of("https://x.io:443/a") == origin_of("https://X.io/b") == Origin("https", "x.io", 443)
    assert origin_of("https://x.io") != origin_of("http://x.io:443")


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("ftp://x.io/", id="scheme"),
        pytest.param("//x.io/", id="no-scheme"),
        pytest.param("https:///token", id="T2-no-host"),
        pytest.param("https://me@x.io/", id="T2-userinfo"),
        pytest.param("https://a.example\\@b.example/", id="S18-backslash"),
        pytest.param("https://ex%41mple.com/", id="S18-percent"),
        pytest.param("https://exämple.com/", id="S18-idna"),
        pytest.param("https://example.com/ä", id="non-ascii"),
        pytest.param("https://a b.io/", id="space"),
        pytest.param("https://x.io/\r\nHost: y", id="S17"),
        pytest.param("https://x..io/", id="empty-label"),
        pytest.param("https://-x.io/", id="dash"),
        pytest.param("https://x.io:0/", id="port-0"),
        pytest.param("https://x.io:65536/", id="port-65536"),
        pytest.param("https://x.io:/", id="port-empty"),
        pytest.param("https://x.io:80:80/", id="port-twice"),
        pytest.param("https://[::1/", id="bracket"),
        pytest.param("https://[fe80::1%25eth0]/", id="zone"),
        pytest.param("https://x.io/" + "a" * 8192, id="length"),
        pytest.param("", id="empty"),
    ],
)
def test_hostile_url_has_no_origin(url: str) -> None:
    with pytest.raises(UrlRefused) as caught:
        origin_of(url)
    assert not url or url not in str(caught.value)


def test_user_name_is_told_apart_from_a_bad_host() -> None:
    """B19."""
    with pytest.raises(UrlRefused, match="user name"):
        origin_of("https://me@x.io/")


@pytest.mark.parametrize(
    ("location", "url"),
    [
        pytest.param("/token", "https://registry.example/token", id="C13"),
        pytest.param("../blobs/x", "https://registry.example/v2/team/app/blobs/x", id="B19"),
        pytest.param("?a=b", "https://registry.example/v2/team/app/manifests/1?a=b", id="query"),
        pytest.param("//cdn.example/x", "https://cdn.example/x", id="host"),
        pytest.param(
            "https://cdn.example/x?sig=a%2Fb%3D&t=1#frag", "https://cdn.example/x?sig=a%2Fb%3D&t=1", id="signed"
        ),
        pytest.param("https://cdn.example/ä|[x]", "https://cdn.example/%C3%A4|[x]", id="non-ascii"),
    ],
)
def test_location_is_resolved_against_where_it_came_from(location: str, url: str) -> None:
    assert resolve_url(BASE, location) == url


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("", id="empty"),
        pytest.param("https:///t", id="T2-no-host"),
        pytest.param("///t", id="no-host"),
        pytest.param("https:t", id="scheme-only"),
        pytest.param("javascript:x", id="scheme"),
        pytest.param("https://[bad/", id="bracket"),
        pytest.param("https://me:pw@x.io/", id="B19-userinfo"),
        pytest.param("a\\b", id="backslash"),
        pytest.param("a\x00b", id="NUL"),
        pytest.param("\ud800", id="surrogate"),
        pytest.param("/" * 8193, id="length"),
    ],
)
def test_location_that_leads_nowhere_is_refused(location: str) -> None:
    with pytest.raises(UrlRefused):
        resolve_url(BASE, location)


@pytest.mark.parametrize(
    ("url", "pairs", "expected"),
    [
        (
            "https://x.io/token",
            [("scope", "repository:a/b:pull")],
            "https://x.io/token?scope=repository%3Aa%2Fb%3Apull",
        ),
        ("https://x.io/token?a=1&e=", [("scope", "s")], "https://x.io/token?a=1&e=&scope=s"),
        ("https://x.io/token?scope=old&scope=older", [("scope", "s")], "https://x.io/token?scope=s"),
        ("https://x.io/token", [], "https://x.io/token"),
        ("https://x.io/token?", [], "https://x.io/token"),
    ],
    ids=["T12-encoded", "T12-merged", "T13-replaced", "nothing", "empty"],
)
def test_query_is_merged(url: str, pairs: list[tuple[str, str]], expected: str) -> None:
    assert with_query(url, pairs) == expected


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://x.io/v2/", "https://x.io/v2/"),
        ("https://x.io/token?service=x.io&scope=repository:a/b:pull", None),
        ("https://s3/x?X-Amz-Signature=abc&X-Amz-Expires=60", "https://s3/x?X-Amz-Signature=…&X-Amz-Expires=…"),
        ("https://cdn/x?eyJhbGciOi", "https://cdn/x?…"),
        ("https://cdn/x?eyJhbGciOi==", "https://cdn/x?…"),
        ("https://cdn/x?" + "k" * 40 + "=1", "https://cdn/x?…"),
        ("https://cdn/x?scope=<b>", "https://cdn/x?scope=%3Cb%3E"),
        ("https://cdn/" + "p" * 600, "https://cdn/" + "p" * 500 + HIDDEN),
        ("https://cdn/x?" + "&".join(["scope=s"] * 30), "https://cdn/x?" + "&".join(["scope=s"] * 20)),
    ],
)
def test_only_harmless_values_are_shown(url: str, shown: str | None) -> None:
    """T35, S19."""
    assert redact(url) == (shown or url)


@pytest.mark.parametrize(
    ("there", "registry", "may"),
    [
        ("https://a.io", "https://r.io", True),
        ("https://a.io:5000", "https://r.io", True),
        ("https://a.io:1024", "https://r.io", True),
        ("https://a.io:1023", "https://r.io", False),
        ("https://a.io:22", "https://r.io", False),
        ("https://a.io:80", "https://r.io", False),
        ("https://a.io:444", "https://r.io:444", True),
        ("http://r.io", "http://r.io:5000", True),
        ("http://r.io:25", "http://r.io:5000", False),
    ],
)
def test_server_sends_us_to_ports_of_web_servers_only(there: str, registry: str, *, may: bool) -> None:
    """S22."""
    assert may_be_sent_to(origin_of(there), origin_of(registry)) is may


@pytest.mark.parametrize(
    ("url", "hosts", "among"),
    [
        ("https://a.io", {"a.io"}, True),
        ("https://a.io:8443", {"a.io"}, True),
        ("https://a.io:8443", {"a.io:8443"}, True),
        ("https://a.io", {"a.io:443"}, True),
        ("https://a.io", {"a.io:8443"}, False),
        ("https://b.a.io", {"a.io"}, False),
        ("https://[fd12::7]:5000", {"[fd12::7]"}, True),
    ],
)
def test_host_on_a_list_is_meant_for_any_port_unless_it_names_one(url: str, hosts: set[str], *, among: bool) -> None:
    """S5, T5."""
    assert origin_of(url).is_among(hosts) is among
