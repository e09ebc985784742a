"""Which stored credential a check shows."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Protocol

from probes.models import Credential, Region, Resource
from probes.models.among import written
from probes.policy import credentials
from probes.selectors.prepared import Blank, Prepared

_REGISTRIES: Final = Blank("registries")


class Checked(Protocol):
    """What of a resource decides over its credential."""

    @property
    def registry_id(self) -> int: ...
    @property
    def repository(self) -> str: ...
    @property
    def credential_id(self) -> int | None: ...
    @property
    def is_endpoint(self) -> bool: ...


class Keyring:
    """The credentials of some registries that have a secret, which is read unless nobody `opens` it. One query.

    A registry that nothing is written down of yet (None) has none.
    """

    def __init__(self, registry_ids: Iterable[int | None], *, opens: bool = True) -> None:
        self._stored: dict[int, Credential] = {}
        self._candidates: dict[int, dict[int, credentials.Candidate]] = defaultdict(dict)
        known = written(pk for pk in registry_ids if pk is not None)
        for row in _of_registries(opens=opens).read({_REGISTRIES: known}):
            region = row.region.slug if row.region else None
            self._stored[row.pk] = row
            self._candidates[row.registry_id][row.pk] = credentials.Candidate(row.pk, row.repository_prefix, region)

    def shown(self, resource: Checked, region: str) -> Credential | None:
        """Return what a check from the region shows, None for an anonymous one."""
        candidates = self._candidates.get(resource.registry_id, {})
        pinned = candidates.get(resource.credential_id) if resource.credential_id else None
        # No login of a registry is shown to an endpoint of its host unless somebody chose it for that.
        if pinned is None and (resource.credential_id or resource.is_endpoint):
            return None
        chosen = credentials.choose(candidates.values(), repository=resource.repository, region=region, pinned=pinned)
        return self._stored[chosen.id] if chosen else None


@lru_cache
def _of_registries(*, opens: bool) -> Prepared[Credential, Credential]:
    rows = Credential.objects.filter(registry__among=_REGISTRIES).exclude(secret_encrypted=b"")
    return Prepared((rows if opens else rows.defer("secret_encrypted")).select_related("registry", "region"))


def lacking_login(
    resource_ids: Collection[int], regions: Mapping[int, Sequence[Region]]
) -> frozenset[tuple[int, int]]:
    """Return the (resource, region) that show no login where another of the resource's `regions` shows one.

    Two queries. Where nobody has a login there is none missing in one place.
    """
    resources = Resource.objects.filter(pk__in=resource_ids).only(
        "registry_id", "repository", "credential_id", "kind"
    )
    keyring = Keyring({resource.registry_id for resource in resources}, opens=False)
    found: set[tuple[int, int]] = set()
    for resource in resources:
        without = [region.pk for region in regions[resource.pk] if keyring.shown(resource, region.slug) is None]
        if len(without) < len(regions[resource.pk]):
            found.update((resource.pk, region_id) for region_id in without)
    return frozenset(found)
