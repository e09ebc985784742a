"""What a newcomer reads when everything runs."""

from collections.abc import Iterable, Mapping
from typing import Any

from kairos.environment import Bind, RegionName


def url(bind: Bind) -> str:
    """Return the address to open in a browser here, also where every address is listened on."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind.host, bind.host)  # noqa: S104 - compared, not bound
    return f"http://{Bind(host, bind.port)}/"


def text(
    bind: Bind, regions: Iterable[RegionName], prepared: Mapping[str, Any], more: Iterable[tuple[str, str]] = ()
) -> str:
    """Return the lines. `prepared` is the report of `manage.py prepare`."""
    user, password = prepared["admin"], prepared["admin_password"]
    login = f"{user} / {password}   (shown this once)" if password else user
    lines = (
        ("dashboard", url(bind)),
        ("admin", f"{url(bind)}admin/"),
        ("log in as", login),
        ("forgotten?", f"python manage.py changepassword {user}"),
        ("regions", ", ".join(region.slug for region in regions) or "none"),
        *more,
        ("stop with", "Ctrl-C"),
    )
    return "\n".join(["  Kairos is up.", "", *(f"    {name:<11} {value}" for name, value in lines)])
