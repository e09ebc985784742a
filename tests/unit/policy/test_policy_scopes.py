"""One outage of what many share, instead of many."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from probes.policy.ballot import Stance
from probes.policy.scopes import (
    LONGEST_SENTENCE,
    NO_SERVICE,
    Bound,
    Failure,
    Kind,
    Outage,
    Scope,
    Sighting,
    cause_among,
    cause_of,
    failure_of,
    goes_on_for,
    infer,
    is_over,
    joins,
    left_behind,
    main_cause,
    scopes_of,
    sentence,
)
from probes.policy.verdict import Inputs, Presence, Vote, decide
from probes.protocol.taxonomy import Reason, Stage, Status

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


def test_what_is_seldom_looked_at_may_have_failed_all_along() -> None:
    """Each hour one of them is checked: that they fail was seen over an hour, and may be one minute's work."""
    hourly = [replace(failing(n, minute=20 * n), unseen=60 * MINUTE) for n in range(4)]
    assert blamed(hourly, {GHCR: 4}) == [(GHCR, [0, 1, 2, 3])]
    assert blamed([replace(failure, unseen=timedelta(0)) for failure in hourly], {GHCR: 4}) == []
    assert blamed([*hourly, replace(failing(4, minute=80), unseen=60 * MINUTE)], {GHCR: 5}) == [(GHCR, [0, 1, 2, 3])]


def test_failures_alone_are_no_outage_before_one_of_them_is_an_incident() -> None:
    failures = [replace(failing(n), is_told=False) for n in range(4)]
    assert blamed(failures, {GHCR: 4}) == []
    assert blamed([*failures[:3], failing(3)], {GHCR: 4}) == [(GHCR, [0, 1, 2, 3])]


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
        (Reason.AUTH_SERVICE_ERROR, Stage.TOKEN, "", EVERYWHERE, set()),
        (Reason.BLOB_BACKEND_DENIED, Stage.LAYER, "", EVERYWHERE, set()),
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


def seen(region: str, reason: Reason = Reason.CONNECT_TIMEOUT, minute: int = 0, **values: Any) -> Sighting:
    place: dict[str, Any] = {"stage": None, "host": None} | values
    return Sighting(region=region, reason=reason, since=NOON + minute * MINUTE, **place)


def test_resource_fails_for_what_most_regions_see() -> None:
    sightings = [
        seen("ap-south", Reason.CONNECT_REFUSED, 2),
        seen("eu-west", Reason.TAG_NOT_FOUND),
        seen("us-east", Reason.GATEWAY_ERROR, 1),
    ]
    found = failure_of(7, sightings, registry="ghcr.io", repository="app", unseen=5 * MINUTE, is_told=False)
    assert found == Failure(
        resource=7,
        cause=NO_SERVICE,
        began_at=NOON + MINUTE,
        scopes=frozenset({GHCR, repository("app")}),
        unseen=5 * MINUTE,
        is_told=False,
    )
    assert failure_of(7, sightings[1:], registry="ghcr.io", repository="app").cause == NO_SERVICE
    assert main_cause([]) == ""


def test_resource_is_suspected_of_all_that_its_regions_met() -> None:
    """Each region may show a credential of its own, and be sent to another host for blobs."""
    denied = [
        seen("eu-west", Reason.AUTH_EXPIRED, credential="17"),
        seen("us-east", Reason.AUTH_EXPIRED, credential="18"),
    ]
    found = failure_of(7, denied, registry="ghcr.io", repository="app").scopes
    assert found - {GHCR, repository("app")} == {Scope(Kind.CREDENTIAL, "17"), Scope(Kind.CREDENTIAL, "18")}


def test_host_that_is_the_registry_itself_is_no_other() -> None:
    at_hub = [seen(region, stage=Stage.LAYER, host="registry-1.docker.io") for region in EVERYWHERE]
    own = frozenset({"docker.io", "registry-1.docker.io"})
    found = failure_of(7, at_hub, registry="docker.io", repository="app", own_hosts=own).scopes
    assert {scope.kind for scope in found} == {Kind.REGISTRY, Kind.REPOSITORY}


def test_endpoint_has_no_repository() -> None:
    found = failure_of(7, [seen("eu-west")], registry="example.com", repository="").scopes
    assert found == {Scope(Kind.REGISTRY, "example.com"), Scope(Kind.REGION, "eu-west")}


def test_outage_is_told_in_words() -> None:
    assert sentence(str(GHCR), NO_SERVICE, extent=12) == "12 resources of registry ghcr.io fail: no service"


def test_name_too_long_for_its_column_is_cut() -> None:
    told = sentence(f"credential {'x' * 700}", NO_SERVICE, extent=12)
    assert len(told) == LONGEST_SENTENCE
    assert told.startswith("12 resources of credential xxx")
    assert told.endswith("x… fail: no service")


def _vote(region: str, stance: Stance, status: Status, reason: str | None, said: Presence = Presence.PRESENT) -> Vote:
    return Vote(region=region, presence=said, status=status, reason=reason, slot=NOON, stance=stance, since=NOON)


def test_cause_of_a_verdict_is_that_of_those_who_vote_and_still_fail() -> None:
    votes = (
        _vote("a", Stance.BAD, Status.UNAVAILABLE, "tag_not_found"),
        _vote("b", Stance.BAD, Status.AVAILABLE, "ok"),  # begins to recover
        _vote("c", Stance.GOOD, Status.UNAVAILABLE, "auth_denied"),  # a blip
        _vote("d", Stance.BAD, Status.UNAVAILABLE, "auth_denied", Presence.SILENT),
        _vote("e", Stance.BAD, Status.UNAVAILABLE, None),
    )
    inputs = Inputs(now=NOON, interval_seconds=60, votes=votes)
    assert cause_among(inputs, decide(inputs)) == "tag_not_found"
    recovering = replace(inputs, votes=votes[1:3])
    assert cause_among(recovering, decide(recovering)) == ""


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


@pytest.mark.parametrize(
    ("late", "is_part"),
    [
        (failing(9, minute=45), True),
        (failing(9, minute=-10), True),
        (failing(9, minute=-11), False),
        (failing(9, minute=45, cause="tag_not_found"), False),
        (replace(failing(9, minute=45), scopes=frozenset({repository("app")})), False),
    ],
    ids=["later", "reported later", "long before", "of something else", "elsewhere"],
)
def test_later_failure_joins_the_outage_that_explains_it(late: Failure, is_part: bool) -> None:  # noqa: FBT001 - a table's column
    assert joins(late, scope=GHCR, cause=NO_SERVICE, began_at=NOON) is is_part


@pytest.mark.parametrize(
    ("failing", "extent", "over"), [(4, 4, False), (2, 4, False), (1, 4, True), (0, 4, True), (0, 0, True)]
)
def test_outage_is_over_when_few_are_left(failing: int, extent: int, over: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_over(failing, extent=extent) is over


@pytest.mark.parametrize(
    ("failing", "cause"),
    [
        ({NO_SERVICE: 3}, NO_SERVICE),
        ({NO_SERVICE: 3, "auth_denied": 7}, NO_SERVICE),
        ({NO_SERVICE: 2, "auth_denied": 3, "tag_not_found": 3}, "auth_denied"),
        ({NO_SERVICE: 2, "tag_not_found": 1}, None),
        ({}, None),
    ],
    ids=["its own", "its own, though another is larger", "another", "few of each", "nothing fails"],
)
def test_outage_goes_on_while_enough_fail_alike(failing: Mapping[str, int], cause: str | None) -> None:
    assert goes_on_for(failing, cause=NO_SERVICE, extent=10) == cause


def test_whoever_does_not_recover_with_the_others_stands_alone_in_the_end() -> None:
    """One is checked each minute and one each hour: the latter cannot have recovered yet."""
    still, patience = {0: NO_SERVICE, 1: "auth_denied"}, {0: 3 * MINUTE, 1: 180 * MINUTE}
    assert left_behind(range(4), still, patience, over_for=MINUTE) == frozenset()
    assert left_behind(range(4), still, patience, over_for=3 * MINUTE) == {0}
    assert left_behind(range(4), still, {}, over_for=timedelta(0)) == {0, 1}


def test_bound_is_the_operators() -> None:
    failures = [failing(0), failing(1, minute=30)]
    bound = Bound(minimum=2, window=timedelta(hours=1))
    assert [outage.scope for outage in infer(failures, {GHCR: 2}, bound=bound)] == [GHCR]
