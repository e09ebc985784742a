"""Accounts on RabbitMQ, by its management API: users, their permissions, and the queues and what bounds them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

from probes.broker.accounts import AccountsUnavailable
from probes.broker.accounts.management import ManagementApi, ManagementError
from probes.broker.accounts.rights import rabbitmq_permissions, rabbitmq_policies
from probes.broker.address import BrokerAddress
from probes.broker.queues import HEARTBEATS, RESULTS, region_queue
from probes.trust.accounts import PREFIX, Account

_HASHING: Final = "rabbit_password_hashing_sha256"
_UNFINISHED: Final = -1  # a priority below the usual 0: a policy that has it is never taken for a finished one


class RabbitAccounts:
    """The accounts of one virtual host; see the package. RabbitMQ keeps them on disk.

    A region may not declare anything, so its queue is made here; policies bound all that there are. Only what differs
    is written: each write goes to every node's disk.

    RabbitMQ looks at policies when a queue is declared and when a policy changes, and misses a queue that somebody
    declares just as one is first written (rabbitmq-server 4931). So policies that are not there are written as
    unfinished before any queue is made, and as they should be at the end, when all queues are there. To write what
    is there changes nothing; an interruption leaves unfinished ones, which whoever comes next finds and finishes.
    """

    def __init__(self, address: BrokerAddress, management_url: str = "") -> None:
        self._address = address
        self._vhost = address.virtual_host
        self._unfinished: dict[str, dict[str, Any]] | None = None
        try:
            self._api = ManagementApi(address, management_url)
        except (OSError, ValueError) as error:
            raise AccountsUnavailable(f"the management API of RabbitMQ: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._finish_policies()
        finally:
            self._api.close()

    def check(self) -> None:
        with self._told():
            tags = self._api.get("whoami")["tags"]
        if "administrator" not in tags:
            raise AccountsUnavailable(
                f"accounts at {self._api.place}: our own user there lacks the tag 'administrator'"
            )

    def ensure(self, account: Account) -> None:
        with self._told():
            if self._unfinished is None:
                self._unfinished = self._begin_policies()
            self._keep_queue(region_queue(account.region))
            self._keep_user(account)
            self._keep(rabbitmq_permissions(account), "permissions", self._vhost, account.username)

    def remove(self, username: str) -> None:
        with self._told():
            self._api.delete("users", username)

    def names(self) -> set[str]:
        with self._told():
            return {user["name"] for user in self._api.get("users") if user["name"].startswith(PREFIX)}

    def _begin_policies(self) -> dict[str, dict[str, Any]]:
        """Write the policies that are not there, or not so, as unfinished, and return them as they should be."""
        wanted = rabbitmq_policies()
        unfinished = {
            name: policy for name, policy in wanted.items() if self._differs(policy, "policies", self._vhost, name)
        }
        for name, policy in unfinished.items():
            self._keep({**policy, "priority": _UNFINISHED}, "policies", self._vhost, name)
        for queue in (RESULTS, HEARTBEATS):
            self._keep_queue(queue)
        return unfinished

    def _finish_policies(self) -> None:
        with self._told():
            for name, policy in (self._unfinished or {}).items():
                self._api.put("policies", self._vhost, name, body=policy)

    def _keep_queue(self, name: str) -> None:
        self._keep({"durable": True, "auto_delete": False}, "queues", self._vhost, name)

    def _keep_user(self, account: Account) -> None:
        wanted = {"password_hash": account.salted_sha256, "hashing_algorithm": _HASHING}
        there = self._there("users", account.username)
        is_same = all(there.get(name) == value for name, value in wanted.items())
        if there and not is_same:
            # Who logged in with another password is still connected, and stays so unless the user goes.
            self._api.delete("users", account.username)
        if not is_same or there["tags"]:  # a list, or a text before 3.8
            self._api.put("users", account.username, body={**wanted, "tags": ""})

    def _keep(self, wanted: dict[str, Any], *path: str) -> None:
        """Write what is wanted unless it is there."""
        if self._differs(wanted, *path):
            self._api.put(*path, body=wanted)

    def _differs(self, wanted: dict[str, Any], *path: str) -> bool:
        there = self._there(*path)
        return any(there.get(name) != value for name, value in wanted.items())

    def _there(self, *path: str) -> dict[str, Any]:
        """Return what the path names; nothing where that is not there."""
        try:
            there: dict[str, Any] = self._api.get(*path)
        except ManagementError as error:
            if error.status != 404:
                raise
            return {}
        return there

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except ManagementError as error:
            raise AccountsUnavailable(f"accounts at {self._api.place}: {error}") from None
        except (KeyError, TypeError):
            raise AccountsUnavailable(f"accounts at {self._api.place}: not the answer of a RabbitMQ") from None
