"""Who may pull what, and the tokens that say so."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from probes.protocol.plan import Secret
from tests.fakes.fake_registry.request import Request

EVERYTHING: Final = "*"


@dataclass(frozen=True, slots=True)
class Token:
    """An issued token: the repositories that it lets pull, and until when on the accounts' clock."""

    value: str
    repositories: frozenset[str]
    expires_at: float


@dataclass
class Accounts:
    """Users with passwords and refresh tokens, and the bearer tokens that they were given.

    `now` is the clock of expiries. Anybody may pull what is in `public`; users may pull everything, unless
    `denied` says otherwise. As the token specification has it, access that a user lacks is left out of the token.
    """

    now: Callable[[], float]
    public: set[str] = field(default_factory=lambda: {EVERYTHING})
    denied: set[str] = field(default_factory=set)
    lifetime_seconds: float = 300
    stated_lifetime_seconds: float | None = None  # what the token service says of it, where that is not true
    passwords: dict[str, str] = field(default_factory=dict)
    refresh_tokens: set[str] = field(default_factory=set)
    count: int = 0  # of tokens ever issued
    issued: dict[str, Token] = field(default_factory=dict)

    def know(self, secret: Secret) -> None:
        """Let the holder of `secret` in."""
        if secret.password:
            self.passwords[secret.username] = secret.password
        if secret.identity_token:
            self.refresh_tokens.add(secret.identity_token)

    def is_user(self, request: Request) -> bool:
        """Tell whether the request shows a user's password or refresh token."""
        if request.method == "POST":
            return request.form.get("refresh_token", [""])[0] in self.refresh_tokens
        name, password = request.password
        return bool(password) and self.passwords.get(name) == password

    def issue(self, repositories: set[str], *, to_user: bool) -> Token:
        allowed = {
            name
            for name in repositories
            if name not in self.denied and (to_user or name in self.public or EVERYTHING in self.public)
        }
        self.count += 1
        token = Token(f"token-{self.count}", frozenset(allowed), self.now() + self.lifetime_seconds)
        self.issued[token.value] = token
        return token

    def revoke(self) -> None:
        """Take back every token that was issued; their numbers go on."""
        self.issued.clear()

    def valid(self, value: str) -> Token | None:
        token = self.issued.get(value)
        return token if token and token.expires_at > self.now() else None
