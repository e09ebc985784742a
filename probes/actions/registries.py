"""Storing how registries are reached, and giving up those that nothing uses."""

from datetime import datetime

from probes.actions import secrets
from probes.models import Registry
from probes.selectors.registries import User, users_of


class RegistryUsed(Exception):
    """What a registry was to be deleted from under. `users` are of which kinds they are, how many, and some names."""

    def __init__(self, users: list[User]) -> None:
        self.users = users
        said = "; ".join(user.told for user in users)
        super().__init__(f"It cannot be deleted: in use by {said}.")


def save(
    registry: Registry, *, certificate: str = "", key: str = "", is_identity_removed: bool = False, now: datetime
) -> None:
    """Store a registry that `full_clean` has accepted, with the client certificate that was pasted, if one was.

    Both are PEM; what is empty of both leaves what is stored, unless that is to be removed. Raises `IdentityRefused`
    as `read_identity` does, and then nothing is stored.
    """
    if certificate or key:
        secrets.store_identity(registry, certificate=certificate, key=key, now=now)
    elif is_identity_removed:
        secrets.forget_identity(registry)
    else:
        registry.save()


def delete(registry: Registry) -> None:
    """Delete a registry with what was learnt of it. Raises `RegistryUsed` while something names it.

    A rule that names registries and loses the last would ask for the notices of all; a credential would go with it.
    """
    if users := users_of(registry):
        raise RegistryUsed(users)
    registry.delete()
