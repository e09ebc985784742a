"""Declarations applied to a database, as a command line would.

What needs models is imported in the fixtures: pytest may read this file before Django is set up.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from probes.policy.declared.planning import Wishes
from probes.policy.declared.reading import Reading
from probes.policy.declared.secrets import Origin, Unresolved

if TYPE_CHECKING:
    from probes.actions.applying import Applied

Apply = Callable[..., "Applied"]


def read(text: str) -> Reading:
    reading = Reading()
    reading.add_text(text, "kairos.yaml")
    return reading


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def apply(db: None, now: datetime) -> Apply:
    """Apply a text; `prune`, `adopt`, `any_share` and `dry_run` as on the command line, `secrets` by variable."""
    from probes.actions import applying  # noqa: PLC0415 - see above

    def done(
        text: str,
        *,
        dry_run: bool = False,
        at: datetime = now,
        secrets: Mapping[str, str] | None = None,
        prune: bool = False,
        adopt: bool = False,
        any_share: bool = False,
    ) -> "Applied":
        def resolve(origin: Origin) -> str:
            try:
                return (secrets or {})[origin.where]
            except KeyError:
                raise Unresolved(f"There is no variable {origin.where} in the environment.") from None

        reading = read(text)
        wishes = Wishes(source=reading.source, prune=prune, adopt=adopt, any_share=any_share)
        return applying.apply(reading, wishes, now=at, resolve=resolve, dry_run=dry_run)

    return done
