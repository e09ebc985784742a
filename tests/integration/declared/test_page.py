"""The page on configuration files is true: its examples are valid and applied, and it names every field."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from probes.models import Region, Resource
from probes.policy.declared import schema
from probes.policy.declared.kinds import CHECKED, KINDS, Kind
from tests.integration.declared.conftest import Apply

DOCS = Path(__file__).parents[3] / "docs" / "reference"
PAGE = (DOCS / "configuration.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
SECRETS = {
    "GHCR_PASSWORD": "correct horse",
    "ON_CALL_URL": "https://hooks.example/T0KEN",
    "/run/secrets/on-call-key": "a signing key of a webhook",
}


def documents(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def test_published_schema_is_what_the_code_says() -> None:
    assert (DOCS / "configuration.schema.json").read_text(encoding="utf-8") == schema.text()


@pytest.mark.parametrize("text", EXAMPLES)
def test_each_example_is_valid(text: str) -> None:
    validator = jsonschema.Draft202012Validator(schema.schema())

    assert documents(text)
    assert not [error.message for item in documents(text) for error in validator.iter_errors(item)]


def test_examples_are_of_every_kind() -> None:
    assert {item["kind"] for text in EXAMPLES for item in documents(text)} == {"Source", *KINDS}


def test_examples_are_applied_and_then_nothing_is_to_do(apply: Apply, now: datetime) -> None:
    Region.objects.create(slug="eu-west", name="Europe")
    first, settings = EXAMPLES

    for text in (settings, first):
        assert not apply(text, secrets=SECRETS).is_nothing
    assert {row.slug for row in Resource.objects.all()} == {"ghcr.io_shop_web_1.2", "shop-health"}
    for text in (settings, first):
        assert apply(text, secrets=SECRETS).is_nothing


@pytest.mark.parametrize("kind", Kind)
def test_page_names_every_field_of_a_kind(kind: Kind) -> None:
    (row,) = re.findall(
        rf"^\| `{kind}` \|(.*)\|$", PAGE.partition("\n## Kinds\n")[2].partition("\n## ")[0], re.MULTILINE
    )
    nested = PAGE.partition("\n`terms` are ")[2].partition("\n\n")[0]
    paths = [
        field.path.split(".") for field in KINDS[kind].fields if not (field.path == "labels" and kind in CHECKED)
    ]

    assert not [path for path in paths if f"`{path[0]}`" not in row]
    assert not [path for path in paths if any(f"`{name}`" not in nested for name in path[1:])]
