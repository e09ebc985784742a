"""Which hosts belong to one owner."""

import pytest

from probes.protocol.domains import registrable_domain, same_owner


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("auth.docker.io", "docker.io"),
        ("REGISTRY-1.docker.io.", "docker.io"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("ours.azurecr.io", "ours.azurecr.io"),
        ("ours.westeurope.data.azurecr.io", "ours.westeurope.data.azurecr.io"),
        ("1234.dkr.ecr.eu-west-1.amazonaws.com", "1234.dkr.ecr.eu-west-1.amazonaws.com"),
        ("europe-docker.pkg.dev", "europe-docker.pkg.dev"),
        ("gcr.io", None),
        ("ghcr.io", "ghcr.io"),
        ("someone.github.io", "someone.github.io"),
        ("co.uk", None),
        ("localhost", None),
        ("10.0.0.7", None),
        ("[2001:db8::1]", None),
    ],
)
def test_owner_of_a_host_is_the_domain_that_was_registered(host: str, domain: str | None) -> None:
    """T5, S1: a suffix under which anyone may rent a name is public."""
    assert registrable_domain(host) == domain


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("registry-1.docker.io", "auth.docker.io", True),
        ("registry.gitlab.com", "gitlab.com", True),
        ("ours.azurecr.io", "ours.azurecr.io", True),
        ("ours.azurecr.io", "theirs.azurecr.io", False),
        ("docker.io", "docker.io.elsewhere.test", False),
        ("10.0.0.7", "10.0.0.7", True),
        ("10.0.0.7", "10.0.0.8", False),
        ("localhost", "localhost", True),
        ("gcr.io", "us.gcr.io", False),
    ],
)
def test_two_hosts_have_one_owner_or_not(one: str, other: str, *, same: bool) -> None:
    """T3, T5."""
    assert same_owner(one, other) is same_owner(other, one) is same
