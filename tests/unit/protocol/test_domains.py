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
    "host",
    [
        "ours.azurecr.io", "ours.westeurope.data.azurecr.io", "ours.azurecr.us", "ours.azurecr.cn",
        "1234.dkr.ecr.eu-west-1.amazonaws.com", "1234.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "1234.dkr-ecr.eu-west-1.on.aws", "ours.s3.eu-west-1.amazonaws.com", "ours.eu-west-1.elb.amazonaws.com",
        "europe-docker.pkg.dev", "eu.gcr.io", "ours.run.app.web.app", "storage.googleapis.com",
        "d111.cloudfront.net", "ours.blob.core.windows.net", "ours.blob.core.usgovcloudapi.net",
        "ours.blob.core.chinacloudapi.cn", "ours.westeurope.cloudapp.azure.com", "ours.azurecontainerapps.io",
        "ours.github.io", "raw.githubusercontent.com", "ours.gitlab.io", "ours.jfrog.io", "ours.cloudsmith.io",
        "ours.ocir.io", "rg.fr-par.scw.cloud", "ours.r2.cloudflarestorage.com", "ours.nyc3.digitaloceanspaces.com",
        "ours.s3.us-west-000.backblazeb2.com", "ours.s3.wasabisys.com", "ours.tencentcloudcr.com",
        "ours.workers.dev", "ours.pages.dev", "ours.herokuapp.com", "ours.fly.dev", "ours.ngrok-free.app",
        "ours.azurewebsites.net", "ours.azureedge.net", "ours.trafficmanager.net", "ours.duckdns.org",
        "1-2-3-4.nip.io", "1-2-3-4.sslip.io",
    ],
)  # fmt: skip
def test_tenants_of_a_shared_suffix_do_not_own_each_other(host: str) -> None:
    """T5, S1, part F: whoever rents the name next door must not be sent this one's password."""
    stranger = f"theirs.{host.partition('.')[2]}"
    assert registrable_domain(host) == host
    assert same_owner(host, host)
    assert not same_owner(host, stranger)
    assert not same_owner(host, host.partition(".")[2])


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
