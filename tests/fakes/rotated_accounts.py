"""A change of a region's login, step by step, on whichever broker."""

from collections.abc import Callable

from probes.broker.accounts import Accounts, Changes, reconcile
from probes.trust.accounts import Account, new_password, username


def rotated(accounts: Accounts, work: Callable[[str, str], object]) -> tuple[str, str]:
    """Give Europe a second and a third login beside its first, have all at work, end the first; return that one.

    `work` does what a region's worker does, with a name and a password.
    """
    passwords = [new_password() for _ in range(3)]
    made = [
        Account.make("eu-west", username("eu-west", generation), password)
        for generation, password in enumerate(passwords, start=1)
    ]
    for count, name in enumerate(("region-eu-west", "region-eu-west.2", "region-eu-west.3"), start=1):
        assert reconcile(accounts, lambda: made[:count]) == Changes(made=(name,))  # noqa: B023 - called at once
    for account, password in zip(made, passwords, strict=True):
        work(account.username, password)
    assert reconcile(accounts, lambda: made[1:]) == Changes(removed=("region-eu-west",))
    return made[0].username, passwords[0]
