"""Which hosts belong to one owner, by the Public Suffix List.

Source: behaviour row T5 and part F. Suffixes under which anyone can rent a name count as public, so that one
tenant's registry cannot name another tenant's host as its own. The list ships with `publicsuffixlist`.
"""

import ipaddress
from functools import cache, lru_cache
from typing import Final

from publicsuffixlist import PublicSuffixList

SHARED_SUFFIXES: Final = (
    "azurecr.io", "data.azurecr.io", "amazonaws.com", "pkg.dev", "gcr.io", "jfrog.io", "ocir.io",
    "scw.cloud", "digitaloceanspaces.com", "cloudfront.net", "core.windows.net", "web.app",
)  # fmt: skip


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str | None:
    """Return the domain that one owner registered, or None for an address or a public suffix itself."""
    name = host.rstrip(".").lower()
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        pass
    else:
        return None
    if any(name.endswith(f".{suffix}") for suffix in SHARED_SUFFIXES):
        return name  # a rented name: nothing beside it is known to have the same owner
    listed: str | None = _suffixes().privatesuffix(name)
    return None if listed in SHARED_SUFFIXES else listed


def same_owner(one: str, other: str) -> bool:
    """Tell whether both are one host (on whatever ports), or lie under one registered domain."""
    domain = registrable_domain(one)
    return one == other or (domain is not None and domain == registrable_domain(other))
