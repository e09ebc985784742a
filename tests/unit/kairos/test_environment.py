"""What the environment may say, and what a mistake in it becomes."""

from pathlib import Path

import pytest

from kairos.environment import (
    Bind,
    Environment,
    RegionName,
    parse_bind,
    parse_database_url,
    parse_regions,
)
from probes.broker.address import BrokerAddress


def ids(environment: Environment) -> list[str]:
    return [mistake.id for mistake in environment.mistakes]


class TestBind:
    @pytest.mark.parametrize(
        ("text", "bind"),
        [
            ("127.0.0.1:8000", Bind("127.0.0.1", 8000)),
            ("[::1]:80", Bind("::1", 80)),
            ("kairos.example:65535", Bind("kairos.example", 65535)),
        ],
    )
    def test_host_and_port_are_told_apart(self, text: str, bind: Bind) -> None:
        assert parse_bind(text) == bind
        assert str(bind) == text

    @pytest.mark.parametrize("text", ["", "80", ":80", "[]:80", "host", "host:", "host:0", "host:65536", "host:٣"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"is not"):
            parse_bind(text)


class TestRegions:
    def test_slugs_may_have_names(self) -> None:
        regions = parse_regions(" eu-west:Frankfurt am Main , us-east,")
        assert regions == (RegionName("eu-west", "Frankfurt am Main"), RegionName("us-east", "us-east"))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("EU", "'EU' is not a region slug"),
            ("-eu", "'-eu' is not a region slug"),
            ("a" * 41, "at most 40"),
            ("eu,us,eu:Again", "region 'eu' is named twice"),
            ("eu,control", "'control' is the control plane's own name"),
            (" , ", "at least one region is needed"),
        ],
    )
    def test_what_cannot_be_is_told(self, text: str, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            parse_regions(text)


class TestDatabaseUrl:
    def test_parts_are_decoded(self) -> None:
        settings = parse_database_url("postgresql://kai%40ros:p%2Fw@db.example:6432/ka%20iros?sslmode=require")
        assert settings == {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "ka iros",
            "USER": "kai@ros",
            "PASSWORD": "p/w",
            "HOST": "db.example",
            "PORT": "6432",
            "OPTIONS": {"sslmode": "require"},
        }

    def test_host_may_be_a_directory_of_sockets(self) -> None:
        settings = parse_database_url("postgres://kairos@/kairos?host=/run/postgresql")
        assert (settings["HOST"], settings["PORT"], settings["OPTIONS"]) == ("/run/postgresql", "", {})

    @pytest.mark.parametrize(
        "url",
        [
            "mysql://u:hush@db/x",
            "postgresql://u:hush@db",
            "postgresql://u:hush@db:port/x",
            "postgresql://u:hush@[db/x",
            "u:hush@db/x",
        ],
    )
    def test_refusal_does_not_repeat_the_password(self, url: str) -> None:
        with pytest.raises(ValueError, match=r".") as refusal:
            parse_database_url(url)
        assert "hush" not in str(refusal.value)


class TestMistakes:
    @pytest.mark.parametrize(
        ("values", "mistake", "default_stands_in"),
        [
            ({"FLAG": "maybe"}, "kairos.E001", lambda e: e.flag("FLAG", default=True) is True),
            ({"DB": "sqlite:///x"}, "kairos.E002", lambda e: e.database("DB", Path("/nowhere")) == {}),
            ({"BROKER": "http://x"}, "kairos.E003", lambda e: e.broker("BROKER", Path("/nowhere")) == ""),
            ({"REGIONS": "!"}, "kairos.E004", lambda e: e.regions("REGIONS", "a") == (RegionName("a", "a"),)),
            ({"BIND": "!"}, "kairos.E005", lambda e: e.bind("BIND", "a:1") == Bind("a", 1)),
            ({"CHOICE": "c"}, "kairos.E006", lambda e: e.choice("CHOICE", ("a", "b")) == "a"),
        ],
    )
    def test_mistake_is_remembered_and_the_default_stands_in(
        self, values: dict[str, str], mistake: str, default_stands_in: object
    ) -> None:
        environment = Environment(values)
        assert callable(default_stands_in)
        assert default_stands_in(environment)
        assert ids(environment) == [mistake]

    def test_files_of_tls_that_cannot_be_used_are_a_mistake(self) -> None:
        environment = Environment({"KAIROS_BROKER_CA_FILE": "/none"})
        assert environment.broker_address("rediss://127.0.0.1") == BrokerAddress("rediss://127.0.0.1")
        assert ids(environment) == ["kairos.E009"]

    def test_what_is_not_set_is_no_mistake(self) -> None:
        environment = Environment({"BLANK": "  "})
        assert environment.flag("BLANK") is False
        assert environment.text("BLANK", "default") == "default"
        assert environment.database("BLANK", Path("/nowhere")) == {}
        assert environment.names("BLANK") == []
        assert ids(environment) == []


class TestNetworks:
    def test_networks_and_addresses_are_read(self) -> None:
        environment = Environment({"PROXIES": "10.0.0.0/8, 127.0.0.1,fd00::/8"})
        assert list(map(str, environment.networks("PROXIES"))) == ["10.0.0.0/8", "127.0.0.1/32", "fd00::/8"]
        assert ids(environment) == []

    @pytest.mark.parametrize("text", ["10.0.0.1/8", "proxy.example", "*", "10.0.0.0/8,nothing"])
    def test_what_is_no_network_is_a_mistake_and_trusts_nobody(self, text: str) -> None:
        environment = Environment({"PROXIES": text})
        assert environment.networks("PROXIES") == ()
        assert ids(environment) == ["kairos.E010"]


class TestSecretFiles:
    def test_secret_is_read_without_its_line_end(self, tmp_path: Path) -> None:
        path = tmp_path / "secret"
        path.write_text("open sesame\n")
        path.chmod(0o600)
        environment = Environment({})
        assert environment.secret(path) == "open sesame"
        assert ids(environment) == []

    def test_missing_file_is_no_mistake(self, tmp_path: Path) -> None:
        environment = Environment({})
        assert environment.secret(tmp_path / "none") == ""
        assert ids(environment) == []

    def test_file_that_others_may_read_is_a_warning(self, tmp_path: Path) -> None:
        path = tmp_path / "secret"
        path.write_text("open sesame")
        path.chmod(0o640)
        environment = Environment({})
        assert environment.secret(path) == "open sesame"
        assert ids(environment) == ["kairos.W001"]

    def test_file_that_cannot_be_read_is_named_without_what_it_holds(self, tmp_path: Path) -> None:
        path = tmp_path / "secret"
        path.write_bytes(b"\xffhush")
        environment = Environment({})
        assert environment.secret(path) == ""
        (mistake,) = environment.mistakes
        assert mistake.id == "kairos.E007"
        assert str(path) in mistake.message
        assert "hush" not in mistake.message

    def test_url_in_the_environment_wins_over_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "broker-url"
        path.write_text("redis://file/0")
        path.chmod(0o600)
        assert Environment({"BROKER": "redis://variable/0"}).broker("BROKER", path) == "redis://variable/0"
        assert Environment({}).broker("BROKER", path) == "redis://file/0"
