"""A status page for programs. PURE."""

from typing import Any

from dashboard.status.board import Board
from dashboard.status.happenings import Happening, News


def summary(shown: Board) -> dict[str, Any]:
    """Return what the page tells, as JSON has it. Times are RFC 3339; `standing` is a word of `policy.publishing`."""
    return {
        "page": {"slug": shown.slug, "title": shown.title},
        "standing": shown.standing.value,
        "sentence": shown.sentence,
        "groups": [
            {
                "slug": group.slug,
                "name": group.name,
                "standing": group.standing.value,
                f"uptime_{shown.days}d": group.uptime or None,
                "images": [
                    {"name": line.name, "state": line.look.value, f"uptime_{shown.days}d": line.uptime or None}
                    for line in group.lines
                ],
            }
            for group in shown.groups
        ],
        "announcements": [_news(item) for item in shown.news],
        "incidents": [_happening(item) for item in (*shown.going_on, *shown.past)],
    }


def _news(item: News) -> dict[str, Any]:
    return {
        "id": item.uid,
        "kind": item.label.lower(),
        "title": item.title,
        "text": item.plain,
        "starts_at": item.began.iso,
        "expires_at": item.until.iso if item.until else None,
        "is_pinned": item.is_pinned,
    }


def _happening(item: Happening) -> dict[str, Any]:
    return {
        "id": item.uid,
        "title": item.title,
        "began_at": item.began.iso,
        "resolved_at": item.over.iso if item.over else None,
        "facts": dict(item.facts),
    }
