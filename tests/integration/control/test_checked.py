"""What people fill in is held against all constraints of its table at once, and refused in Django's words."""

from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from probes.models import Channel, Credential, Endpoint, MaintenanceWindow, Region, Registry, Resource
from probes.models.checked import Checked
from probes.models.named import Named

pytestmark = pytest.mark.django_db


def refusal(row: models.Model, validate: Any, *exclude: str) -> dict[str, list[str]]:
    """Return the messages by field, none for a row that may be stored."""
    try:
        validate(row, set(exclude))
    except ValidationError as error:
        return error.message_dict
    return {}


def refusals(row: models.Model, *exclude: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return ours, and those of Django, which asks for each constraint by itself."""
    ours = refusal(row, type(row).validate_constraints, *exclude)
    to_be_made = ("slug",) if isinstance(row, Named) and not row.slug else ()
    return ours, refusal(row, models.Model.validate_constraints, *exclude, *to_be_made)


def image(**values: Any) -> Resource:
    return Resource(**{"reference": "ghcr.io/org/app:1", "tag": "1", **values})


def test_good_row_takes_one_look() -> None:
    with CaptureQueriesContext(connection) as captured:
        image().validate_constraints()
    looks = [query for query in captured.captured_queries if query["sql"].startswith("SELECT")]
    assert len(looks) == 1
    assert len(captured) == 3  # it lies within a savepoint


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ({}, 0),
        ({"depth": None, "quorum_votes": None}, 0),
        ({"interval_seconds": 0}, 1),
        ({"platforms": []}, 1),
        ({"interval_seconds": 0, "depth": "bottom", "manifest_cadence_seconds": 0}, 3),
        ({"quorum_votes": 1, "quorum_percent": 50}, 1),
    ],
)
def test_row_is_refused_for_what_the_database_would_not_take(values: dict[str, Any], broken: int) -> None:
    ours, djangos = refusals(image(**values))
    assert ours == djangos
    assert len(ours.get("__all__", [])) == broken


def test_constraint_of_a_field_that_is_left_out_is_not_looked_at() -> None:
    row = image(depth="bottom", interval_seconds=0)
    ours, djangos = refusals(row, "interval_seconds")
    assert ours == djangos
    assert ours == {"__all__": ["Constraint “resource_depth_is_known” is violated."]}
    assert refusals(row, "interval_seconds", "depth") == ({}, {})


def test_second_of_its_kind_is_refused_though_all_else_is_well() -> None:
    place = {"registry": Registry.objects.create(host="ghcr.io"), "username": "robot"}
    Credential.objects.create(**place)
    ours, djangos = refusals(Credential(**place))
    assert ours == djangos
    assert ours == {"__all__": ["There is a credential for this registry and prefix already."]}


def test_value_that_the_database_cannot_even_look_at_hides_no_other() -> None:
    # A text with a NUL is no text to PostgreSQL: Django then takes the constraint for kept.
    ours, djangos = refusals(image(depth="a\0b", interval_seconds=0))
    assert ours == djangos
    assert ours == {"__all__": ["Constraint “resource_interval_in_range” is violated."]}


def test_every_model_that_people_fill_in_is_looked_at_alike() -> None:
    looked_at = [model for model in apps.get_app_config("probes").get_models() if issubclass(model, Checked)]
    assert {Resource, Endpoint, Registry, Region, Channel, Credential, MaintenanceWindow} <= {*looked_at}
    for model in looked_at:
        ours, djangos = refusals(model())  # with nothing in it
        assert ours == djangos, model
