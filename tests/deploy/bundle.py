"""The files of a region as deploy/edge has them, with values for their placeholders."""

from pathlib import Path
from string import Template
from typing import Any, Final

import yaml

from tests.deploy.dockerfile import ROOT

DIRECTORY: Final = ROOT / "deploy" / "edge"
HOME: Final = "/etc/kairos"
VALUES: Final = {
    "region": "eu-west",
    "region_name": "Europe West",
    "name": "kairos-edge-eu-west",
    "image": "registry.example/kairos-edge:0.1.0",
    "home": HOME,
    "broker_ca_volume": f"      - ./broker-ca.pem:{HOME}/broker-ca.pem:ro",
}


def rendered(name: str) -> str:
    return Template((DIRECTORY / name).read_text(encoding="utf-8")).substitute(VALUES)


def compose_service() -> dict[str, Any]:
    service: dict[str, Any] = yaml.safe_load(rendered("docker-compose.yml"))["services"]["edge"]
    return service


def volumes(service: dict[str, Any], directory: Path) -> dict[str, tuple[Path, str]]:
    """Return what the compose file mounts from `directory`, by place."""
    split = (text.split(":") for text in service["volumes"])
    return {place: (directory / source, mode) for source, place, mode in split}
