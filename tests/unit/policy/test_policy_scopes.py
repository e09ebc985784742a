"""One outage of what many share, instead of many."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from probes.policy.scopes import (
    NO_SERVICE,
    Bound,
    Failure,
    Kind,
    Outage,
    Scope,
    cause_of,
    infer,
    is_over,
    joins,
    left_behind,
    scopes_of,
)
from probes.protocol.taxonomy import Reason, Stage

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
GHCR = Scope(Kind.REGISTRY, "ghcr.io")
EVERYWHERE = frozenset({"ap-south", "eu-west"})


def repository(name: str) -> Scope:
    return Scope(Kind.REPOSITORY, f"ghcr.io/{name}")


def failing(resource: int, *scopes: Scope, cause: str = NO_SERVICE, minute: int = 0) -> Failure:
    began_at = NOON + minute * MINUTE
    return Failure(resource=resource, cause=cause, began_at=began_at, scopes=frozenset({GHCR, *scopes}))


def blamed(failures: list[Failure], totals: Mapping[Scope, int]) -> list[tuple[Scope, list[int]]]:
    return [(outage.scope, sorted(outage.resources)) for outage in infer(failures, totals)]


def test_registry_that_is_down_is_one_outage() -> None:
    failures = [failing(n, repository(f"app-{n // 20}"), minute=n % 5) for n in range(400)]
    totals = {GHCR: 400} | {repository(f"app-{n}"): 20 for n in range(20)}
    (outage,) = infer(failures, totals)
    assert outage == Outage(scope=GHCR, cause=NO_SERVICE, began_at=NOON, resources=frozenset(range(400)))


def test_repository_that_is_gone_is_not_its_registry() -> None:
    failures = [failing(n, repository("app"), cause="repository_not_found") for n in range(4)]
    assert blamed(failures, {GHCR: 5, repository("app"): 4}) == [(repository("app"), [0, 1, 2, 3])]


def test_of_what_is_as_narrow_the_host_that_failed_is_blamed() -> None:
    auth = Scope(Kind.AUTH_HOST, "auth.ghcr.io")
    failures = [failing(n, repository("app"), auth, cause="auth_service_error") for n in range(4)]
    assert blamed(failures, {GHCR: 4, repository("app"): 4, auth: 4}) == [(auth, [0, 1, 2, 3])]


def test_few_of_many_stand_alone() -> None:
    failures = [failing(n) for n in range(5)]
    assert blamed(failures, {GHCR: 10}) == []
    assert blamed(failures, {GHCR: 9}) == [(GHCR, [0, 1, 2, 3, 4])]


def test_two_are_no_outage_of_what_they_share() -> None:
    assert blamed([failing(0), failing(1)], {GHCR: 2}) == []


def test_other_causes_are_other_failures() -> None:
    failures = [failing(0), failing(1), failing(2, cause="tag_not_found"), failing(3, cause="tag_not_found")]
    assert blamed(failures, {GHCR: 4}) == []


def test_what_failed_long_ago_is_not_part_of_it() -> None:
    failures = [
        failing(0, minute=-60),
        failing(1),
        failing(2, minute=9),
        failing(3, minute=10),
        failing(4, minute=30),
    ]
    assert blamed(failures, {GHCR: 5}) == [(GHCR, [1, 2, 3])]


def test_two_outages_at_once_are_two() -> None:
    failures = [failing(n, repository("one"), cause="auth_denied") for n in range(3)]
    failures += [failing(n, repository("two"), cause="auth_denied") for n in range(3, 7)]
    totals = {GHCR: 100, repository("one"): 3, repository("two"): 4}
    assert blamed(failures, totals) == [(repository("two"), [3, 4, 5, 6]), (repository("one"), [0, 1, 2])]


def test_scope_without_a_total_has_what_fails_in_it() -> None:
    assert blamed([failing(n) for n in range(3)], {}) == [(GHCR, [0, 1, 2])]


def test_without_failures_there_is_no_outage() -> None:
    assert infer([], {GHCR: 3}) == []


def test_host_that_is_down_fails_in_many_ways() -> None:
    alike = [Reason.CONNECT_TIMEOUT, Reason.CONNECTION_RESET, Reason.GATEWAY_ERROR, Reason.AUTH_SERVICE_TIMEOUT]
    assert {cause_of(reason) for reason in alike} == {NO_SERVICE}
    assert cause_of(Reason.TAG_NOT_FOUND) == "tag_not_found"


@pytest.mark.parametrize(
    ("reason", "stage", "host", "regions", "kinds"),
    [
        (Reason.TAG_NOT_FOUND, Stage.MANIFEST, "ghcr.io", EVERYWHERE, set()),
        (Reason.AUTH_EXPIRED, Stage.TOKEN, "ghcr.io", EVERYWHERE, {Kind.CREDENTIAL}),
        (Reason.AUTH_SERVICE_ERROR, Stage.TOKEN, "auth.ghcr.io", EVERYWHERE, {Kind.AUTH_HOST}),
        (Reason.BLOB_BACKEND_DENIED, Stage.LAYER, "cdn.example", EVERYWHERE, {Kind.BLOB_HOST}),
        (Reason.CONNECT_REFUSED, Stage.CONFIG, "cdn.example", EVERYWHERE, {Kind.BLOB_HOST}),
        (Reason.CONNECT_REFUSED, Stage.CONNECT, "mirror.example", EVERYWHERE, set()),
        (Reason.CONNECT_REFUSED, Stage.CONNECT, None, frozenset({"eu-west"}), {Kind.REGION}),
    ],
)
def test_only_what_the_check_failed_at_is_suspected(
    reason: Reason, stage: Stage, host: str | None, regions: frozenset[str], kinds: set[Kind]
) -> None:
    found = scopes_of(
        registry="ghcr.io",
        repository="org/app",
        credential="17",
        reason=reason,
        stage=stage,
        host=host,
        regions=regions,
    )
    assert {scope.kind for scope in found} - {Kind.REGISTRY, Kind.REPOSITORY} == kinds
    assert found >= {GHCR, Scope(Kind.REPOSITORY, "ghcr.io/org/app")}


def test_anonymous_check_suspects_no_credential() -> None:
    found = scopes_of(
        registry="ghcr.io",
        repository="org/app",
        credential=None,
        reason=Reason.AUTH_REQUIRED,
        stage=Stage.CHALLENGE,
        host="ghcr.io",
        regions=EVERYWHERE,
    )
    assert {scope.kind for scope in found} == {Kind.REGISTRY, Kind.REPOSITORY}


OUTAGE = Outage(scope=GHCR, cause=NO_SERVICE, began_at=NOON, resources=frozenset(range(4)))


def test_later_failure_joins_the_outage_that_explains_it() -> None:
    late = failing(9, minute=45)
    assert joins(OUTAGE, late)
    assert not joins(OUTAGE, replace(late, cause="tag_not_found"))
    assert not joins(OUTAGE, replace(late, scopes=frozenset({repository("app")})))
    assert not joins(OUTAGE, replace(late, began_at=NOON - MINUTE))


@pytest.mark.parametrize(
    ("left", "over"), [({0, 1, 2, 3}, False), ({0, 1}, False), ({0}, True), (set(), True)], ids=str
)
def test_outage_is_over_when_few_are_left(left: set[int], over: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_over(OUTAGE.resources, dict.fromkeys(left, NO_SERVICE), cause=NO_SERVICE) is over


def test_failures_of_another_cause_do_not_keep_an_outage_going() -> None:
    assert is_over(OUTAGE.resources, dict.fromkeys(range(4), "tag_not_found"), cause=NO_SERVICE)


def test_whoever_does_not_recover_with_the_others_stands_alone_in_the_end() -> None:
    """One is checked each minute and one each hour: the latter cannot have recovered yet."""
    still, patience = {0: NO_SERVICE, 1: "auth_denied"}, {0: 3 * MINUTE, 1: 180 * MINUTE}
    assert left_behind(OUTAGE.resources, still, patience, over_for=MINUTE) == frozenset()
    assert left_behind(OUTAGE.resources, still, patience, over_for=3 * MINUTE) == {0}
    assert left_behind(OUTAGE.resources, still, {}, over_for=timedelta(0)) == {0, 1}


def test_bound_is_the_operators() -> None:
    failures = [failing(0), failing(1, minute=30)]
    bound = Bound(minimum=2, window=timedelta(hours=1))
    assert [outage.scope for outage in infer(failures, {GHCR: 2}, bound=bound)] == [GHCR]
