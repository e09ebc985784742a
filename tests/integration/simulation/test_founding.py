"""What a scenario has is stored as if people had made it."""

from collections.abc import Mapping
from typing import Final

import pytest

from kairos.simulation import founding, scratch
from kairos.simulation.scenario import read_scenario
from probes.models import Resource

START: Final = """\
title: t
starts: 2026-03-02
lasts: 1m
regions: []
groups: {shop: {severity: warning}}
"""
OF_ITS_OWN: Final = ("id", "slug", "reference", "repository", "created_at", "updated_at")


@pytest.mark.usefixtures("scratch_database")
def test_copies_are_what_each_would_be_alone() -> None:
    scratch.clear()
    counted = '{image: "ghcr.io/shop/cart-{n}:7", count: 3, every: 1m, group: shop, depth: blobs, failures: 2}'
    founding.found(read_scenario(f"{START}resources: [{counted}]\n"))
    first, *copies = Resource.objects.order_by("id").values()
    assert [row["repository"] for row in copies] == ["shop/cart-2", "shop/cart-3"]
    assert [row["reference"] for row in copies] == ["ghcr.io/shop/cart-2:7", "ghcr.io/shop/cart-3:7"]
    assert all(_shared(row) == _shared(first) for row in copies)


@pytest.mark.usefixtures("scratch_database")
def test_copies_of_several_registries_have_their_own() -> None:
    scratch.clear()
    founding.found(read_scenario(f'{START}resources: [{{image: "r-{{n}}.example/app:1", count: 2, every: 1m}}]\n'))
    assert [row.registry.host for row in Resource.objects.order_by("id")] == ["r-1.example", "r-2.example"]


def _shared(row: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in OF_ITS_OWN}
