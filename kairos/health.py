"""What an orchestrator or a load balancer asks: does this process run, and does the whole work."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """Answer 200 while this process serves requests; nothing else is looked at."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")
