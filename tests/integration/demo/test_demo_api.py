"""The registry's API, its token server and its blob hosts, as an HTTP client meets them."""

import hashlib

import pytest

from kairos.demo.registry import DemoRegistry
from tests.integration.demo.conftest import Client, Clock, basic, challenge


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


async def test_the_ping_asks_for_a_token_without_a_scope(client: Client, demo: DemoRegistry) -> None:
    answer = await client.send("GET", demo.sites.registry, "/v2/")
    assert challenge(answer) == {
        "realm": f"https://auth.kairos.test:{demo.sites.auth.port}/token",
        "service": "registry.kairos.test",
    }
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"
    token = await client.token("shop/checkout")
    answer = await client.send("GET", demo.sites.registry, "/v2/", Authorization=f"Bearer {token}")
    assert answer.status_code == 200


async def test_a_manifest_without_a_token_is_challenged_with_its_scope(client: Client, demo: DemoRegistry) -> None:
    answer = await client.send("HEAD", demo.sites.registry, "/v2/shop/checkout/manifests/2.4.1")
    assert challenge(answer)["scope"] == "repository:shop/checkout:pull"


async def test_a_tag_and_its_digest_give_the_same_true_manifest(client: Client) -> None:
    by_tag = await client.pull("GET", "shop/checkout", "manifests/2.4.1")
    assert by_tag.headers["docker-content-digest"] == digest(by_tag.content)
    assert (
        by_tag.headers["content-type"] == "application/vnd.oci.image.manifest.v1+json" == by_tag.json()["mediaType"]
    )
    by_digest = await client.pull("GET", "shop/checkout", f"manifests/{digest(by_tag.content)}")
    assert by_digest.content == by_tag.content


async def test_head_tells_what_get_would_without_the_body(client: Client) -> None:
    head = await client.pull("HEAD", "shop/checkout", "manifests/2.4.1")
    get = await client.pull("GET", "shop/checkout", "manifests/2.4.1")
    assert head.content == b""
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}
    assert int(head.headers["content-length"]) == len(get.content)


async def test_every_blob_of_a_manifest_arrives_whole_by_way_of_the_blob_host(client: Client) -> None:
    manifest = (await client.pull("GET", "shop/checkout", "manifests/2.4.1")).json()
    for blob in (manifest["config"], *manifest["layers"]):
        redirect = await client.pull("GET", "shop/checkout", f"blobs/{blob['digest']}")
        assert redirect.headers["location"].startswith("https://blobs.kairos.test:")
        answer = await client.follow(redirect)
        assert (digest(answer.content), len(answer.content)) == (blob["digest"], blob["size"])


async def test_one_byte_of_a_blob_is_enough(client: Client) -> None:
    manifest = (await client.pull("GET", "shop/checkout", "manifests/2.4.1")).json()
    layer = manifest["layers"][-1]
    redirect = await client.pull("GET", "shop/checkout", f"blobs/{layer['digest']}", Range="bytes=0-0")
    answer = await client.follow(redirect, Range="bytes=0-0")
    assert (answer.status_code, len(answer.content)) == (206, 1)
    assert answer.headers["content-range"] == f"bytes 0-0/{layer['size']}"


async def test_a_bench_image_has_its_blobs_at_the_registry(client: Client) -> None:
    manifest = (await client.pull("GET", "bench/image-0002", "manifests/1")).json()
    layer = manifest["layers"][-1]["digest"]
    answer = await client.pull("GET", "bench/image-0002", f"blobs/{layer}", Range="bytes=0-0")
    assert answer.status_code == 206


@pytest.mark.parametrize(
    ("repository", "rest", "status", "code"),
    [
        ("shop/search", "manifests/3.0.0", 404, "MANIFEST_UNKNOWN"),
        ("shop/search", f"manifests/sha256:{'0' * 64}", 404, "MANIFEST_UNKNOWN"),
        ("shop/search", f"blobs/sha256:{'0' * 64}", 404, "BLOB_UNKNOWN"),
        ("shop/search", "manifests/sha256:ABC", 400, "DIGEST_INVALID"),
        ("shop/search", "blobs/sha256:ABC", 400, "DIGEST_INVALID"),
        ("shop/search", "referrers/x", 404, "UNSUPPORTED"),
        ("shop/search", "tags/other", 404, "UNSUPPORTED"),
        ("shop/Search", "manifests/1", 400, "NAME_INVALID"),
    ],
)
async def test_what_is_not_there_has_its_code(
    client: Client, repository: str, rest: str, status: int, code: str
) -> None:
    answer = await client.pull("GET", repository, rest)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


async def test_a_client_that_takes_no_such_type_hears_of_no_manifest(client: Client) -> None:
    docker_only = "application/vnd.docker.distribution.manifest.v2+json"
    assert (await client.pull("GET", "shop/checkout", "manifests/2.4.1", Accept=docker_only)).status_code == 404
    assert (await client.pull("GET", "shop/checkout", "manifests/2.4.1", Accept="*/*")).status_code == 200


async def test_the_registry_takes_no_writes(client: Client) -> None:
    answer = await client.pull("PUT", "shop/checkout", "manifests/2.4.1")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_tags_are_listed_by_pages(client: Client) -> None:
    listed = (await client.pull("GET", "shop/checkout", "tags/list")).json()
    assert listed == {"name": "shop/checkout", "tags": ["2.4.1"]}
    assert (await client.pull("GET", "shop/checkout", "tags/list?last=2.4.1")).json()["tags"] == []
    assert (await client.pull("GET", "shop/checkout", "tags/list?n=0")).json()["tags"] == []


async def ledger(client: Client, demo: DemoRegistry, token: str) -> dict[str, str]:
    path = "/v2/payments/ledger/manifests/1.9"
    return challenge(await client.send("GET", demo.sites.registry, path, Authorization=f"Bearer {token}"))


async def test_private_and_missing_repositories_look_alike_to_an_anonymous_client(
    client: Client, demo: DemoRegistry
) -> None:
    private = await ledger(client, demo, await client.token("payments/ledger"))
    assert (private["error"], private["scope"]) == ("insufficient_scope", "repository:payments/ledger:pull")
    token = await client.token("payments/nothing")
    missing = await client.send(
        "GET", demo.sites.registry, "/v2/payments/nothing/manifests/1", Authorization=f"Bearer {token}"
    )
    assert challenge(missing)["error"] == "insufficient_scope"


async def test_the_right_login_opens_a_private_repository(client: Client) -> None:
    assert (await client.pull("GET", "payments/gateway", "manifests/4.2")).status_code == 200


async def test_the_wrong_login_ends_at_the_token_server(client: Client, demo: DemoRegistry) -> None:
    path = "/token?service=registry.kairos.test&scope=repository:payments/gateway:pull"
    answer = await client.send("GET", demo.sites.auth, path, Authorization=basic("deploy-robot:old"))
    assert (answer.status_code, answer.json()) == (401, {"details": "incorrect username or password"})


async def test_a_token_goes_no_further_than_its_repository_service_and_time(
    client: Client, demo: DemoRegistry, clock: Clock
) -> None:
    assert (await ledger(client, demo, await client.token("shop/checkout")))["error"] == "insufficient_scope"
    assert (await ledger(client, demo, "not.a.token"))["error"] == "invalid_token"
    elsewhere = await client.token("library/warehouse", site=demo.sites.hub)
    assert (await ledger(client, demo, elsewhere))["error"] == "invalid_token"
    token = await client.token("shop/checkout")
    clock.advance(300)
    assert (await ledger(client, demo, token))["error"] == "invalid_token"


async def test_push_is_never_granted(client: Client, demo: DemoRegistry) -> None:
    path = "/token?service=registry.kairos.test&scope=repository:shop/checkout:push"
    token = (await client.send("GET", demo.sites.auth, path)).json()["token"]
    answer = await client.send(
        "GET", demo.sites.registry, "/v2/shop/checkout/manifests/2.4.1", Authorization=f"Bearer {token}"
    )
    assert challenge(answer)["error"] == "insufficient_scope"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/token?service=other", 400), ("POST", "/token", 405), ("GET", "/", 404)],
)
async def test_the_token_server_answers_what_it_was_made_for(
    client: Client, demo: DemoRegistry, method: str, path: str, status: int
) -> None:
    assert (await client.send(method, demo.sites.auth, path)).status_code == status


async def test_a_client_that_came_by_address_is_sent_on_by_address(client: Client, demo: DemoRegistry) -> None:
    registry, auth, blobs = demo.sites.registry, demo.sites.auth, demo.sites.blobs
    origin = registry.origin(by_address=True)
    path = f"{origin}/v2/shop/checkout"
    realm = challenge(await client.http.get(f"{path}/manifests/2.4.1"))["realm"]
    assert realm == f"{auth.origin(by_address=True)}/token"
    scope = {"service": "registry.kairos.test", "scope": "repository:shop/checkout:pull"}
    token = (await client.http.get(realm, params=scope)).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    manifest = (await client.http.get(f"{path}/manifests/2.4.1", headers=headers)).json()
    redirect = await client.http.get(f"{path}/blobs/{manifest['config']['digest']}", headers=headers)
    assert redirect.headers["location"].startswith(blobs.origin(by_address=True))
