"""Reads what a status page shows, and has it put in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from dashboard.status.board import DAYS, Board, board, group_lines
from dashboard.status.happenings import Happening, News, Teller, news
from probes.models import Announcement, StatusGroup, StatusPage
from probes.policy.intervals import Interval
from probes.policy.publishing import Audience, Naming
from probes.selectors import maintenance, status_incidents, status_pages
from probes.selectors.status_incidents import Episode

if TYPE_CHECKING:
    from django.db.models import QuerySet

MOST_NEWS: Final = 10
MOST_OPEN: Final = 30
MOST_PAST: Final = 20
_MOST_READ: Final = 1000
"""Of what is going on or over, before what is told as one is put together: its first time is that of them all."""
MOST_OF_MONTH: Final = 200
MOST_OF_FEED: Final = 30
_PAST: Final = timedelta(days=14)
_OF_FEED: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Reader:
    """A page before an audience at a moment, with the groups that it sees of it."""

    page: StatusPage
    audience: Audience
    now: datetime
    groups: Sequence[StatusGroup]

    @classmethod
    def of(cls, page: StatusPage, audience: Audience, now: datetime) -> "Reader":
        """Read which groups are shown. One query."""
        return cls(page, audience, now, status_pages.groups_of(page, audience))

    def board(self) -> Board:
        """Return the page as it stands. Fifteen queries at most, whatever there is to tell."""
        work = maintenance.on(self.now)
        counts = status_pages.standings(self.groups, work, now=self.now)
        images = status_pages.images(self.groups, work, now=self.now)
        span = status_pages.rolled_up(days=DAYS, now=self.now)
        of_groups = status_pages.record_of_groups(self._ids, span)
        listed = [image.resource.pk for found in images.values() for image in found]
        of_images = status_pages.record_of_images(listed, span)
        are_open = status_incidents.open_episodes(self._ids, _MOST_READ)
        are_over = status_incidents.past_episodes(self._ids, self._last(_PAST), _MOST_READ)
        on = {(item.key, item.group_id) for item in are_open}  # of an outage that is not over, older ones may be open
        found = self._as_one([*are_open, *(item for item in are_over if (item.key, item.group_id) not in on)])
        going_on = [item for item in found if item.is_open][:MOST_OPEN]
        past = [item for item in found if not item.is_open][:MOST_PAST]
        told = self._told([*going_on, *past])
        rows = status_pages.on_now(self.page, self.audience, MOST_NEWS, now=self.now)
        return board(
            self.page,
            group_lines(self.groups, counts, images, of_groups, of_images),
            news=news(self.page, rows, self.now),
            going_on=told[: len(going_on)],
            past=told[len(going_on) :],
            now=self.now,
        )

    def brief(self) -> Board:
        """Return the page without its history: how its groups stand, and what is announced. Four queries at most."""
        counts = status_pages.standings(self.groups, maintenance.on(self.now), now=self.now)
        nothing = status_pages.Record(self.now, self.now, {})
        rows = status_pages.on_now(self.page, self.audience, MOST_NEWS, now=self.now)
        lines = group_lines(self.groups, counts, {}, nothing, nothing)
        return board(self.page, lines, news=news(self.page, rows, self.now), going_on=(), past=(), now=self.now)

    def of_month(self, over: Interval) -> tuple[Sequence[Happening | News], bool]:
        """Return what began in a month, and whether that is not all of it. Four queries at most."""
        read = status_incidents.episodes(self._ids, over, _MOST_READ)
        found = self._as_one(read)
        rows = list(self._announced(over)[:MOST_OF_MONTH])
        is_cut = len(read) == _MOST_READ or len(found) > MOST_OF_MONTH or len(rows) == MOST_OF_MONTH
        return [*self._told(found[:MOST_OF_MONTH]), *news(self.page, rows, self.now)], is_cut

    def latest(self) -> Sequence[Happening | News]:
        """Return what a feed tells of: the last that changed, newest first. Four queries at most."""
        found = self._as_one(status_incidents.episodes(self._ids, self._last(_OF_FEED), _MOST_READ))
        found = sorted(found, key=lambda item: item.changed_at, reverse=True)[:MOST_OF_FEED]
        rows = self._announced(self._last(_OF_FEED))[:MOST_OF_FEED]
        told: list[Happening | News] = [*self._told(found), *news(self.page, rows, self.now)]
        return sorted(told, key=lambda item: (item.changed_at, item.uid), reverse=True)[:MOST_OF_FEED]

    @property
    def _ids(self) -> list[int]:
        return [entry.group_id for entry in self.groups]

    def _last(self, span: timedelta) -> Interval:
        return Interval(self.now - span, self.now + timedelta(seconds=1))

    def _as_one(self, episodes: Sequence[Episode]) -> Sequence[Episode]:
        """Put together what overlaps in groups that do not say how many images they have."""
        together, by_name = (
            [entry.group_id for entry in self.groups if entry.naming == naming]
            for naming in (Naming.TOGETHER, Naming.NAMES)
        )
        return status_incidents.as_one(episodes, together, by_name)

    def _announced(self, over: Interval) -> "QuerySet[Announcement]":
        shown = status_pages.announcements(self.page, self.audience, now=self.now)
        return shown.filter(starts_at__gte=over.start, starts_at__lt=over.end)

    def _told(self, episodes: Sequence[Episode]) -> list[Happening]:
        are_named = any(entry.naming != Naming.TOGETHER for entry in self.groups)
        teller = Teller(
            page=self.page,
            groups={entry.group_id: entry for entry in self.groups},
            subjects=status_incidents.subjects_of(episodes) if are_named else {},
            regions=status_incidents.regions_of(episodes) if self.page.shows_regions else {},
            now=self.now,
        )
        return teller.happenings(episodes)
