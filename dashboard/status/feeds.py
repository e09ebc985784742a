"""Feeds: what happened on a status page, as Atom and RSS. PURE but for Django's writers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.utils.feedgenerator import Atom1Feed, Rss201rev2Feed
from django.utils.html import format_html, format_html_join

from dashboard.status.happenings import Happening, News

KINDS: Final[dict[str, type[Atom1Feed | Rss201rev2Feed]]] = {"atom": Atom1Feed, "rss": Rss201rev2Feed}


def feed(
    kind: type[Atom1Feed | Rss201rev2Feed],
    *,
    title: str,
    page_url: str,
    feed_url: str,
    uid: str,
    items: Sequence[Happening | News],
    now: datetime,
) -> str:
    """Return a feed. Each item keeps its id for ever, and tells when it changed.

    Atom has to say by whom it is (RFC 4287, 4.1.1): by the page, whose title is all that is told of anybody.
    """
    feed = kind(
        title=title,
        link=page_url,
        description=f"{title}: what happened",
        author_name=title,
        feed_url=feed_url,
        feed_guid=uid,
    )
    for item in items:
        feed.add_item(
            title=f"{item.label}: {item.title}",
            link=f"{page_url}history/?month={item.at:%Y-%m}#i-{item.uid}",
            description=_told(item),
            unique_id=f"urn:uuid:{item.uid}",
            unique_id_is_permalink=False,
            pubdate=item.at,
            updateddate=item.changed_at,
            categories=[item.label],
        )
    if not items:
        # Else it would say that it was updated each time that it is read, and Django's feed has no setting for it.
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        feed.latest_post_date = lambda: midnight  # type: ignore[method-assign]  # of this feed alone
    return feed.writeString("utf-8")


def _told(item: Happening | News) -> str:
    """Return what a reader shows: HTML in which all text is escaped."""
    if isinstance(item, News):
        until = f" until {item.until.text}" if item.until else ""
        text = format_html_join(
            "", "<p>{}</p>", ((format_html_join("", "{}<br>", ([line] for line in lines)),) for lines in item.text)
        )
        return text + format_html("<p>From {}{}.</p>", item.began.text, until)
    over = f", until {item.over.text}" if item.over else ""
    facts = format_html_join("", "<p>{}: {}</p>", item.facts)
    return format_html("<p>Since {}{}. {}</p>{}", item.began.text, over, item.sentence, facts)
