"""`manage.py load_samples`: a handful of well-known public images."""

from typing import Any, Final

from django.core.management.base import BaseCommand
from django.utils import timezone

from probes.actions import resources
from probes.models import Resource

# Slow enough to be polite: five minutes at the least, and a HEAD each time while nothing changes.
SAMPLES: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "Alpine",
        "reference": "docker.io/library/alpine:latest",
        "platforms": ["linux/amd64", "linux/arm64", "linux/arm/v7"],
    },
    {"name": "Redis", "reference": "docker.io/library/redis:latest"},
    {"name": "GitHub super-linter", "reference": "ghcr.io/super-linter/super-linter:latest"},
    {"name": "Prometheus node exporter", "reference": "quay.io/prometheus/node-exporter:latest"},
    {"name": "Kubernetes pause", "reference": "registry.k8s.io/pause:3.9"},
    {
        "name": "Kubernetes pause, by digest",
        "reference": "registry.k8s.io/pause@sha256:7031c1b283388d2c2e09b57badb803c05ebed362dc88d84b480cc47f72a21097",
        "interval_seconds": 900,
    },
    {"name": ".NET runtime", "reference": "mcr.microsoft.com/dotnet/runtime:8.0"},
)
INTERVAL_SECONDS: Final = 300


class Command(BaseCommand):
    help = "Add a few well-known public images, those that are not there yet, checked every five minutes or slower."

    def handle(self, **_: Any) -> None:
        known = set(Resource.objects.values_list("reference", flat=True))
        missing = [sample for sample in SAMPLES if sample["reference"] not in known]
        now = timezone.now()
        for sample in missing:
            resources.save(
                Resource(**{"interval_seconds": INTERVAL_SECONDS, "labels": {"sample": "yes"}, **sample}), now=now
            )
        print(f"{len(missing)} sample images added, {len(SAMPLES) - len(missing)} were there")
