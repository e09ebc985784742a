"""How the rows of the overview are laid out on pages."""

from dashboard.overview.sections import Spread, spread
from probes.selectors.choice import NO_GROUP, Census, Counted, Owner
from probes.selectors.order import By, Order
from probes.selectors.severity import Group

HUB = Owner(1, "docker.io", "Hub")


def lines(name: str, number: int | None, **states: int) -> list[Counted]:
    owner = Owner(number, name.lower(), name) if number else Owner(None, NO_GROUP, "")
    return [
        Counted(group=owner, registry=HUB, kind="image", state=Group(state), is_meant=True, count=count)
        for state, count in states.items()
    ]


def laid(*found: list[Counted], by: By | None = By.GROUP, order: Order = Order.WORST, number: int = 1) -> Spread:
    return spread(Census([line for each in found for line in each]), by=by, order=order, number=number)


def told(page: Spread) -> list[tuple[str, int, int]]:
    return [(section.owner.slug, section.shown, section.left) for section in page.sections]


def test_the_worst_group_comes_first_and_what_has_none_last_of_its_like() -> None:
    page = laid(
        lines("b", 2, available=3),
        lines("a", 1, available=1, maintenance=1),
        lines("", None, available=2),
        lines("limping", 3, degraded=5, available=1),
        lines("gone", 4, unavailable=1, available=9),
    )
    assert told(page) == [("gone", 10, 0), ("limping", 6, 0), ("a", 2, 0), ("b", 3, 0), (NO_GROUP, 2, 0)]
    assert (page.number, page.pages, page.rows, page.total) == (1, 1, 23, 23)
    assert next(iter(page.sections[0].states)) is Group.UNAVAILABLE
    by_name = laid(lines("b", 2, unavailable=3), lines("a", 1, available=1), order=Order.NAME)
    assert [section.owner.slug for section in by_name.sections] == ["a", "b"]


def test_of_many_rows_each_group_shows_its_first_and_how_many_are_left() -> None:
    groups = [lines(f"g{number:02}", number, available=12 if number == 1 else 13) for number in range(1, 8)]
    first, second = laid(*groups), laid(*groups, number=2)
    assert told(first) == [("g01", 12, 0), ("g02", 10, 3), ("g03", 10, 3), ("g04", 10, 3)]
    assert told(second) == [("g05", 10, 3), ("g06", 10, 3), ("g07", 10, 3)]
    assert (first.pages, second.start, second.rows, second.total) == (2, 51, 39, 90)
    assert laid(*groups, number=99) == second


def test_what_fits_on_one_page_is_shown_whole() -> None:
    assert told(laid(lines("a", 1, available=40), lines("b", 2, available=10))) == [("a", 40, 0), ("b", 10, 0)]


def test_one_group_alone_is_one_list_over_pages() -> None:
    page = laid(lines("a", 1, available=120), number=3)
    assert (page.sections, page.number, page.pages, page.start, page.rows) == ((), 3, 3, 100, 20)
    assert laid(lines("a", 1, available=20), lines("b", 2, available=100), by=By.REGISTRY).sections == ()


def test_nothing_is_one_empty_page() -> None:
    for by in (None, By.GROUP):
        page = laid(by=by, number=7)
        assert (page.sections, page.number, page.pages, page.rows, page.total) == ((), 1, 1, 0, 0)
