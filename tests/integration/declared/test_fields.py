"""Whatever can be written over the REST API can be declared: each kind has the fields of its body and of its table.

A field of a body that no kind has fails here: give it to its kind in `probes/policy/declared/kinds.py`, or say below
why it is not declared.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from rest_framework.serializers import BaseSerializer, Serializer

from api.serializers.channel import ChannelSerializer, RuleSerializer
from api.serializers.credential import CredentialSerializer, SecretSerializer
from api.serializers.endpoint import HIDDEN, SETTABLE
from api.serializers.group import GroupSerializer
from api.serializers.maintenance import WindowSerializer
from api.serializers.region import RegionSettingsSerializer
from api.serializers.registry import RegistrySerializer
from api.serializers.resource import ResourceSerializer
from api.serializers.schedule import PolicySerializer, ScheduleSerializer
from api.serializers.status_page import StatusGroupSerializer, StatusPageSerializer
from probes.actions.logins import KIND_FIELDS
from probes.models import CredentialKind, Endpoint, Resource
from probes.policy.declared.fields import Field, Shape, frozen
from probes.policy.declared.kinds import KINDS, SECRET_FROM, Kind
from probes.policy.declared.secrets import OF_CHANNEL, OF_CREDENTIAL
from probes.selectors.declared import MODELS, named_by

BODIES: Final[Mapping[Kind, type[Serializer[Any]]]] = {
    Kind.SCHEDULE: ScheduleSerializer,
    Kind.POLICY: PolicySerializer,
    Kind.GROUP: GroupSerializer,
    Kind.REGION: RegionSettingsSerializer,
    Kind.REGISTRY: RegistrySerializer,
    Kind.CREDENTIAL: CredentialSerializer,
    Kind.CHANNEL: ChannelSerializer,
    Kind.RULE: RuleSerializer,
    Kind.STATUS_PAGE: StatusPageSerializer,
    Kind.STATUS_GROUP: StatusGroupSerializer,
    Kind.IMAGE: ResourceSerializer,
    Kind.ENDPOINT: ResourceSerializer,
    Kind.MAINTENANCE_WINDOW: WindowSerializer,
}
NOT_DECLARED: Final[Mapping[Kind, set[str]]] = {
    # A certificate and its key are made where the key is, and are renewed by a program: the REST API takes them.
    Kind.REGISTRY: {"client_identity.certificate", "client_identity.key"},
    # What it is, the document's `kind` says. An image is asked nothing of an endpoint,
    Kind.IMAGE: {"kind", *(f"endpoint.{name}" for name in SETTABLE | {*HIDDEN})},
    # and an endpoint has neither platforms, nor depth, nor a tag.
    Kind.ENDPOINT: {
        "kind",
        "platforms",
        "strict_platform",
        "depth",
        "manifest_cadence_seconds",
        "blobs_cadence_seconds",
        "sample_blobs",
        "check_tag",
        "is_tag_immutable",
    },
    # Secrets are declared by where they come from: see the tests of their parts.
    Kind.CREDENTIAL: {f"secret.{name}" for name in SecretSerializer().fields},
    Kind.CHANNEL: {part.name for part in OF_CHANNEL},
}
"""Fields of bodies that a kind lacks, each with its reason."""


def writable(body: BaseSerializer[Any], prefix: str = "") -> Iterator[str]:
    fields: Any = getattr(body, "fields", {})
    for name, field in fields.items():
        if not field.read_only and getattr(field, "fields", None):
            yield from writable(field, f"{prefix}{name}.")
        elif not field.read_only:
            yield f"{prefix}{name}"


def declared() -> Iterator[Any]:
    for kind in KINDS.values():
        for field in kind.fields:
            yield pytest.param(kind.kind, field, id=f"{kind.kind}.{field.path}")


@pytest.mark.parametrize("kind", Kind)
def test_each_field_that_the_api_takes_can_be_declared(kind: Kind) -> None:
    known = {field.path for field in KINDS[kind].fields if not field.is_secret}

    assert set(writable(BODIES[kind]())) == known | NOT_DECLARED.get(kind, set()) | (
        set() if kind is Kind.REGION else {named_by(kind)}
    )


@pytest.mark.parametrize(("kind", "field"), list(declared()))
def test_each_field_is_of_its_table(kind: Kind, field: Field) -> None:
    model: Any = Endpoint if field.path.startswith("endpoint.") else MODELS[kind]
    if field.is_secret:
        assert isinstance(model.has_secret, property)
        return
    column = model._meta.get_field(field.attribute)  # noqa: SLF001 - Django's documented API

    assert bool(field.refers) == column.is_relation
    if field.refers:
        assert column.related_model is MODELS[field.refers]
        assert column.many_to_many == field.leads_to_many
        return
    if field.choices and column.choices and field.shape is Shape.TEXT:
        assert set(field.choices) == {value for value, _ in column.choices}
    if not field.is_required and not field.is_kept and field.path != "name":
        before = frozen(getattr(model(), field.attribute), field.shape)
        assert (before or None if field.may_be_null else before) == field.default


def test_parts_of_secrets_are_those_of_the_api_and_of_the_action_that_stores_them() -> None:
    fields = SecretSerializer().fields

    assert {part.name: part.attribute for parts in OF_CREDENTIAL.values() for part in parts} == {
        name: field.source for name, field in fields.items()
    }
    assert {
        CredentialKind(kind): tuple(part.attribute for part in parts) for kind, parts in OF_CREDENTIAL.items()
    } == KIND_FIELDS
    assert {kind.kind for kind in KINDS.values() if SECRET_FROM in kind.by_path} == {Kind.CREDENTIAL, Kind.CHANNEL}


def test_resources_of_both_kinds_are_of_one_table() -> None:
    assert MODELS[Kind.IMAGE] is MODELS[Kind.ENDPOINT] is Resource
