"""Who looks at a status page."""

from typing import Any

from django.http import HttpRequest

from probes.policy.access import Role
from probes.policy.publishing import EVERYBODY, Audience
from probes.selectors.access import access_of


def audience_of(request: HttpRequest) -> Audience:
    """Return who asks: with a login as far as its viewer's role reaches, whoever else may read the dashboard.

    Also where everybody may read that: then nobody has logged in, and a status page shows what is public.
    """
    user: Any = request.user
    if not user.is_authenticated:
        return EVERYBODY
    return Audience(is_signed_in=True, reach=access_of(user).reach(Role.VIEWER))
