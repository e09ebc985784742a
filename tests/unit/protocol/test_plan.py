"""A plan travels as JSON and arrives as it was; anything else is refused."""

import json
from dataclasses import replace
from typing import Any

import pytest

from probes.protocol.plan import ANONYMOUS, Plan, Secret, Site
from probes.protocol.taxonomy import Depth

PLAN = Plan(
    reference="ghcr.io/org/app:1",
    depth=Depth.PLATFORM,
    platforms=("linux/arm64", "linux/amd64"),
    site=Site(
        api_host="mirror.example:8443",
        ca_pem="-----BEGIN CERTIFICATE-----",
        allow_cidrs=("10.0.0.0/8",),
        allow_hosts=("blobs.internal:9000",),
        resolve=(("mirror.example", ("10.0.0.7", "10.0.0.8")),),
        trusted_auth_hosts=("auth.example",),
        plain_http=True,
    ),
    timeout_seconds=12.5,
    strict_platform=True,
    check_tag=True,
    fresh=True,
    reread=False,
    sample_blobs=True,
    rotation=7,
    secret_key="credential-1",
    key="42",
    slot="2026-03-01T12:00:00Z",
)


@pytest.mark.parametrize("plan", [PLAN, Plan(reference="alpine")], ids=["full", "bare"])
def test_plan_arrives_as_it_was_sent(plan: Plan) -> None:
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_what_is_at_its_default_does_not_travel() -> None:
    assert Plan(reference="alpine").to_json() == {
        "v": 3,
        "reference": "alpine",
        "depth": "blobs",
        "platforms": ["linux/amd64"],
        "site": {},
        "timeout_seconds": 25.0,
    }


def test_reference_alone_makes_a_plan() -> None:
    assert Plan.from_json({"reference": "alpine"}) == Plan(reference="alpine")


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"reference": 7},
        {"reference": "a", "depth": "deep"},
        {"reference": "a", "depth": []},
        {"reference": "a", "platforms": "linux/amd64"},
        {"reference": "a", "platforms": [7]},
        {"reference": "a", "timeout_seconds": "25"},
        {"reference": "a", "timeout_seconds": float("nan")},
        {"reference": "a", "timeout_seconds": True},
        {"reference": "a", "site": []},
        {"reference": "a", "site": {"allow_cidrs": "10.0.0.0/8"}},
        {"reference": "a", "site": {"resolve": ["x"]}},
        {"reference": "a", "site": {"resolve": {"x": "10.0.0.7"}}},
        {"reference": "a", "site": {"api_host": None}},
        {"reference": "a", "secret_key": 1},
        {"reference": "a", "rotation": -1},
        {"reference": "a", "rotation": 0.5},
    ],
)
def test_anything_else_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match="not a plan"):
        Plan.from_json(document)


def test_options_must_be_said_outright() -> None:
    """N1, P15, R13, B25."""
    assert not Plan.from_json({"reference": "a", "site": {"plain_http": "yes"}}).site.plain_http
    options = {"strict_platform": 1, "check_tag": "yes", "sample_blobs": [True]}
    assert Plan.from_json({"reference": "a", **options}) == Plan(reference="a")


def test_documents_are_left_unread_only_where_that_is_said_outright() -> None:
    assert Plan.from_json({"reference": "a", "reread": None}).reread
    assert not Plan.from_json({"reference": "a", "fresh": 1}).fresh


def test_secret_shows_its_name_only() -> None:
    """T35."""
    secret = Secret(username="alice", password="wonderland", identity_token="looking-glass", fingerprint="f1")
    assert "wonderland" not in repr(secret)
    assert "looking-glass" not in repr(secret)
    assert ANONYMOUS.is_anonymous
    assert Secret(username="alice").is_anonymous
    assert not secret.is_anonymous


def test_secret_leaves_out_what_is_empty_and_its_fingerprint() -> None:
    secret = Secret(username="alice", password="wonderland", fingerprint="f1")
    assert secret.to_json() == {"username": "alice", "password": "wonderland"}
    assert Secret.from_json(secret.to_json()) == Secret(username="alice", password="wonderland")


def test_material_tells_secrets_apart_that_read_alike_in_a_row() -> None:
    """What is fingerprinted: the boundary between two fields is part of it, the fingerprint is not."""
    secret = Secret(username="alice", password="wonderland", fingerprint="f1")
    assert secret.material == replace(secret, fingerprint="f2").material
    assert secret.material != Secret(username="alicewonder", password="land").material
    assert secret.material != Secret(username="alice", identity_token="wonderland").material


@pytest.mark.parametrize("document", [None, [], {"password": 7}, {"fingerprint": "f1"}, {"passphrase": "wonderland"}])
def test_secret_of_another_make_is_refused_and_not_repeated(document: Any) -> None:
    """T35: nor may what is left of it pass for an anonymous login."""
    with pytest.raises(ValueError, match="secret") as refused:
        Secret.from_json(document)
    assert "wonderland" not in str(refused.value)
