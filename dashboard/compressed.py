"""What is sent compressed, and kept for a moment for whoever would be sent the same."""

from typing import Any

from django.views.decorators.gzip import gzip_page

from dashboard.live.kept import kept

# Only fragments are: they hold no secret (a CSRF token, say) that their length could tell.


def fragment(view: Any, *, shared: bool = False) -> Any:
    """Serve a view as a fragment. A `shared` one shows the same to all who reach the same and are staff or not."""
    return kept(gzip_page(view), shared=shared)
