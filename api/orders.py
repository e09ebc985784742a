"""Checks ordered over the API."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from rest_framework.exceptions import APIException, NotFound

from probes.actions import dispatch
from probes.models import Resource
from probes.protocol.taxonomy import Depth
from probes.tasks import publish_on_commit


class Undelivered(APIException):
    """The order could not be handed to the broker. Nothing was checked; ask again."""

    status_code = 503
    default_detail = "The broker does not answer: the check was not sent."
    default_code = "undelivered"


def check_now(resource: Resource, *, regions: Sequence[str] | None, depth: str | None) -> dict[str, Any]:
    """Send one check of a resource; return what `OrderedSerializer` shows.

    Raises Django's `ValidationError` for a region that is not active, `Undelivered` without a broker.
    """
    try:
        with transaction.atomic():
            asked = dispatch.check_now(
                [resource.pk], regions, depth=Depth(depth) if depth else None, now=timezone.now()
            )
            publish_on_commit(asked.messages)
    except OperationalError:
        raise Undelivered from None
    if resource.pk not in asked.slots:
        raise NotFound
    return {
        "resource": resource.pk,
        "slot": asked.slots[resource.pk],
        "regions": sorted(message.queue.removeprefix("probe.") for message in asked.messages),
    }
