"""Handing out once more what a worker that was stopping returned."""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from probes.actions import plans
from probes.actions.orders import Check
from probes.actions.quota import Manner
from probes.actions.reports import Key
from probes.models import Batch, Region, Resource
from probes.protocol.taxonomy import Depth
from probes.trust.keys import KeyFileError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Again:
    """Messages to publish on commit, and what is in them."""

    messages: list[plans.Message] = field(default_factory=list)
    keys: frozenset[Key] = frozenset()


def hand_out(region: Region, batch: Batch, returned: Collection[Key], *, now: datetime) -> Again:
    """Draw up a second batch for the same slots, to be over when the first would have been.

    Nothing where it is too late, where the region gets no checks any more, or where `batch` is a second one itself:
    a region whose workers come and go all the time must not keep a check going round.
    """
    if not returned or batch.is_second or not region.is_active or now >= batch.expires_at:
        return Again()
    resources = Resource.objects.select_related("registry", "endpoint").in_bulk(
        {resource_id for resource_id, _ in returned}
    )
    depth = Depth(batch.depth) if batch.depth else None
    checks = [
        Check(resources[resource_id], slot, [region], depth)
        for resource_id, slot in sorted(returned)
        if resource_id in resources
    ]
    checks = [check for check in plans.readable(checks, now=now) if check.regions]
    try:
        messages = plans.draw_up(checks, manner=Manner.BY_HAND, now=now, second_of=batch).messages
    except KeyFileError as error:  # before anything was written
        _log.error("what was returned cannot be handed out again: %s", error)
        return Again()
    if not messages:  # it was retired a moment ago
        return Again()
    return Again(messages, frozenset((check.resource.pk, check.slot) for check in checks))
