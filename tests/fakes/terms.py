"""Terms for tests that are about something else than terms."""

from typing import Any

from probes.models import GlobalTerms


def at_the_first_failure(**values: Any) -> None:
    """Let one failure turn a region bad and one good check turn it good again, for all resources."""
    GlobalTerms.objects.update_or_create(pk=1, defaults={"failures": 1, "recoveries": 1, **values})
