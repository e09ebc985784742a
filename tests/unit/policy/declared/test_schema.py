"""The JSON Schema says of documents what reading them says."""

from typing import Any

import jsonschema
import pytest

from probes.policy.declared import schema
from probes.policy.declared.kinds import KINDS
from probes.policy.declared.reading import Reading

VALIDATOR = jsonschema.Draft202012Validator(schema.schema())
ORIGIN = {"env": "A"}


def document(kind: str, spec: Any, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "kairos/v1", "kind": kind, "metadata": {"name": "it", **metadata}, "spec": spec}


def is_read(value: dict[str, Any]) -> bool:
    reading = Reading()
    reading.add_values([value], "body")
    return not reading.faults


def test_it_is_a_schema_of_its_dialect_with_a_name_and_a_version() -> None:
    jsonschema.Draft202012Validator.check_schema(schema.schema())

    assert schema.schema()["$id"] == "urn:kairos:configuration:v1"
    assert schema.text().endswith("}\n")


@pytest.mark.parametrize(
    "value",
    [
        document("Source", {"complete": True, "documents": 0}),
        document("Schedule", {"crontab": "0 * * * *"}),
        document("Policy", {"terms": {"quorum": {"percent": 50}, "severity": None}}),
        document("Policy", {"terms": None}),
        document("Group", None),
        document("Region", {"latitude": 50.11, "longitude": -8}),
        document("Registry", {"resolve": {"a.example": ["10.0.0.1"]}, "plain_http": True}),
        document("Credential", {"registry": "a.example", "expires_at": "2027-01-01T00:00:00Z", "secretFrom": ORIGIN}),
        document("Credential", {"registry": "a.example", "secretFrom": {"password": {"file": "/a"}}}),
        document("Credential", {"registry": "a.example", "kind": "ecr", "secretFrom": {"own_role": True}}),
        document("Channel", {"kind": "webhook", "secretFrom": {"url": ORIGIN, "signing_key": ORIGIN}}),
        document("Rule", {"channel": "c", "topics": ["quota"], "labels": {"team": ""}}),
        document("Image", {"reference": "a:1", "terms": {"uptime_target_percent": 99.9}}, labels={"a": "b"}),
        document("Endpoint", {"reference": "https://a.example", "endpoint": {"headers": {"A": "b"}}}, found_in=["a"]),
        document("StatusPage", {"title": "Registry", "frame_origins": ["*"]}),
        document("StatusGroup", {"page": "p", "group": "g", "public_name": "G", "position": 3}),
        document("MaintenanceWindow", {"starts_on": "2026-03-08", "starts_at": "02:00", "duration_minutes": 60}),
    ],
)  # fmt: skip
def test_what_is_read_is_valid(value: dict[str, Any]) -> None:
    assert is_read(value)
    assert not [error.message for error in VALIDATOR.iter_errors(value)]


@pytest.mark.parametrize(
    "value",
    [
        {},
        {**document("Group", {}), "status": {}},
        {**document("Group", {}), "apiVersion": "kairos/v2"},
        document("Moon", {}),
        document("Source", {}),
        document("Group", {"colour": "red"}),
        document("Group", {"terms": {"colour": "red"}}),
        document("Group", {"terms": {"failures": 0}}),
        document("Group", {"terms": {"severity": "loud"}}),
        document("Group", {}, labels={"a": "b"}),
        document("Group", {}, name="A"),
        document("Registry", {}, name=""),
        document("Image", {}),
        document("Image", {"reference": "a:1", "interval_seconds": "60"}),
        document("Image", {"reference": "a:1", "labels": {"a": "b"}}),
        document("Image", {"reference": "a:1", "platforms": "linux/amd64"}),
        document("Credential", {"registry": "a", "secretFrom": "s3cret"}),
        document("Credential", {"registry": "a", "secretFrom": {"password": "s3cret"}}),
        document("Credential", {"registry": "a", "secretFrom": {"env": "$A"}}),
        document("Credential", {"registry": "a", "secretFrom": {"env": "A", "file": "/a"}}),
        document("Credential", {"registry": "a", "secretFrom": {"file": ""}}),
        document("Credential", {"registry": "a", "secretFrom": {"passwort": ORIGIN}}),
        document("Channel", {"kind": "pigeon"}),
        document("Rule", {"channel": "c", "topics": ["weather"]}),
        document("MaintenanceWindow", {"starts_on": "2026-03-08", "starts_at": "2pm", "duration_minutes": 60}),
        document("MaintenanceWindow", {"starts_on": "8 March", "starts_at": "02:00", "duration_minutes": 60}),
    ],
)
def test_what_is_refused_is_not_valid(value: dict[str, Any]) -> None:
    assert not is_read(value)
    assert not VALIDATOR.is_valid(value)


def test_it_describes_every_field_of_every_kind() -> None:
    found = {
        (kind, ".".join(path))
        for kind in KINDS
        for path in leaves(schema.schema()["$defs"][kind]["properties"]["spec"])
    }

    assert found == {
        (kind.kind, field.path)
        for kind in KINDS.values()
        for field in kind.fields
        if not (field.path == "labels" and kind.has_labels)
    }


def leaves(node: dict[str, Any]) -> list[tuple[str, ...]]:
    if "properties" not in node:
        return [()]
    return [(name, *rest) for name, inner in node["properties"].items() for rest in leaves(inner)]
