"""Properties of outages: what they claim is so, and no failure is claimed twice."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from probes.policy.scopes import USUAL, Failure, Kind, Scope, infer

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCOPES = [Scope(kind, name) for kind in Kind for name in ("a", "b")]

failures_of_some = st.lists(
    st.builds(
        Failure,
        resource=st.integers(0, 40),
        cause=st.sampled_from(["no_service", "auth_denied"]),
        began_at=st.integers(0, 30).map(lambda minutes: NOON + timedelta(minutes=minutes)),
        scopes=st.frozensets(st.sampled_from(SCOPES), max_size=4),
    ),
    max_size=40,
    unique_by=lambda failure: failure.resource,
)
totals_of_some = st.dictionaries(st.sampled_from(SCOPES), st.integers(1, 60))


@given(failures_of_some, totals_of_some)
def test_outage_holds_what_it_claims(failures: list[Failure], totals: dict[Scope, int]) -> None:
    known = {failure.resource: failure for failure in failures}
    claimed: set[int] = set()
    for outage in infer(failures, totals):
        members = [known[resource] for resource in outage.resources]
        assert len(members) >= USUAL.minimum
        assert len(members) * 100 >= totals.get(outage.scope, 0) * USUAL.percent
        assert {member.cause for member in members} == {outage.cause}
        assert all(outage.scope in member.scopes for member in members)
        began = [member.began_at for member in members]
        assert min(began) == outage.began_at
        assert max(began) - min(began) <= USUAL.window
        assert not claimed & outage.resources
        claimed |= outage.resources


@given(failures_of_some, totals_of_some, st.data())
def test_order_of_failures_does_not_matter(
    failures: list[Failure], totals: dict[Scope, int], data: st.DataObject
) -> None:
    assert infer(data.draw(st.permutations(failures)), totals) == infer(failures, totals)
