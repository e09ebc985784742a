"""When a check must not lean on what was remembered.

A remembered token hides a dead token service, and a kept connection an expired certificate, broken DNS or a drained
node. Source: behaviour table, E.2.
"""

from typing import Final

FRESH_EVERY: Final = 12  # slots: once an hour at the usual interval of five minutes


def is_fresh_due(slot_number: int, *, consecutive_failures: int) -> bool:
    """Tell whether the check of this slot (`slots.number`) logs in and connects anew.

    It does at every twelfth slot, and while the resource fails from the region: a recovery is only declared on what
    was seen anew. An outcome that could not tell does not end a run of failures.
    """
    return consecutive_failures > 0 or slot_number % FRESH_EVERY == 0
