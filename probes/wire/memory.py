"""What a process remembers between checks: logins, documents, and which registries refuse HEAD.

Source: behaviour table, E.2; ADR 14 says what is kept, for how long, and why it hides nothing. Never kept: what a tag
points at, whether a blob is there, and any failure (the pause after a 429 apart, `probes.wire.cooldown`).
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from probes.protocol.conversation import Document, Memory
from probes.protocol.digest import Digest
from probes.protocol.plan import ANONYMOUS, Secret
from probes.protocol.urls import Origin
from probes.wire.shelf import Shelf

MAX_TOKEN_SECONDS: Final = 300.0
CHALLENGE_SECONDS: Final = 3600.0
NO_HEAD_SECONDS: Final = 24 * 3600.0
_ENTRY_BYTES: Final = 512  # about what Python takes for an entry besides its text


class RegistryKey(NamedTuple):
    """A registry as a route's profile leads there: nothing is shared between two profiles."""

    origin: Origin
    profile: str


class LoginKey(NamedTuple):
    """Whose login it is: of one secret, for one repository, had with the leave to ask these hosts for it.

    Who withdraws that leave withdraws what was had by it: the token, and the challenge that leads to it.
    """

    registry: RegistryKey
    repository: str
    fingerprint: str
    trusted: frozenset[str] = frozenset()  # auth hosts, in lower case


def fingerprint_of(secret: Secret) -> str:
    """Return what tells `secret` from any other in keys: its own fingerprint, or one of what it holds."""
    if secret == ANONYMOUS or secret.fingerprint:
        return secret.fingerprint
    return hashlib.sha256(secret.material).hexdigest()


@dataclass(frozen=True, slots=True)
class _Login:
    memory: Memory
    token_until: float
    challenge_until: float


class LoginMemory:
    """Logins by key, with their lifetimes on the caller's monotonic clock (seconds); at most `capacity` bytes."""

    def __init__(self, capacity: int) -> None:
        self._shelf: Shelf[LoginKey, _Login] = Shelf(capacity)

    def recall(self, key: LoginKey, now: float) -> Memory | None:
        """Return what is still good to use at `now`; a token never outlives its challenge."""
        login = self._shelf.get(key)
        if login is None:
            return None
        if now >= login.challenge_until:
            self._shelf.drop(key)
            return None
        if login.memory.header and now >= login.token_until:
            login = replace(login, memory=replace(login.memory, header=""))
            self._put(key, login)
        return login.memory

    def learn(self, key: LoginKey, memory: Memory, now: float) -> None:
        """Keep what a check learned at `now`, when the token was received.

        A challenge that is already known is not made younger by being used: it was not sent again.
        """
        known = self._shelf.get(key)
        challenge_until = now + CHALLENGE_SECONDS
        if known and known.memory.challenge == memory.challenge:
            challenge_until = known.challenge_until
        skew = max(5.0, memory.lifetime_seconds / 10)
        token_until = now + min(memory.lifetime_seconds - skew, MAX_TOKEN_SECONDS)
        self._put(key, _Login(memory, token_until, challenge_until))

    def forget(self, key: LoginKey, seen: Memory | None) -> None:
        """Drop what a check found to be of no use: what it had `seen`, not what another check has learned since."""
        login = self._shelf.get(key)
        if login and (seen is None or login.memory.header == seen.header):
            self._shelf.drop(key)

    def _put(self, key: LoginKey, login: _Login) -> None:
        memory = login.memory
        pairs = memory.challenge.parameters if memory.challenge else ()
        size = len(memory.header) + len(memory.challenge_url) + sum(len(name) + len(value) for name, value in pairs)
        self._shelf.put(key, login, _ENTRY_BYTES + size)


class DocumentMemory:
    """Manifests, indexes and configs by digest: content-addressed, so never out of date; at most `capacity` bytes."""

    def __init__(self, capacity: int) -> None:
        self._shelf: Shelf[str, Document] = Shelf(capacity)

    @property
    def weight(self) -> int:
        """How many bytes are kept, Python's own included."""
        return self._shelf.weight

    def keep(self, document: Document) -> None:
        """Keep a document. Raises `ValueError` when its bytes are not those of its digest."""
        if self._shelf.get(document.digest) is not None:
            return
        if not Digest.parse(document.digest).matches(document.body):
            raise ValueError(f"these are not the bytes of {document.digest}")
        self._shelf.put(document.digest, document, _ENTRY_BYTES + len(document.body) + len(document.media_type))

    def reading(self) -> Mapping[str, Document]:
        """Return the documents as one check reads them: asked twice, it answers twice the same."""
        return _Reading(self._shelf)


class _Reading(Mapping[str, Document]):
    def __init__(self, shelf: Shelf[str, Document]) -> None:
        self._shelf = shelf
        self._answers: dict[str, Document | None] = {}

    def __getitem__(self, digest: str) -> Document:
        if digest not in self._answers:
            self._answers[digest] = self._shelf.get(digest)
        document = self._answers[digest]
        if document is None:
            raise KeyError(digest)
        return document

    def __iter__(self) -> Iterator[str]:
        return iter([digest for digest, document in self._answers.items() if document])

    def __len__(self) -> int:
        return sum(document is not None for document in self._answers.values())


class HeadMemory:
    """Registries that refuse HEAD, for a day (row M6); at most `capacity` of them."""

    def __init__(self, capacity: int) -> None:
        self._until: Shelf[RegistryKey, float] = Shelf(capacity)

    def learn(self, registry: RegistryKey, now: float) -> None:
        self._until.put(registry, now + NO_HEAD_SECONDS)

    def is_refused(self, registry: RegistryKey, now: float) -> bool:
        """Tell whether the registry refused HEAD less than a day before `now`."""
        if not len(self._until):  # the usual case costs no hash
            return False
        until = self._until.get(registry)
        if until is not None and now >= until:
            self._until.drop(registry)
            return False
        return until is not None
