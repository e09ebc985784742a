"""The keys of cloud registries: what may be stored, and where it leads."""

import json
from typing import Any

import pytest

from probes.protocol.provider import (
    AcrKey,
    EcrKey,
    GoogleKey,
    KeyInvalid,
    Provider,
    ecr_place,
    is_ecr_host,
    read_key,
    sts_place,
    write_key,
)

SECRET = "to-look-for"
ECR = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": SECRET}
GOOGLE = {
    "type": "service_account",
    "project_id": "p",
    "client_email": "robot@p.iam.gserviceaccount.com",
    "private_key": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n",
}
ACR = {"tenant": "example.onmicrosoft.com", "client_id": "an-id", "client_secret": SECRET}
OF = {"ecr": ECR, "google": GOOGLE, "acr": ACR}


@pytest.mark.parametrize("provider", list(Provider))
def test_key_is_the_same_after_a_way_through_json_and_is_not_shown(provider: Provider) -> None:
    """T35."""
    key = read_key(provider, json.dumps(OF[provider]))
    assert read_key(provider, write_key(key)) == key
    assert SECRET not in repr(key)
    assert SECRET in "".join(key.hidden)


def test_places_that_are_not_given_are_the_providers_own() -> None:
    google = read_key("google", json.dumps(GOOGLE))
    azure = read_key("acr", json.dumps(ACR))
    assert isinstance(google, GoogleKey)
    assert isinstance(azure, AcrKey)
    assert google.token_uri == "https://oauth2.googleapis.com/token"
    assert azure.authority == "https://login.microsoftonline.com"


@pytest.mark.parametrize("document", [{"own_role": True}, {"own_role": True, "region": "us-gov-west-1"}])
def test_own_role_needs_no_key(document: dict[str, Any]) -> None:
    assert read_key("ecr", json.dumps(document)) == EcrKey(**document)


def test_token_of_azure_needs_no_principal() -> None:
    assert read_key("acr", '{"aad_token": "a.b.c"}') == AcrKey(aad_token="a.b.c")


@pytest.mark.parametrize(
    ("provider", "changes", "field"),
    [
        ("ecr", {"access_key_id": ""}, "access_key_id"),
        ("ecr", {"access_key_id": "AKIA to-look-for"}, "access_key_id"),
        ("ecr", {"secret_access_key": ""}, "secret_access_key"),
        ("ecr", {"secret_access_key": "to-look-for\n"}, "secret_access_key"),
        ("ecr", {"session_token": "to-look-for\n"}, "session_token"),
        ("ecr", {"secret_access_key": 7}, "secret_access_key"),
        ("ecr", {"own_role": True}, "own_role"),
        ("ecr", {"own_role": "yes"}, "own_role"),
        ("ecr", {"region": "eu-west-1.evil.test/"}, "region"),
        ("ecr", {"role_arn": "pull-only"}, "role_arn"),
        ("ecr", {"sts_endpoint": "http://sts.example/"}, "sts_endpoint"),
        ("ecr", {"endpoint": "http://vpce.example/"}, "endpoint"),
        ("ecr", {"endpoint": "https://me@vpce.example/"}, "endpoint"),
        ("ecr", {"to-look-for": "x"}, ""),
        ("google", {"type": "authorized_user"}, ""),
        ("google", {"client_email": "robot"}, "client_email"),
        ("google", {"private_key": "to-look-for"}, "private_key"),
        ("google", {"private_key": ["to-look-for"]}, "private_key"),
        ("google", {"token_uri": "http://oauth2.googleapis.com/token"}, "token_uri"),
        ("acr", {"tenant": "a/../b"}, "tenant"),
        ("acr", {"client_id": ""}, "client_id"),
        ("acr", {"client_secret": ""}, "client_secret"),
        ("acr", {"aad_token": "x"}, "aad_token"),
        ("acr", {"client_secret": "", "aad_token": "to-look-for\n"}, "aad_token"),
        ("acr", {"authority": "https://login.example/tenant"}, "authority"),
        ("acr", {"authority": "login.example"}, "authority"),
        ("acr", {"role": "x"}, ""),
    ],
)
def test_key_that_cannot_be_names_its_field_and_repeats_nothing(
    provider: str, changes: dict[str, Any], field: str
) -> None:
    """T35."""
    with pytest.raises(KeyInvalid) as refused:
        read_key(provider, json.dumps(OF[provider] | changes))
    assert refused.value.field == field
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("provider", "key"), [("ecr", SECRET), ("ecr", "[]"), ("quay", "{}"), ("", "{}"), ("acr", "[" * 100_000)]
)
def test_what_is_no_key_at_all_is_refused(provider: str, key: str) -> None:
    with pytest.raises(KeyInvalid) as refused:
        read_key(provider, key)
    assert refused.value.__cause__ is None
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "given", "region", "url"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "", "eu-west-1", "https://api.ecr.eu-west-1.amazonaws.com/"),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "",
            "cn-north-1",
            "https://api.ecr.cn-north-1.amazonaws.com.cn/",
        ),
        (
            "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com:443",
            "",
            "us-east-1",
            "https://ecr-fips.us-east-1.amazonaws.com/",
        ),
        ("registry.example", "eu-central-1", "eu-central-1", "https://api.ecr.eu-central-1.amazonaws.com/"),
        ("registry.example", "cn-north-1", "cn-north-1", "https://api.ecr.cn-north-1.amazonaws.com.cn/"),
    ],
)
def test_ecr_is_asked_in_the_region_of_the_registry(host: str, given: str, region: str, url: str) -> None:
    assert ecr_place(EcrKey(region=given), host) == (region, url)


def test_ecr_is_asked_at_its_own_endpoint_where_one_is_given() -> None:
    key = EcrKey(endpoint="https://vpce-1.api.ecr.eu-west-1.vpce.amazonaws.com/", region="eu-west-1")
    assert ecr_place(key, "registry.example")[1] == key.endpoint


@pytest.mark.parametrize(
    ("key", "region", "url"),
    [
        (EcrKey(), "eu-west-1", "https://sts.eu-west-1.amazonaws.com/"),
        (EcrKey(), "cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn/"),
        (EcrKey(sts_endpoint="https://sts.example/"), "eu-west-1", "https://sts.example/"),
    ],
)
def test_role_is_assumed_in_the_same_region(key: EcrKey, region: str, url: str) -> None:
    assert sts_place(key, region) == url


def test_ecr_without_any_region_is_refused() -> None:
    with pytest.raises(KeyInvalid, match="region"):
        ecr_place(EcrKey(), "registry.example")


@pytest.mark.parametrize(
    "host",
    [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.test",
        "evil.test/123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "x.123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.evil.test.amazonaws.com",
        "public.ecr.aws",
    ],
)
def test_other_hosts_are_not_amazons(host: str) -> None:
    assert not is_ecr_host(host)
