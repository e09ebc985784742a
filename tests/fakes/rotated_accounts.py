"""A change of a region's login, step by step, on whichever broker."""

from collections.abc import Callable

from probes.broker.accounts import Accounts, Changes, reconcile
from probes.trust.accounts import Account, new_password, usernames


def rotated(accounts: Accounts, work: Callable[[str, str], object]) -> tuple[str, str]:
    """Give Europe a second login beside its first, have both at work, end the first; return that one.

    `work` does what a region's worker does, with a name and a password.
    """
    passwords = [new_password(), new_password()]
    pair = [
        Account.make("eu-west", name, password)
        for name, password in zip(usernames("eu-west"), passwords, strict=True)
    ]
    assert reconcile(accounts, lambda: pair[:1]) == Changes(made=("region-eu-west",))
    assert reconcile(accounts, lambda: pair) == Changes(made=("region-eu-west.2",))
    for account, password in zip(pair, passwords, strict=True):
        work(account.username, password)
    assert reconcile(accounts, lambda: pair[1:]) == Changes(removed=("region-eu-west",))
    return pair[0].username, passwords[0]
