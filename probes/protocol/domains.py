"""Which hosts belong to one owner, by the Public Suffix List.

Source: behaviour row T5 and part F. Suffixes under which anyone can rent a name count as public, so that one
tenant's registry cannot name another tenant's host as its own. The list ships with `publicsuffixlist`.
"""

import ipaddress
from functools import cache, lru_cache
from typing import Final

from publicsuffixlist import PublicSuffixList

# What the list lacks, or has only in part. `tests/unit/protocol/test_domains.py` says which host stands for which.
SHARED_SUFFIXES: Final = (
    # registries, one name a customer
    "azurecr.io", "azurecr.us", "azurecr.cn", "pkg.dev", "gcr.io", "ocir.io", "jfrog.io", "cloudsmith.io",
    "scw.cloud", "tencentcloudcr.com", "myhuaweicloud.com", "ovh.net",
    # clouds, whose load balancers, buckets and machines have names beside the registries
    "amazonaws.com", "amazonaws.com.cn", "on.aws", "core.windows.net", "core.usgovcloudapi.net", "chinacloudapi.cn",
    "cloudapp.azure.com", "azurecontainerapps.io", "googleapis.com", "appdomain.cloud", "your-server.de",
    # storage and delivery
    "cloudfront.net", "cloudflarestorage.com", "digitaloceanspaces.com", "backblazeb2.com", "wasabisys.com",
    "linodeobjects.com", "vultrobjects.com", "b-cdn.net", "fastly.net", "akamaized.net", "edgekey.net", "web.app",
    # names that spell any address
    "nip.io", "sslip.io",
)  # fmt: skip
_RENTED: Final = tuple(f".{suffix}" for suffix in SHARED_SUFFIXES)


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
    if name.endswith(_RENTED):
        return name  # a rented name: nothing beside it is known to have the same owner
    listed: str | None = _suffixes().privatesuffix(name)
    return None if listed in SHARED_SUFFIXES else listed


def same_owner(one: str, other: str) -> bool:
    """Tell whether both are one host (on whatever ports), or lie under one registered domain."""
    if one == other:
        return True  # nobody's list is needed to tell
    domain = registrable_domain(one)
    return domain is not None and domain == registrable_domain(other)
