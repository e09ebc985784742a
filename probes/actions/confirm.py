"""Having what was just heard confirmed: checks drawn up at once, besides the schedule."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from probes.actions import dispatch, plans
from probes.models import Verdict
from probes.policy.confirming import Ask, Heard, wanted, within
from probes.policy.verdict import Inputs
from probes.trust.keys import KeyFileError

_log = logging.getLogger(__name__)


def ask(
    heard: Mapping[int, Heard], inputs: Mapping[int, Inputs], rows: Sequence[Verdict], *, now: datetime
) -> list[plans.Message]:
    """Draw up what is to be asked after a report; `rows` and `inputs` are of its resources.

    A constant number of queries. Without the control plane's key nothing is confirmed: that loses no report.
    """
    asks = within(
        Ask(
            row.resource_id,
            row.resource.registry_id,
            wanted(
                heard[row.resource_id],
                inputs[row.resource_id].votes,
                interval_seconds=row.resource.every_seconds,
                now=now,
            ),
        )
        for row in rows
        if row.resource_id in heard
    )
    if not asks:
        return []
    try:
        return dispatch.confirm({item.resource: item.regions for item in asks}, now=now)
    except KeyFileError as error:
        _log.error("what was found cannot be confirmed: %s", error)
        return []
