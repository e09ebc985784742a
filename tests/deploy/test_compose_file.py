"""docker-compose.yml and deploy/edge/docker-compose.yml, as documents."""

import json
import re
from typing import Any

import pytest
import yaml

from probes.actions.here import URL_FILE
from probes.bundle.contents import KEY
from tests.deploy import bundle, compose
from tests.deploy.dockerfile import ROOT, Run, stages

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


def test_region_is_told_no_password_and_reads_from_a_volume_of_its_own() -> None:
    """What is in there `prepare` writes, and only its worker reads: it holds its login and its private key."""
    services = compose.services(VARIABLES)
    for name in ("edge-eu-west", "edge-us-east"):
        text = json.dumps(services[name].document)
        assert not [key for key, value in VARIABLES.items() if value in text]
        assert services[name].volumes == {"/etc/kairos": (name, "ro")}
        assert {user for user, service in services.items() if name in str(service.volumes)} == {"prepare", name}


def test_every_region_that_is_prepared_has_its_worker_and_the_other_way_round() -> None:
    services = compose.services(VARIABLES)
    workers = {name: service for name, service in services.items() if name.startswith("edge-")}
    slugs = {service.environment["KAIROS_REGION"] for service in workers.values()}
    assert {f"edge-{slug}" for slug in slugs} == workers.keys()
    prepare = services["prepare"]
    assert {item.partition(":")[0] for item in prepare.environment["KAIROS_REGIONS"].split(",")} == slugs
    written = {place: source for place, (source, _) in prepare.volumes.items() if place.startswith("/state/")}
    assert written == {f"/state/regions/{slug}": f"edge-{slug}" for slug in slugs}
    for service in workers.values():
        files = {service.environment[name] for name in ("BROKER_URL_FILE", "KAIROS_REGION_KEY_FILE")}
        assert files == {f"/etc/kairos/{name}" for name in (URL_FILE, KEY)}


def test_volume_of_a_region_is_made_for_the_user_who_writes_to_it() -> None:
    """Docker gives a new volume the owner of the image's directory there, and root where there is none."""
    steps = [step.command for _, step in stages()["control"].steps if isinstance(step, Run)]
    (made,) = (command for command in steps if "/state" in command)
    places = set(made.partition("-o 10001 -g 10001 -m 0700")[2].split())
    assert places >= compose.services(VARIABLES)["prepare"].volumes.keys()


def test_every_service_of_ours_is_told_only_what_the_code_reads() -> None:
    code = "\n".join(path.read_text() for top in ("kairos", "probes") for path in (ROOT / top).rglob("*.py"))
    known = set(re.findall(r"\b(?:KAIROS_[A-Z_]+|DATABASE_URL|BROKER_URL|BROKER_URL_FILE)\b", code))
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
