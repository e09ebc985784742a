"""What is sent compressed, and kept for a moment for whoever would be sent the same."""

from collections.abc import Sequence
from typing import Any

from django.urls import URLPattern, path
from django.views.decorators.gzip import gzip_page

from dashboard.live.kept import kept

# Only fragments are: they hold no secret (a CSRF token, say) that their length could tell.


def fragment(view: Any, *, shared: bool = False) -> Any:
    """Serve a view as a fragment. A `shared` one shows the same to all who reach the same and are staff or not."""
    return kept(gzip_page(view), shared=shared)


def whole_and_live(
    route: str, view: Any, whole: str, part: str, *, name: str, shared: bool = False, live: str = ""
) -> Sequence[URLPattern]:
    """Return both addresses of a page that is kept current: `NAME` by the template `whole`, `NAME-live` by `part`.

    The second is `live`, or below the first: which does not go where what lies below is named by people.
    """
    return [
        path(route, view, {"template": f"dashboard/{whole}.html"}, name=name),
        path(
            live or f"{route}live/",
            fragment(view, shared=shared),
            {"template": f"dashboard/{part}.html"},
            name=f"{name}-live",
        ),
    ]
