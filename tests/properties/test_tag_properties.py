"""Properties of tags' moves: as many as there were, whoever sees them late, and in whatever order reports come."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from probes.policy.tags import Move, Turn, follow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
APART = timedelta(hours=6)  # from move to move: no bound on restless tags holds back any

histories = st.lists(st.sampled_from("ABCD"), min_size=1, max_size=8).map(
    lambda tags: [tag for n, tag in enumerate(tags) if n == 0 or tag != tags[n - 1]]
)


def views(history: list[str], kept: list[bool], lags: list[int], region: str) -> list[Turn]:
    """Return the turns of a region that sees some of what a tag was, in order, each by so many hours late."""
    seen: list[tuple[str, datetime]] = []
    for n, digest in enumerate(history):
        if n == 0 or kept[n]:
            at = NOON + n * APART + timedelta(hours=lags[n])
            at = max(at, seen[-1][1] + timedelta(minutes=5)) if seen else NOON
            if not seen or seen[-1][0] != digest:
                seen.append((digest, at))
    return [
        Turn(region=region, before=seen[n - 1][0], since=seen[n - 1][1], after=digest, at=at)
        for n, (digest, at) in enumerate(seen)
        if n
    ]


@st.composite
def stories(draw: st.DrawFn, *, quick: bool = True) -> tuple[list[str], list[list[Turn]]]:
    """What a tag was, and how regions see it, each before it moves on; a quick one sees all of it at once."""
    history = draw(histories)
    return history, [*_quick(history, quick), *draw(late_regions(history, hours=5))]


@st.composite
def mirrors(draw: st.DrawFn) -> tuple[list[str], list[list[Turn]]]:
    """What a tag was that returns to no digest, and how mirrors see it that are behind by several moves."""
    history = draw(st.permutations("ABCDEFG"))
    return history, [*_quick(history), *draw(late_regions(history, hours=40))]


def _quick(history: list[str], is_there: bool = True) -> list[list[Turn]]:  # noqa: FBT001, FBT002 - a story's own
    return [views(history, [True] * len(history), [0] * len(history), "quick")] if is_there else []


@st.composite
def late_regions(draw: st.DrawFn, history: list[str], *, hours: int) -> list[list[Turn]]:
    of_each = st.lists(st.booleans(), min_size=len(history), max_size=len(history))
    lags = st.lists(st.integers(0, hours), min_size=len(history), max_size=len(history))
    return [views(history, draw(of_each), draw(lags), f"r{n}") for n in range(draw(st.integers(1, 3)))]


def arrive(data: st.DataObject, regions: list[list[Turn]]) -> list[Turn]:
    """Return the turns as they arrive: those of one region in order, those of several in any."""
    left = [list(turns) for turns in regions if turns]
    arrived: list[Turn] = []
    while left:
        chosen = data.draw(st.sampled_from(left))
        arrived.append(chosen.pop(0))
        left = [turns for turns in left if turns]
    return arrived


def told(turns: list[Turn]) -> list[Move]:
    """Return the moves after turns that come one by one."""
    moves: list[Move] = []
    count = 0
    for turn in turns:
        trace = follow(moves, [turn])
        count += len(trace.made)
        moves = list(trace.moves)
    assert len(moves) == count
    return moves


@given(stories(), st.data())
def test_there_are_as_many_moves_as_there_were_in_whatever_order_reports_come(
    story: tuple[list[str], list[list[Turn]]], data: st.DataObject
) -> None:
    history, regions = story
    moves = told(arrive(data, regions))
    assert [move.after for move in moves] == history[1:]


@given(mirrors())
def test_mirror_makes_no_move_however_far_it_is_behind(story: tuple[list[str], list[list[Turn]]]) -> None:
    history, regions = story
    by_slot = sorted((turn for turns in regions for turn in turns), key=lambda turn: (turn.at, turn.region))
    assert [move.after for move in told(by_slot)] == history[1:]


@given(stories(quick=False), st.data())
def test_no_move_is_made_that_was_none(story: tuple[list[str], list[list[Turn]]], data: st.DataObject) -> None:
    history, regions = story
    assert len(told(arrive(data, regions))) <= len(history) - 1


@given(stories(), st.data())
def test_reports_that_come_together_make_what_they_make_one_by_one(
    story: tuple[list[str], list[list[Turn]]], data: st.DataObject
) -> None:
    _, regions = story
    arrived = arrive(data, regions)
    assert list(follow([], arrived).moves) == told(arrived)


@given(stories())
def test_what_was_followed_once_moves_nothing_again(story: tuple[list[str], list[list[Turn]]]) -> None:
    _, regions = story
    whole = [turn for turns in regions for turn in turns]
    trace = follow([], whole)
    assert list(follow(trace.moves, whole).made) == []
