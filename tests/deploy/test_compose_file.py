"""docker-compose.yml and deploy/edge/docker-compose.yml, as documents."""

import json
import re
from typing import Any

import pytest
import yaml

from tests.deploy import bundle, compose
from tests.deploy.dockerfile import ROOT, stages

VARIABLES = {name: f"for-{name.lower()}" for name in compose.NEEDED}
WHOLE = compose.interpolated(compose.FILE.read_text(), VARIABLES)
OURS = ("prepare", "web", "beat", "control", "edge-eu-west", "edge-us-east")


@pytest.mark.parametrize("text", [WHOLE, bundle.rendered("docker-compose.yml")], ids=["whole", "edge"])
def test_file_is_of_the_compose_specification(text: str) -> None:
    specification = pytest.importorskip(
        "compose_spec", reason="not installed: pip install --require-hashes -r requirements-deploy.txt"
    )
    # Merged as YAML first, which the specification leaves to its reader.
    document = specification.PyCompose.from_json(json.dumps(yaml.safe_load(text)))
    document.validate()


def test_reader_of_the_specification_would_refuse() -> None:
    specification = pytest.importorskip(
        "compose_spec", reason="not installed: pip install --require-hashes -r requirements-deploy.txt"
    )
    with pytest.raises(ValueError, match="read_only_root"):
        specification.PyCompose.from_json(json.dumps({"services": {"web": {"image": "x", "read_only_root": True}}}))


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_no_password_is_made_up(name: str) -> None:
    """What is not set stops Compose, which says so."""
    with pytest.raises(compose.NotSet, match=f"{name}: set it in .env"):
        compose.services({key: value for key, value in VARIABLES.items() if key != name})


def confined() -> dict[str, dict[str, Any]]:
    whole = yaml.safe_load(WHOLE)["services"]
    return {**{name: whole[name] for name in (*OURS, "redis")}, "a region's": bundle.compose_service()}


@pytest.mark.parametrize("name", [*OURS, "redis", "a region's"])
def test_service_has_a_read_only_root_and_no_capabilities(name: str) -> None:
    service = confined()[name]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - in a container


def test_only_the_web_is_published_and_on_loopback_alone() -> None:
    published = {
        name: service["ports"] for name, service in yaml.safe_load(WHOLE)["services"].items() if "ports" in service
    }
    assert published == {"web": ["127.0.0.1:8000:8000"]}


def test_region_knows_its_own_password_and_nothing_of_the_database() -> None:
    for name, service in compose.services(VARIABLES).items():
        if name.startswith("edge-"):
            text = json.dumps(service.document)
            own = f"REDIS_{name.removeprefix('edge-').replace('-', '_').upper()}_PASSWORD"
            assert VARIABLES[own] in text
            assert not [key for key, value in VARIABLES.items() if key != own and value in text]


def test_every_service_of_ours_is_told_only_what_the_code_reads() -> None:
    code = "\n".join(path.read_text() for top in ("kairos", "probes") for path in (ROOT / top).rglob("*.py"))
    known = set(re.findall(r"\b(?:KAIROS_[A-Z_]+|DATABASE_URL|BROKER_URL)\b", code))
    told = {
        name for service in compose.services(VARIABLES).values() if service.target for name in service.environment
    }
    told |= {name for target in ("edge", "control") for name in stages()[target].environment if "KAIROS" in name}
    assert told - known == set()


def test_health_checks_are_where_somebody_answers() -> None:
    """The image's is the web server's: beat, the worker and a command that ends have none to ask."""
    services = yaml.safe_load(WHOLE)["services"]
    without = {name for name, service in services.items() if service.get("healthcheck", {}).get("disable")}
    assert without == {"prepare", "beat", "control"}
