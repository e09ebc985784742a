"""The regions' accounts on the broker: one user for each region, with no more rights than its worker needs.

    accounts = open_accounts(address)        # Redis 7 or newer, or RabbitMQ: by the scheme of the URL
    with accounts:
        accounts.ensure(account)             # made, or brought to what it should be; as often as one likes
        accounts.names()                     # of all users that are a region's
        accounts.remove("region-eu-west.2")  # its connections are closed; no error if it is not there

Leaving the block without an error finishes what `ensure` began, which may raise as the others do.
`reconcile` does all three for the whole list. What an account may do is in `rights`, which is pure.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from probes.broker.address import BrokerAddress
from probes.trust.accounts import Account


class AccountsUnavailable(Exception):
    """The broker cannot hold accounts, or did not answer. One line that says which and why, without a password."""


class AccountsUnsupported(AccountsUnavailable):
    """The broker has no accounts that would do: all regions show one login there."""


class Accounts(AbstractContextManager["Accounts"], Protocol):
    """The accounts of one broker. Every method raises `AccountsUnavailable`."""

    def check(self) -> None:
        """Return when accounts can be made here: we may, and the broker can (else `AccountsUnsupported`)."""

    def ensure(self, account: Account) -> None: ...

    def remove(self, username: str) -> None: ...

    def names(self) -> set[str]: ...


@dataclass(frozen=True, slots=True)
class Changes:
    """What a broker had not, and what it should not have had; the user names."""

    made: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def open_accounts(address: BrokerAddress, management_url: str = "") -> Accounts:
    """Return a client, which connects when it is used.

    RabbitMQ's accounts are made through its management API, at `management_url` (`http[s]://[USER:PASSWORD@]HOST:PORT`);
    by default on the broker's host, at port 15672, or 15671 where the broker speaks TLS, with the broker's login.
    Raises `AccountsUnsupported` for a broker of another kind.
    """
    if address.is_redis:
        from probes.broker.accounts.redis import RedisAccounts  # noqa: PLC0415 - one of the two is enough

        return RedisAccounts(address)
    if address.is_amqp:
        from probes.broker.accounts.rabbitmq import RabbitAccounts  # noqa: PLC0415 - likewise

        return RabbitAccounts(address, management_url)
    raise AccountsUnsupported("there is no broker, or none that has accounts")


def reconcile(accounts: Accounts, wanted: Callable[[], Iterable[Account]]) -> Changes:
    """Bring the broker to hold exactly the `wanted` accounts of regions. Raises `AccountsUnavailable`.

    What is wanted is asked after what is there: an account that somebody makes meanwhile is then in both or in the
    first alone, and never removed.
    """
    there = accounts.names()
    names = set()
    for account in wanted():
        accounts.ensure(account)
        names.add(account.username)
    for name in there - names:
        accounts.remove(name)
    return Changes(made=tuple(sorted(names - there)), removed=tuple(sorted(there - names)))
