"""Delivering the outbox, which takes seconds: see `tasks.alone`.

A notice is handed out in one transaction, sent in none, and what came of it is noted in another. A process that dies
in between leaves it to its lease: it is sent once more, under the id by which its receiver knows it.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from probes.actions import delivery
from probes.policy.delivery import Parcel
from probes.selectors.notices import channels_due
from probes.tasks.alone import alone
from probes.tasks.summing import sum_up

if TYPE_CHECKING:
    from probes.notify.courier import Courier, Told

HAND_OUT_SECONDS: Final = 8.0
"""So long a run hands out what becomes due; then the next one does."""

RUN_SECONDS: Final = 20.0
"""So long a run waits for what is on its way. A lease is longer, and so is the task's time limit."""

_LOOK_SECONDS: Final = 0.5


@shared_task(name="probes.notices", ignore_result=True)
def notices() -> None:
    """Send what is due, and remind; then roll up for a while.

    Where there is always something to send, no order to roll up might ever find its turn.
    """
    with alone() as is_ours:
        if is_ours and tell():
            sum_up()


def send() -> None:
    """Send what is due, and remind, unless a worker does what takes long at this moment."""
    with alone() as is_ours:
        if is_ours:
            tell()


def tell() -> bool:
    """Send what is due, and remind, for whoever is alone; tell whether there was anything."""
    delivery.remind(now=timezone.now())
    return deliver()


def deliver_on_commit() -> None:
    """Have the outbox looked at once the current transaction is committed, sooner than beat would.

    When the broker does not answer then, its `kombu.exceptions.OperationalError` comes out of the commit: beat's next
    order does it.
    """
    transaction.on_commit(notices.delay)


def deliver() -> bool:
    """Send what is due to whom it concerns, all channels at once, and note what comes of it.

    Tell whether there was anything.
    """
    began = look_at = time.monotonic()
    sent: dict[int, Parcel] = {}
    refreshed = delivery.to_refresh(now=timezone.now())
    if not (refreshed or channels_due(now=timezone.now())):
        return False
    with asyncio.Runner() as loop:
        courier = loop.run(_courier())
        try:
            for given in refreshed:
                loop.run(courier.refresh(given.destination, given.parcels))
            while True:
                passed = time.monotonic() - began
                if passed < HAND_OUT_SECONDS and (courier.is_idle or time.monotonic() >= look_at):
                    look_at = time.monotonic() + _LOOK_SECONDS
                    for given in delivery.hand_out(now=timezone.now(), but=courier.busy):
                        sent |= {parcel.id: parcel for parcel in given.parcels}
                        loop.run(courier.take(given.destination, given.parcels, seconds=RUN_SECONDS - passed))
                if courier.is_idle:
                    return True
                if told := loop.run(courier.next(seconds=_LOOK_SECONDS)):
                    _note(told, sent)
        finally:
            loop.run(courier.aclose())


def _note(told: "Told", sent: Mapping[int, Parcel]) -> None:
    now, jitter = timezone.now(), random.random()
    if told.is_refresh:
        delivery.note_refreshed(told.receipt, told.destination.id, now=now, jitter=jitter)
    else:
        delivery.note(told.receipt, sent[told.receipt.id], told.destination.id, now=now, jitter=jitter)


async def _courier() -> "Courier":
    # Whoever has something to deliver pays for loading it, and not every command that begins: 0.2 s of httpx.
    from probes.notify.courier import Courier  # noqa: PLC0415 - see above

    return Courier()  # it belongs to the loop that runs here
