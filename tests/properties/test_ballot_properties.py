"""Properties of stances: they are dated by what made them, and worse ballots never come to a better one."""

from datetime import UTC, datetime, timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from probes.policy.ballot import Ballot, Poll, Stance, ballot_of, cast, recast
from probes.policy.liveness import Hysteresis
from probes.policy.standing import Seen, advance, is_newer
from probes.protocol.taxonomy import Reason

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WORSE = {Ballot.GOOD: 0, Ballot.IMPAIRED: 1, Ballot.BAD: 2}
WORSE_STANCE = {Stance.GOOD: 0, Stance.IMPAIRED: 1, Stance.BAD: 2}

thresholds = st.builds(Hysteresis, enter=st.integers(1, 5), leave=st.integers(1, 5))
histories = st.lists(st.sampled_from(Ballot), min_size=1, max_size=30)


def polled(history: list[Ballot], terms: Hysteresis) -> Poll:
    poll = None
    for minutes, ballot in enumerate(history):
        poll = cast(poll, ballot, at=NOON + minutes * MINUTE, thresholds=terms)
    assert poll
    return poll


@given(histories, thresholds)
def test_run_is_the_newest_ballots_that_are_alike(history: list[Ballot], terms: Hysteresis) -> None:
    poll = polled(history, terms)
    runs = [(is_bad, len(list(run))) for is_bad, run in groupby(ballot is Ballot.BAD for ballot in history)]
    assert (poll.bad.applies, poll.bad.count) == runs[-1]
    assert poll.bad.since == NOON + (len(history) - poll.bad.count) * MINUTE
    assert poll.consecutive_failures * poll.consecutive_successes == 0


@given(st.lists(st.tuples(st.sampled_from(Ballot), st.sampled_from(Ballot)), max_size=30), thresholds)
def test_worse_ballots_never_come_to_a_better_stance(pairs: list[tuple[Ballot, Ballot]], terms: Hysteresis) -> None:
    """Both begin well: before anything is proved there is nothing to compare."""
    better = [Ballot.GOOD, *(min(pair, key=WORSE.__getitem__) for pair in pairs)]
    worse = [Ballot.GOOD, *(max(pair, key=WORSE.__getitem__) for pair in pairs)]
    assert WORSE_STANCE[polled(better, terms).stance] <= WORSE_STANCE[polled(worse, terms).stance]


@given(histories, thresholds)
def test_stance_is_never_dated_later_than_what_made_it(history: list[Ballot], terms: Hysteresis) -> None:
    poll = polled(history, terms)
    since = (poll.since - NOON) // MINUTE
    assert 0 <= since < len(history)
    if poll.stance is Stance.BAD:
        assert history[since : since + terms.enter] == [Ballot.BAD] * terms.enter
    if poll.stance is Stance.UNPROVED:
        assert Ballot.GOOD not in history


@given(histories, thresholds, st.data())
def test_order_of_arrival_does_not_matter(history: list[Ballot], terms: Hysteresis, data: st.DataObject) -> None:
    """Whatever comes late is counted again in its place."""
    slots = [(NOON + minutes * MINUTE, ballot) for minutes, ballot in enumerate(history)]
    poll: Poll | None = None
    arrived: list[tuple[datetime, Ballot]] = []
    for slot in data.draw(st.permutations(slots)):
        arrived = sorted([*arrived, slot])
        if poll is None or slot[0] > poll.at:
            poll = cast(poll, slot[1], at=slot[0], thresholds=terms)
        else:
            poll = recast(poll, arrived, late=1, thresholds=terms)
    assert poll == polled(history, terms)


@given(st.lists(st.sampled_from(Reason), min_size=1, max_size=20), st.data())
def test_newest_outcome_is_what_is_shown_whatever_the_order_of_arrival(
    reasons: list[Reason], data: st.DataObject
) -> None:
    """But for its poll the standing is that of the outcomes that were news when they came."""
    seen = [
        Seen(slot=NOON + n * MINUTE, checked_at=NOON, status=reason.status, reason=reason.value)
        for n, reason in enumerate(reasons)
    ]
    arrived = data.draw(st.permutations(seen))
    standing, taken = None, []
    for item in arrived:
        if is_newer(standing, item):
            standing = advance(standing, item)
            taken.append(item)
    assert standing
    assert standing.last_slot == seen[-1].slot
    again = None
    for item in sorted(taken, key=lambda item: item.slot):
        again = advance(again, item)
    assert standing == again
    assert (standing.poll is None) is all(ballot_of(item.status, item.reason) is None for item in taken)
