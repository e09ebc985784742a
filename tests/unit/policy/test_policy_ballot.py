"""What outcomes say, and what it takes to change a region's mind."""

from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.ballot import RECALLED, Ballot, Poll, Stance, ballot_of, cast, recast
from probes.policy.liveness import Hysteresis
from probes.protocol.taxonomy import Reason, Status

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
USUAL = Hysteresis(enter=3, leave=2)
BALLOTS = {"+": Ballot.GOOD, "~": Ballot.IMPAIRED, "-": Ballot.BAD}


def polled(text: str, thresholds: Hysteresis = USUAL) -> Poll:
    """Return the poll after ballots at noon, a minute past, two minutes past and so on."""
    poll = None
    for minutes, sign in enumerate(text):
        poll = cast(poll, BALLOTS[sign], at=NOON + minutes * MINUTE, thresholds=thresholds)
    assert poll
    return poll


@pytest.mark.parametrize(
    ("status", "ballot"),
    [
        (Status.AVAILABLE, Ballot.GOOD),
        (Status.UNAVAILABLE, Ballot.BAD),
        (Status.DEGRADED, Ballot.BAD),
        (Status.INDETERMINATE, None),
        (Status.CONFIG_ERROR, None),
    ],
)
def test_ballot_is_bad_where_a_pull_fails(status: Status, ballot: Ballot | None) -> None:
    assert ballot_of(status, "whatever a later version says") is ballot


@pytest.mark.parametrize("reason", Reason)
def test_only_reasons_that_say_so_impair(reason: Reason) -> None:
    assert (ballot_of(reason.status, reason.value) is Ballot.IMPAIRED) is reason.meaning.only_impairs


@pytest.mark.parametrize(
    ("ballots", "stance", "since"),
    [
        ("+", Stance.GOOD, 0),
        ("-", Stance.UNPROVED, 0),
        ("--", Stance.UNPROVED, 0),
        ("---", Stance.BAD, 0),
        ("--+", Stance.GOOD, 2),
        ("-~~", Stance.IMPAIRED, 0),
        ("+--", Stance.GOOD, 0),
        ("+---", Stance.BAD, 1),
        ("+--+---", Stance.BAD, 4),
        ("+----", Stance.BAD, 1),
        ("---+", Stance.BAD, 0),
        ("---++", Stance.GOOD, 3),
        ("---+-+", Stance.BAD, 0),
        ("+~~~", Stance.IMPAIRED, 1),
        ("+~-~", Stance.IMPAIRED, 1),
        ("+~-~---", Stance.BAD, 4),
        ("---~~", Stance.IMPAIRED, 3),
        ("---~+", Stance.IMPAIRED, 3),
        ("---~++", Stance.GOOD, 4),
    ],
)
def test_stance_follows_several_in_a_row_and_is_dated_back(ballots: str, stance: Stance, since: int) -> None:
    poll = polled(ballots)
    assert (poll.stance, poll.since) == (stance, NOON + since * MINUTE)


def test_ballots_that_alternate_between_bad_and_impaired_are_not_good() -> None:
    assert polled("+" + "-~" * 5).stance is Stance.IMPAIRED


def test_one_ballot_is_enough_where_the_terms_say_so() -> None:
    nervous = Hysteresis(enter=1, leave=1)
    assert polled("+-", nervous).stance is Stance.BAD
    assert polled("-", nervous).stance is Stance.BAD
    assert polled("-+", nervous).stance is Stance.GOOD


def test_poll_counts_what_is_in_a_row() -> None:
    failing, well = polled("++--~"), polled("--+++")
    assert (failing.consecutive_failures, failing.consecutive_successes) == (3, 0)
    assert (well.consecutive_failures, well.consecutive_successes) == (0, 3)
    assert failing.failing.since == NOON + 2 * MINUTE
    assert (failing.ballot, failing.at) == (Ballot.IMPAIRED, NOON + 4 * MINUTE)


def test_terms_that_changed_hold_from_the_next_ballot_on() -> None:
    strict, lax = polled("+--"), Hysteresis(enter=2, leave=2)
    assert strict.stance is Stance.GOOD
    assert cast(strict, Ballot.BAD, at=NOON + 3 * MINUTE, thresholds=lax).stance is Stance.BAD


def recalled(text: str, late: int = 1, before: str = "", thresholds: Hysteresis = USUAL) -> Poll:
    """Return what `before` came to, or else all but the second to last of `text`, once that has come too."""
    poll = polled(before or text[:-2] + text[-1], thresholds)
    history = [(NOON + minutes * MINUTE, BALLOTS[sign]) for minutes, sign in enumerate(text)][-RECALLED:]
    return recast(poll, history, late=late, thresholds=thresholds)


@pytest.mark.parametrize("text", ["+---", "+--+-", "--", "~-~", "---++"])
def test_late_ballot_counts_as_if_it_had_come_in_time(text: str) -> None:
    assert recalled(text) == polled(text)


def test_late_good_ballot_ends_the_run_that_it_was_missing_in() -> None:
    assert polled("+---").stance is Stance.BAD
    assert recalled("+-+--", before="+---").stance is Stance.GOOD


def test_run_that_is_longer_than_what_is_recalled_goes_on() -> None:
    poll = recalled("+" + "-" * 100)
    assert (poll.stance, poll.since) == (Stance.BAD, NOON + MINUTE)
    assert (poll.bad.count, poll.failing.count, poll.bad.since) == (100, 100, NOON + MINUTE)


def test_stance_of_before_what_is_recalled_is_kept_where_nothing_changed_it() -> None:
    """It alternates for so long that nothing in sight says how it was before."""
    poll = recalled("---" + "+-" * 60)
    assert (poll.stance, poll.since) == (Stance.BAD, NOON)
    assert poll.bad.count == 1


def test_change_within_what_is_recalled_is_dated_by_it() -> None:
    poll = recalled("+" + "-" * 70 + "++")
    assert (poll.stance, poll.since) == (Stance.GOOD, NOON + 71 * MINUTE)


def test_without_a_history_the_poll_is_what_it_was() -> None:
    poll = polled("++")
    assert recast(poll, [], late=0, thresholds=USUAL) == poll
