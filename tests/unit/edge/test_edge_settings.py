"""The worker's environment: what is missing or wrong is said in one line that names the variable."""

import tomllib
from pathlib import Path

import pytest
import trustme

from probes.edge.settings import CANARIES, EdgeSettings, SettingsError
from probes.trust.keys import ControlKeys, RegionKeys
from probes.version import VERSION
from tests.fakes.tls_files import TlsFiles


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    RegionKeys.generate("eu-west", ControlKeys.generate().verify_key).save(tmp_path / "key.json")
    return {
        "BROKER_URL": "redis://:swordfish@127.0.0.1:6379/0",
        "KAIROS_REGION": "eu-west",
        "KAIROS_REGION_KEY_FILE": str(tmp_path / "key.json"),
    }


def test_three_variables_are_enough(environ: dict[str, str]) -> None:
    settings = EdgeSettings.from_environ(environ)
    assert (settings.region, settings.queue) == ("eu-west", "probe.eu-west")
    assert (settings.batches, settings.checks_in_flight, settings.checks_per_host) == (3, 100, 20)
    assert settings.heartbeat_seconds == 10


def test_broker_s_url_may_be_in_a_file(environ: dict[str, str], tmp_path: Path) -> None:
    """So it can be changed for a worker that is restarted, and no listing of its environment shows the password."""
    url = environ.pop("BROKER_URL")
    (tmp_path / "broker-url").write_text(f"{url}\n")
    told = {**environ, "BROKER_URL_FILE": str(tmp_path / "broker-url")}
    assert EdgeSettings.from_environ({**told, "BROKER_URL": ""}).broker.url == url
    with pytest.raises(SettingsError, match="BROKER_URL and BROKER_URL_FILE are both set"):
        EdgeSettings.from_environ({**told, "BROKER_URL": url})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"^BROKER_URL_FILE: \S+/broker-url: No such file or directory$"),
        ("redis://:swordfis\N{SNOWMAN}@host", r"^BROKER_URL_FILE: \S+/broker-url: not a URL$"),
        ("http://127.0.0.1", "^BROKER_URL_FILE is not a broker's URL"),
        ("amqps://broker?ssl_cert_reqs=none", "^BROKER_URL_FILE: the URL has ssl_"),
    ],
)
def test_file_that_holds_no_broker_s_url_is_named(
    environ: dict[str, str], tmp_path: Path, content: str | None, message: str
) -> None:
    del environ["BROKER_URL"]
    if content is not None:
        (tmp_path / "broker-url").write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=message) as refused:
        EdgeSettings.from_environ({**environ, "BROKER_URL_FILE": str(tmp_path / "broker-url")})
    assert "swordfis" not in str(refused.value)


def test_canaries_are_well_known_unless_others_or_none_are_named(environ: dict[str, str], tmp_path: Path) -> None:
    assert EdgeSettings.from_environ(environ).canaries == CANARIES
    assert EdgeSettings.from_environ({**environ, "KAIROS_EDGE_CANARIES": " "}).canaries == ()
    pem = trustme.CA().cert_pem.bytes().decode()
    (tmp_path / "ca.pem").write_text(pem)
    settings = EdgeSettings.from_environ(
        {
            **environ,
            "KAIROS_EDGE_CANARIES": "https://intranet.test:8443/health, http://10.1.2.3/",
            "KAIROS_EDGE_CANARIES_CA_FILE": str(tmp_path / "ca.pem"),
            "KAIROS_EDGE_CANARY_SECONDS": "5",
        }
    )
    assert settings.canaries == ("https://intranet.test:8443/health", "http://10.1.2.3/")
    assert (settings.canaries_ca_pem, settings.canary_seconds) == (pem, 5)


def test_roots_of_canaries_that_are_none_are_refused_at_the_start(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    with pytest.raises(SettingsError, match="KAIROS_EDGE_CANARIES_CA_FILE: the CA bundle cannot be used"):
        EdgeSettings.from_environ({**environ, "KAIROS_EDGE_CANARIES_CA_FILE": str(tmp_path / "ca.pem")})


def test_user_agent_names_version_and_region(environ: dict[str, str]) -> None:
    assert EdgeSettings.from_environ(environ).user_agent == f"kairos-probe/{VERSION} (region=eu-west)"


def test_bounds_can_be_set(environ: dict[str, str]) -> None:
    settings = EdgeSettings.from_environ(
        {
            **environ,
            "KAIROS_EDGE_BATCHES": "5",
            "KAIROS_EDGE_CHECKS_IN_FLIGHT": "250",
            "KAIROS_EDGE_FINISH_SECONDS": "0.5",
            "KAIROS_LIMIT_HEADERS_SECONDS": "20",
        }
    )
    assert settings.limits.headers_seconds == 20
    assert (settings.batches, settings.checks_in_flight, settings.finish_seconds) == (5, 250, 0.5)


def test_way_out_is_configuration(environ: dict[str, str], tmp_path: Path) -> None:
    """N16, S4: a proxy and the network's own NAT64, by names of ours alone."""
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    settings = EdgeSettings.from_environ(
        {
            **environ,
            "KAIROS_EDGE_PROXY": "https://robot:trout@proxy.internal:3128",
            "KAIROS_EDGE_PROXY_CA_FILE": str(tmp_path / "ca.pem"),
            "KAIROS_EDGE_NAT64_PREFIXES": "2a02:64::/96, fd64:0:1::/48",
            "HTTPS_PROXY": "http://elsewhere.test:3128",
        }
    )
    assert settings.proxy
    assert (settings.proxy.netloc, settings.proxy.username) == ("proxy.internal:3128", "robot")
    assert settings.proxy.ca_pem.startswith("-----BEGIN")
    assert [str(prefix) for prefix in settings.nat64] == ["2a02:64::/96", "fd64:0:1::/48"]
    assert "trout" not in repr(settings)


def test_broker_has_its_own_authority_and_our_certificate(environ: dict[str, str], tmp_path: Path) -> None:
    tls = TlsFiles(tmp_path)
    ours = tls.issue("ours")
    files = {
        "KAIROS_BROKER_CA_FILE": str(tls.ca_file),
        "KAIROS_BROKER_CERT_FILE": str(ours.certificate),
        "KAIROS_BROKER_KEY_FILE": str(ours.key),
    }
    settings = EdgeSettings.from_environ({**environ, **files, "BROKER_URL": "rediss://127.0.0.1:6380/0"})
    assert (settings.broker.ca_file, settings.broker.cert_file, settings.broker.key_file) == tuple(files.values())


def test_proxies_of_the_environment_are_not_read(environ: dict[str, str]) -> None:
    """N16."""
    settings = EdgeSettings.from_environ({**environ, "HTTPS_PROXY": "http://elsewhere.test:3128"})
    assert settings.proxy is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("BROKER_URL", "", "BROKER_URL is not set: the broker"),
        ("BROKER_URL", "  ", "BROKER_URL is not set"),
        ("BROKER_URL", "http://127.0.0.1", "BROKER_URL is not a broker's URL"),
        ("BROKER_URL", "redis://", "BROKER_URL is not a broker's URL"),
        ("BROKER_URL", "redis://:swordfish@host:port/0", "BROKER_URL is not a broker's URL"),
        ("BROKER_URL", "redis://[::1", "BROKER_URL is not a broker's URL"),
        ("BROKER_URL", "amqps://broker?ssl_cert_reqs=none", "BROKER_URL: the URL has ssl_"),
        ("KAIROS_BROKER_CA_FILE", "/none", "KAIROS_BROKER_CA_FILE: a certificate needs TLS"),
        ("KAIROS_BROKER_KEY_FILE", "/none", "KAIROS_BROKER_KEY_FILE: a certificate needs TLS"),
        ("KAIROS_REGION", "", "KAIROS_REGION is not set"),
        ("KAIROS_REGION", "control", "KAIROS_REGION is not a region's slug: 'control'"),
        ("KAIROS_REGION", "eu/west", "KAIROS_REGION is not a region's slug"),
        ("KAIROS_REGION", "us-east", "holds the keys of eu-west, not of us-east"),
        ("KAIROS_REGION_KEY_FILE", "", "KAIROS_REGION_KEY_FILE is not set"),
        ("KAIROS_REGION_KEY_FILE", "/none", "KAIROS_REGION_KEY_FILE: /none: cannot read the key file"),
        ("KAIROS_EDGE_BATCHES", "0", "KAIROS_EDGE_BATCHES is not a whole number"),
        ("KAIROS_EDGE_BATCHES", "-1", "KAIROS_EDGE_BATCHES is not a whole number"),
        ("KAIROS_EDGE_BATCHES", "³", "KAIROS_EDGE_BATCHES is not a whole number"),
        ("KAIROS_EDGE_CHECKS_IN_FLIGHT", "9" * 7, "KAIROS_EDGE_CHECKS_IN_FLIGHT is not a whole number"),
        ("KAIROS_EDGE_STUCK_SECONDS", "soon", "KAIROS_EDGE_STUCK_SECONDS is not a number of seconds"),
        ("KAIROS_EDGE_STUCK_SECONDS", "nan", "KAIROS_EDGE_STUCK_SECONDS is not a number of seconds"),
        ("KAIROS_EDGE_PROXY", "proxy:3128", "KAIROS_EDGE_PROXY: not a proxy's URL"),
        ("KAIROS_EDGE_PROXY", "socks5://robot:swordfish@proxy:3128", "KAIROS_EDGE_PROXY: not a proxy's URL"),
        ("KAIROS_EDGE_NAT64_PREFIXES", "2a02:64::/95", "KAIROS_EDGE_NAT64_PREFIXES: 2a02:64::/95 is no NAT64 prefix"),
        ("KAIROS_EDGE_NAT64_PREFIXES", "ours", "KAIROS_EDGE_NAT64_PREFIXES: "),
        ("KAIROS_LIMIT_DNS_SECONDS", "soon", "KAIROS_LIMIT_DNS_SECONDS is not a number of seconds"),
        ("KAIROS_LIMIT_DNS", "5", "KAIROS_LIMIT_DNS is not a limit"),
        ("KAIROS_EDGE_CANARIES", "canary.test", "KAIROS_EDGE_CANARIES: number 1: the URL is neither https nor http"),
        ("KAIROS_EDGE_CANARIES", "https://a.test/,https://u:swordfish@b.test/", "KAIROS_EDGE_CANARIES: number 2: "),
        ("KAIROS_EDGE_CANARIES", "https://a.test/," * 9, "KAIROS_EDGE_CANARIES: 9 of them; 8 are the most"),
        ("KAIROS_EDGE_CANARIES", f"https://a.test/{'x' * 300}", "number 1 has more than 300 characters"),
        ("KAIROS_EDGE_CANARIES_CA_FILE", "/nowhere/ca.pem", "KAIROS_EDGE_CANARIES_CA_FILE: /nowhere/ca.pem: "),
        ("KAIROS_EDGE_HEARTBEAT_SECONDS", "0", "KAIROS_EDGE_HEARTBEAT_SECONDS is not a number of seconds"),
    ],
)
def test_setting_with_a_fault_is_named(environ: dict[str, str], name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        EdgeSettings.from_environ({**environ, name: value})
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "swordfish" not in str(refused.value)


def test_password_and_keys_are_not_shown(environ: dict[str, str]) -> None:
    assert "swordfish" not in repr(EdgeSettings.from_environ(environ))


def test_version_is_the_one_that_the_project_names() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == VERSION
