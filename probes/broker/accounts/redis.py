"""Accounts on Redis 7 or newer, by its access control lists."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

from probes.broker.accounts import AccountsUnavailable, AccountsUnsupported
from probes.broker.accounts.rights import redis_words
from probes.broker.address import BrokerAddress
from probes.extras import without
from probes.trust.accounts import PREFIX, Account

with without("opentelemetry"):
    import redis

OLDEST: Final = (7, 0)
ANSWER_SECONDS: Final = 5


class RedisAccounts:
    """The accounts of one Redis; see the package. It keeps them in memory: a restarted one has lost them."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        self._client = redis.Redis.from_url(
            address.url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            decode_responses=True,
            **(address.kombu_ssl or {}),
        )
        self._database = int(self._client.get_connection_kwargs().get("db", 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def check(self) -> None:
        with self._told():
            # Valkey calls itself 7.2.4 here, for those who ask for what Redis can do.
            version = str(self._client.info("server")["redis_version"])
            if _numbers(version) < OLDEST:
                raise AccountsUnsupported(f"Redis {version} cannot limit a region to its own queue; 7.0 can")
            # A dry run of what `ensure` does, by whoever we are.
            self._ask("ACL", "DRYRUN", str(self._ask("ACL", "WHOAMI")), "ACL", "SETUSER", f"{PREFIX}nobody")

    def ensure(self, account: Account) -> None:
        with self._told():
            there = self._client.acl_getuser(account.username)
            if there and there["passwords"] != [account.sha256]:
                # Who logged in with another password is still connected, and stays so unless the user goes.
                self.remove(account.username)
            self._ask("ACL", "SETUSER", account.username, *redis_words(account, self._database))

    def remove(self, username: str) -> None:
        with self._told():
            self._ask("ACL", "DELUSER", username)

    def names(self) -> set[str]:
        with self._told():
            return {name for name in self._ask("ACL", "USERS") if name.startswith(PREFIX)}

    def _ask(self, *words: str) -> Any:
        return self._client.execute_command(*words)  # type: ignore[no-untyped-call] # redis-py leaves it out

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, OSError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise AccountsUnavailable(f"accounts at {self._address.place}: {reason}") from None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
