"""A region's ballots on a resource, as columns of its state; and what is done where some come late.

That happens where the reports of an outage arrive all at once and are taken in by several workers. Then polls are
taken again in the order of slots, from the outcomes that are stored; otherwise none of these is read.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection
from msgspec.json import encode

from probes.actions.partitions import DAYS_BACK
from probes.models import Region
from probes.policy.ballot import RECALLED, Ballot, Poll, Run, Stance, ballot_of, cast, recast
from probes.policy.terms import Terms
from probes.protocol.taxonomy import Status
from probes.selectors.instants import instant, texts

COLUMNS: Final = (
    "consecutive_failures integer, consecutive_successes integer, run_since timestamptz, ballot text,"
    " ballot_slot timestamptz, bad_run integer, bad_run_since timestamptz, stance text, stance_since timestamptz"
)
_NAMES: Final = [column.split()[0] for column in COLUMNS.split(",")]
TIMES: Final = texts("run_since", "ballot_slot", "bad_run_since", "stance_since")
VALUES: Final = tuple(name for name in _NAMES if f"{name}_text" not in TIMES)

_HISTORY: Final = """
SELECT given.id, past.slot, past.status, past.reason
FROM unnest(%s::bigint[], %s::timestamptz[]) AS given (id, since)
CROSS JOIN LATERAL (
    SELECT slot, status, reason FROM probes_outcome
    WHERE resource_id = given.id AND region_id = %s AND slot >= given.since
        AND NOT egress_down AND status = ANY(%s)
    ORDER BY slot DESC LIMIT %s
) AS past
ORDER BY given.id, past.slot
"""

_RECAST: Final = f"""
UPDATE probes_regionstate AS state SET ({", ".join(_NAMES)}) = ({", ".join(f"given.{name}" for name in _NAMES)}),
    success_slot = greatest(state.success_slot, given.success_slot)
FROM jsonb_to_recordset(%s::jsonb) AS given (resource_id bigint, success_slot timestamptz, {COLUMNS})
WHERE state.region_id = %s AND state.resource_id = given.resource_id
"""  # noqa: S608 - made of the constants above

_TOLD: Final = [status.value for status in Status if ballot_of(status, "")]


def columns(poll: Poll | None) -> dict[str, Any]:
    """Return what is stored of a poll, for `COLUMNS`."""
    if poll is None:
        none = dict.fromkeys(_NAMES)
        return none | {"consecutive_failures": 0, "consecutive_successes": 0, "bad_run": 0, "stance": Stance.UNPROVED}
    return {
        "consecutive_failures": poll.consecutive_failures,
        "consecutive_successes": poll.consecutive_successes,
        "run_since": poll.failing.since,
        "ballot": poll.ballot,
        "ballot_slot": poll.at,
        "bad_run": poll.bad.count,
        "bad_run_since": poll.bad.since,
        "stance": poll.stance,
        "stance_since": poll.since,
    }


def poll_of(state: Mapping[str, Any]) -> Poll | None:
    """Return the poll that is stored in a state, of which `VALUES` and `TIMES` were read."""
    at, since = instant(state["ballot_slot_text"]), instant(state["stance_since_text"])
    run_since, bad_since = instant(state["run_since_text"]), instant(state["bad_run_since_text"])
    if not (at and since and run_since and bad_since):
        return None  # all are there or none is
    ballot = Ballot(state["ballot"])
    run = state["consecutive_failures"] + state["consecutive_successes"]  # one of them is none
    return Poll(
        ballot=ballot,
        at=at,
        failing=Run(ballot is not Ballot.GOOD, run, run_since),
        bad=Run(ballot is Ballot.BAD, state["bad_run"], bad_since),
        stance=Stance(state["stance"]),
        since=since,
    )


def take_again(
    region: Region,
    late: Sequence[int],
    polls: Mapping[int, Poll | None],
    *,
    since: Mapping[int, datetime],
    terms: Mapping[int, Terms],
    now: datetime,
) -> None:
    """Count late outcomes in their place; `late` names the resource of each, and all of them are stored by now.

    `polls` are those that count them not, and are stored too. `since` says from when on outcomes are of the image
    that is meant; days of which only the failures are kept tell nothing. Two queries, or none.
    """
    counts = Counter(late)
    if not counts:
        return
    rows = []
    whole_since = now - timedelta(days=max(settings.KAIROS_RETENTION_DAYS, DAYS_BACK))
    begin = {pk: max(since[pk], whole_since) for pk in counts}
    for pk, history in _histories(region, begin).items():
        thresholds = terms[pk].thresholds
        # Where only outcomes that could not tell had come, all there is to count is in the history.
        (at, first), poll = history[0], polls[pk]
        counted = poll or cast(None, first, at=at, thresholds=thresholds)
        again = recast(counted, history, late=counts[pk], thresholds=thresholds)
        success = max((slot for slot, ballot in history if ballot is not Ballot.BAD), default=None)
        rows.append({"resource_id": pk, "success_slot": success, **columns(again)})
    with connection.cursor() as cursor:
        cursor.execute(_RECAST, [encode(rows).decode(), region.pk])


def _histories(region: Region, since: Mapping[int, datetime]) -> Mapping[int, Sequence[tuple[datetime, Ballot]]]:
    histories: dict[int, list[tuple[datetime, Ballot]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, [list(since), list(since.values()), region.pk, _TOLD, RECALLED])
        for pk, slot, status, reason in cursor.fetchall():
            if ballot := ballot_of(Status(status), reason):
                histories[pk].append((slot, ballot))
    return histories
