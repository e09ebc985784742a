"""On which terms a resource is judged."""

from datetime import timedelta
from decimal import Decimal

import pytest

from probes.policy.terms import NOTHING_SAID, USUAL, Layer, Origin, Quorum, Severity, Terms, origins, settle


def test_usual_terms_are_documented_ones() -> None:
    assert Terms() == USUAL
    assert (USUAL.quorum, USUAL.minimum_votes, USUAL.fresh_intervals) == (Quorum(percent=51), 2, 3)
    assert (USUAL.thresholds.enter, USUAL.thresholds.leave) == (3, 2)


def test_each_layer_overrules_what_it_says_and_inherits_the_rest() -> None:
    everywhere = Layer(failures=4, recoveries=5, severity=Severity.WARNING)
    group = Layer(failures=2, quorum=Quorum(votes=1))
    own = Layer(quorum=Quorum(percent=80), degraded_after=timedelta(hours=1), uptime_target_percent=Decimal("99.9"))
    assert settle(everywhere, group, own) == Terms(
        quorum=Quorum(percent=80),
        minimum_votes=2,
        failures=2,
        recoveries=5,
        severity=Severity.WARNING,
        degraded_after=timedelta(hours=1),
        uptime_target_percent=Decimal("99.9"),
    )


def test_layers_that_say_nothing_change_nothing() -> None:
    assert settle() == settle(NOTHING_SAID, NOTHING_SAID) == USUAL


def test_origin_of_a_field_is_the_strongest_layer_that_says_something_of_it() -> None:
    layers = {
        Origin.ALL: Layer(failures=4, recoveries=5),
        Origin.GROUP: Layer(failures=2, uptime_target_percent=Decimal(99)),
        Origin.RESOURCE: Layer(quorum=Quorum(votes=1), degraded_after=timedelta(0)),
    }
    assert origins(layers) == {
        "quorum": Origin.RESOURCE,
        "minimum_votes": Origin.DEFAULT,
        "failures": Origin.GROUP,
        "recoveries": Origin.ALL,
        "fresh_intervals": Origin.DEFAULT,
        "severity": Origin.DEFAULT,
        "degraded_after": Origin.RESOURCE,
        "uptime_target_percent": Origin.GROUP,
    }
    assert set(origins({}).values()) == {Origin.DEFAULT}


@pytest.mark.parametrize(
    ("quorum", "voters", "eligible", "needed"),
    [
        (Quorum(percent=51), 0, 0, 1),
        (Quorum(percent=51), 1, 1, 1),
        (Quorum(percent=51), 2, 2, 2),
        (Quorum(percent=51), 3, 3, 2),
        (Quorum(percent=51), 4, 4, 3),
        (Quorum(percent=51), 10, 10, 6),
        (Quorum(percent=50), 4, 4, 2),
        (Quorum(percent=100), 5, 5, 5),
        (Quorum(percent=1), 5, 5, 1),
        (Quorum(votes=2), 5, 5, 2),
        (Quorum(votes=2), 1, 5, 2),
        (Quorum(votes=5), 3, 3, 3),
        (Quorum(votes=5), 0, 0, 1),
    ],
)
def test_quorum_is_a_share_of_the_voters_or_a_number_of_votes(
    quorum: Quorum, voters: int, eligible: int, needed: int
) -> None:
    assert quorum.needed(voters, eligible=eligible) == needed
    assert Quorum.from_json(quorum.to_json()) == quorum


@pytest.mark.parametrize(
    "given", [{}, {"votes": 1, "percent": 1}, {"votes": 0}, {"percent": 0}, {"percent": 101}], ids=str
)
def test_quorum_that_makes_no_sense_is_none(given: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="quorum"):
        Quorum(**given)
