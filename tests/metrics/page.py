"""The page: what each family tells, and how many series there are of it."""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import django

from probes.policy.counting import BOUNDS_SECONDS

if TYPE_CHECKING:
    from api.metrics.exposition import Family

_BEGINNING: Final = """\
# Metrics

What `/metrics` tells, for Prometheus. Made from the code: `make metrics`. How to scrape it, the alerts and the
dashboards: [Watch Kairos with Prometheus](../how-to/prometheus.md); why it is as it is:
[ADR 32](../adr/0032-metrics.md).

The format is Prometheus' text 0.0.4, or OpenMetrics 1.0 where `Accept` names it. Whoever has `KAIROS_METRICS_TOKEN`
may read it (`Authorization: Bearer …`), whoever has a token of the API (`Bearer …` or `Token …`), and whoever is
logged in; nobody else.

Names follow [Prometheus' conventions](https://prometheus.io/docs/practices/naming/): base units, `_total` of what
only grows, `_info` of what is always 1. What is one of several states has a series for each, which is 1 for the state
that holds and 0 for the others. Times are seconds since 1970: `time() - …` is how long ago.

`id` is the resource's number, as in `/resources/ID/`; `resource` is its reference (of a URL without its query
values); `registry` is its registry's host, or that of its URL; `group` is empty where it has none.

## How many series

| setting | value | effect |
|---|---|---|
| `KAIROS_METRICS_PER_RESOURCE` | `all` (default) | every resource has series of its own |
| | `bad` | only those that are neither available nor paused |
| | `none` | none; what is told of all together remains |
| `KAIROS_METRICS_PER_REGISTRY` | `1` (default) | registries are told apart |
| | `0` | all of them together, with an empty `registry` |

A scrape may say otherwise for itself: `/metrics?resources=bad`.
"""


def page() -> str:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kairos.settings")
    django.setup()
    from api.metrics import of_all, of_regions, of_resources, of_surroundings  # noqa: PLC0415 - models, once Django is set up

    return "\n".join(
        (
            _BEGINNING,
            "## Of all together\n",
            *_table(of_all.SAMPLES),
            "\nBounds of the histograms' buckets, in seconds: "
            + ", ".join(f"{bound:g}" for bound in BOUNDS_SECONDS)
            + ".\n",
            "## Of each region that is not retired\n",
            *_table(of_regions.SAMPLES),
            "\n## Of certificates, quotas and notices\n",
            *_table(of_surroundings.SAMPLES),
            "\n## Of each resource\n",
            *_table(of_resources.SAMPLES),
            "",
        )
    )


def _table(families: Mapping["Family", Any]) -> Iterator[str]:
    yield "| name | type | labels | what it tells |"
    yield "|---|---|---|---|"
    for family in families:
        labels = ", ".join(f"`{label}`" for label in family.labels)
        yield f"| `{family.name}` | {family.kind} | {labels} | {family.text} |"
