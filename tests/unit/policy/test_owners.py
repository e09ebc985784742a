"""Who has to act on what a check found."""

import pytest

from probes.policy.owners import Owner, owner_of
from probes.protocol.taxonomy import Reason, Stage


@pytest.mark.parametrize(
    ("reason", "owner"),
    [
        (Reason.OK, Owner.NOBODY),
        (Reason.TAG_NOT_FOUND, Owner.IMAGE),
        (Reason.REGISTRY_ERROR, Owner.REGISTRY),
        (Reason.AUTH_BAD_CREDENTIALS, Owner.LOGIN),
        (Reason.POLICY_BLOCKED, Owner.POLICY),
        (Reason.RATE_LIMITED, Owner.WAIT),
        (Reason.DNS_TEMPORARY, Owner.NETWORK),
        (Reason.INTERNAL_ERROR, Owner.KAIROS),
        (Reason.REF_INVALID, Owner.CHECK),
        (Reason.AUTH_SERVICE_ERROR, Owner.TOKEN_SERVICE),
        (Reason.ENDPOINT_JSON, Owner.ENDPOINT),
    ],
)
def test_a_reason_says_who_has_to_act(reason: Reason, owner: Owner) -> None:
    assert owner_of(reason) is owner


def test_every_reason_has_an_owner() -> None:
    assert {owner_of(reason) for reason in Reason} >= set(Owner) - {Owner.STORAGE} - {Owner.NETWORK}
    assert [reason for reason in Reason if owner_of(reason) is Owner.NOBODY] == [Reason.OK]


@pytest.mark.parametrize(
    ("asked_for", "owner"),
    [(Stage.LAYER, Owner.STORAGE), (Stage.TOKEN, Owner.TOKEN_SERVICE), (Stage.MANIFEST, Owner.REGISTRY)],
)
def test_another_host_than_the_registrys_is_run_by_somebody_else(asked_for: Stage, owner: Owner) -> None:
    assert owner_of(Reason.GATEWAY_ERROR, asked_for=asked_for, is_elsewhere=True) is owner
    assert owner_of(Reason.GATEWAY_ERROR, asked_for=asked_for) is Owner.REGISTRY


def test_what_others_reach_is_for_the_network_of_those_who_do_not() -> None:
    assert owner_of(Reason.CONNECT_TIMEOUT, is_reached_by_others=True) is Owner.NETWORK
    assert owner_of(Reason.CONNECT_TIMEOUT) is Owner.REGISTRY
    assert owner_of(Reason.TLS_EXPIRED, is_reached_by_others=True) is Owner.REGISTRY


def test_an_endpoint_has_no_registry() -> None:
    assert owner_of(Reason.CONNECT_REFUSED, is_endpoint=True) is Owner.ENDPOINT
