"""The secrets of one batch, each handed out only for the place it is bound to."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from nacl.public import PrivateKey

from probes.protocol.check import CheckPlan, Target
from probes.protocol.plan import ANONYMOUS, Secret
from probes.trust.sealing import BoundSecret, SealError, open_sealed
from probes.wire.identity import IdentityUnusable, check_identity


class SecretRefused(Exception):
    """A plan that asks for a secret it may not have; the message is for the operator."""


class Keyring:
    """The opened secrets of a batch by their keys. One that opens with none of the region's `keys` is None."""

    def __init__(self, sealed: Mapping[str, str], keys: Sequence[PrivateKey]) -> None:
        self._secrets = {name: _opened(text, keys) for name, text in sealed.items()}
        self._identities: dict[str, str] = {}  # what is wrong with the client certificate of each, or nothing

    def secret_for(self, plan: CheckPlan, target: Target | None) -> Secret:
        """Return the secret for `plan`. Raises `SecretRefused` when it is missing, unreadable or bound elsewhere.

        A plan that names nothing to ask gets none: its check ends at the parser, before any packet.
        """
        if not plan.secret_key or target is None:
            return ANONYMOUS
        if plan.secret_key not in self._secrets:
            raise SecretRefused("The batch does not hold the credential of this check.")
        bound = self._secrets[plan.secret_key]
        if bound is None:
            raise SecretRefused(
                "The credential does not open with this region's key; `manage.py region rotate` gives it new ones."
            )
        if not bound.allows(target.host, target.path):
            raise SecretRefused(
                "The credential is for another host, or for what is elsewhere on it; nothing was sent."
            )
        if bound.secret.client_identity:
            self._check_identity(plan.secret_key, bound.secret.client_identity)
        return bound.secret

    def _check_identity(self, name: str, pem: str) -> None:
        """Refuse a client certificate that TLS would not take; one look for all plans that use it."""
        if name not in self._identities:
            try:
                check_identity(pem)
            except IdentityUnusable as error:
                self._identities[name] = str(error)
            else:
                self._identities[name] = ""
        if why := self._identities[name]:
            raise SecretRefused(f"{why[0].upper()}{why[1:]}.")


def _opened(text: str, keys: Sequence[PrivateKey]) -> BoundSecret | None:
    for key in keys:
        with suppress(SealError):
            return open_sealed(text, key)
    return None
