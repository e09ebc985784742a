"""`manage.py up --demo` as tests see it: what its database says, and what its images are known to do."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from kairos.demo.script import IMAGES, REGIONS, ScriptedImage
from kairos.demo.setup import STATUS_PAGE
from probes.protocol.taxonomy import Reason
from tests.browser.filters import Rows, shown
from tests.browser.pages import Ids
from tests.fakes.up import Up

SEEN: Final = """
    SELECT resource.repository, region.slug, state.reason
      FROM probes_regionstate AS state
      JOIN probes_resource AS resource ON resource.id = state.resource_id
      JOIN probes_region AS region ON region.id = state.region_id
"""
VERDICTS: Final = """
    SELECT DISTINCT CASE WHEN resource.paused_at IS NULL THEN verdict.state ELSE 'paused' END
      FROM probes_resource AS resource LEFT JOIN probes_verdict AS verdict ON verdict.resource_id = resource.id
"""
EGRESS: Final = """
    SELECT DISTINCT worker.value -> 'egress' ->> 'state'
      FROM probes_region AS region, jsonb_each(region.heartbeat -> 'workers') AS worker
"""
OPEN: Final = """
    SELECT resource.repository, incident.id
      FROM probes_incident AS incident JOIN probes_resource AS resource ON resource.id = incident.resource_id
     WHERE incident.resolved_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One that runs."""

    run: Up

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.run.port}"

    @property
    def login(self) -> tuple[str, str]:
        """The name and the password that it tells whoever starts it."""
        name, password = self._told(r"log in as +(\S+) / (\S+)")
        return name, password

    @property
    def open_incidents(self) -> dict[str, int]:
        return dict(self.rows(OPEN))

    @property
    def image_ids(self) -> dict[str, int]:
        return dict(self.rows("SELECT repository, id FROM probes_resource"))

    @property
    def ids(self) -> Ids:
        """What stands in the addresses of its pages."""
        return Ids(
            good=self.image_ids["shop/checkout"],
            bad=self.image_ids["shop/recommendations"],
            incident=self.open_incidents["payments/ledger"],
            group="demo-shop",
            registry=self.host("registry"),
            status=STATUS_PAGE,
        )

    def host(self, site: str) -> str:
        """Return what one of its registries is called here: `hub.kairos.test:5443`, say."""
        (port,) = self._told(r"https://registry\.kairos\.test:(\d+) at")
        return f"{site}.kairos.test:{port}"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect((self.run.state / "database-url").read_text().strip()) as connection:
            return connection.execute(query.encode()).fetchall()

    def unexpected(self) -> list[tuple[str, str, str | None]]:
        """Return what is not seen as the script says: image, region and what is seen instead, None for nothing."""
        seen = {(repository, region): reason for repository, region, reason in self.rows(SEEN)}
        return [
            (scripted.repository, region, reason)
            for scripted in IMAGES
            for region in REGIONS
            if not scripted.check.paused
            and (
                not (reason := seen.get((scripted.repository, region)))
                or Reason(reason) not in scripted.reasons(region)
            )
        ]

    def _told(self, pattern: str) -> tuple[str, ...]:
        found = re.search(pattern, self.run.output)
        assert found, self.run.output
        return found.groups()


def images(which: Callable[[ScriptedImage], bool]) -> Rows:
    """Return those of its images that are so."""
    return shown(*(scripted.repository for scripted in IMAGES if which(scripted)))


def of_team(team: str) -> Rows:
    return images(lambda scripted: scripted.repository.startswith(f"{team}/"))


def are_well() -> Rows:
    return images(lambda scripted: set(scripted.expected.values()) == {(Reason.OK,)} and not scripted.check.paused)
