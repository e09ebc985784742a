"""What one check takes from the memory of its process, and what it leaves there for those after it."""

from typing import Final

from probes.protocol.conversation import NOTHING_KNOWN, Done, Known, Memory, Send, registry_origin
from probes.protocol.exchange import Ask
from probes.protocol.plan import Plan, Secret
from probes.protocol.reference import ReferenceInvalid, parse_reference
from probes.protocol.urls import UrlRefused
from probes.wire.cooldown import CoolDowns, Patience
from probes.wire.flights import FlightKey, TokenFlights
from probes.wire.limits import Limits
from probes.wire.memory import DocumentMemory, HeadMemory, LoginKey, LoginMemory, RegistryKey, fingerprint_of
from probes.wire.route import Route

_NOTHING: Final = Memory()


class Memories:
    """All that an engine remembers. Each part is bounded by one of its limits, whatever registries send."""

    def __init__(self, limits: Limits) -> None:
        self.logins: Final = LoginMemory(limits.login_memory_bytes)
        self.documents: Final = DocumentMemory(limits.document_memory_bytes)
        self.heads: Final = HeadMemory(limits.remembered_hosts)
        self.cool_downs: Final = CoolDowns(limits.remembered_hosts)
        self.flights: Final = TokenFlights()


class Recollection:
    """One check's dealings with the memory of its process. Times are the running loop's, in seconds."""

    def __init__(self, memories: Memories, plan: Plan, secret: Secret, route: Route) -> None:
        self._memories = memories
        self._is_fresh = plan.fresh
        self._rereads = plan.reread
        fingerprint = fingerprint_of(secret)
        self.patience: Final = Patience(memories.cool_downs, route.profile, fingerprint)
        self._key = _login_key(plan, fingerprint, route)
        # What a refused login takes away: what this check had seen. A fresh one has seen nothing and speaks for all.
        self._seen: Memory | None = None if plan.fresh else _NOTHING

    def login(self, now: float) -> Memory | None:
        """Return the login to begin with; none for a fresh check."""
        if self._key is None or self._is_fresh:
            return None
        memory = self._memories.logins.recall(self._key, now)
        self._seen = memory or _NOTHING
        return memory

    def known(self, now: float) -> Known:
        """Return what is known besides the login."""
        if self._key is None:
            return NOTHING_KNOWN
        lacks_head = self._memories.heads.is_refused(self._key.registry, now)
        if self._rereads:
            return Known(lacks_head=True) if lacks_head else NOTHING_KNOWN
        return Known(lacks_head=lacks_head, documents=self._memories.documents.reading())

    def learn(self, move: Send | Done, now: float) -> None:
        """Take over what the conversation has just learned, so that checks under way beside it know it as well."""
        if self._key is None:
            return
        for document in move.documents:
            self._memories.documents.keep(document)
        login = move.memory if isinstance(move, Done) else move.state.learned
        if login is not None and login is not self._seen:
            if login.challenge is None:
                self._memories.logins.forget(self._key, self._seen)
            else:
                self._memories.logins.learn(self._key, login, now)
            self._seen = login
        if isinstance(move, Done) and move.lacks_head:
            self._memories.heads.learn(self._key.registry, now)

    def flight(self, ask: Ask) -> FlightKey | None:
        """Return which exchange `ask` may share; None for one that is to be this check's own."""
        return None if self._key is None or self._is_fresh else FlightKey.of(self._key, ask)

    @property
    def flights(self) -> TokenFlights:
        return self._memories.flights


def _login_key(plan: Plan, fingerprint: str, route: Route) -> LoginKey | None:
    """Return under which key a login may be remembered; None when the reference names nothing to ask."""
    try:
        reference = parse_reference(plan.reference)
        registry = RegistryKey(registry_origin(plan.site, reference), route.profile)
    except (ReferenceInvalid, UrlRefused):
        return None
    trusted = frozenset(host.lower() for host in plan.site.trusted_auth_hosts)
    return LoginKey(registry, reference.repository, fingerprint, trusted)
