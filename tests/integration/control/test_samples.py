"""The images that a new installation starts with."""

import pytest
from django.core.management import call_command

from probes.models import Registry, Resource

pytestmark = pytest.mark.django_db


def test_samples_are_loaded_once_and_slow_enough_to_be_polite(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_samples")
    call_command("load_samples")
    count = Resource.objects.count()
    assert capsys.readouterr().out.splitlines() == [
        f"{count} sample images added, 0 were there",
        f"0 sample images added, {count} were there",
    ]
    assert not Resource.objects.filter(interval_seconds__lt=300).exists()
    assert not Resource.objects.exclude(depth=None).exists()


def test_samples_come_from_all_large_registries(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_samples")
    hosts = set(Registry.objects.values_list("host", flat=True))
    assert hosts == {"docker.io", "ghcr.io", "quay.io", "registry.k8s.io", "mcr.microsoft.com"}
    assert Resource.objects.exclude(digest="").count() == 1
    assert Resource.objects.filter(platforms__len__gt=1).count() == 1
