"""The script as it is played: who asks decides, by the region in the User-Agent, and so does the moment."""

import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from kairos.demo.registry import DemoRegistry
from tests.integration.demo.conftest import Client, Clock

REGIONS = ("eu-west", "us-east", "ap-south")


def seen_from(client: Client, region: str) -> Client:
    return replace(client, region=region)


async def layer(client: Client, repository: str, tag: str) -> str:
    manifest = (await client.pull("GET", repository, f"manifests/{tag}")).json()
    return str(manifest["layers"][-1]["digest"])


async def test_layers_are_forbidden_in_one_region(client: Client) -> None:
    digest = await layer(client, "shop/recommendations", "1.7")
    answers = {
        region: await seen_from(client, region).pull("GET", "shop/recommendations", f"blobs/{digest}")
        for region in ("", *REGIONS)
    }
    assert {region: answer.status_code for region, answer in answers.items()} == {
        "": 307, "eu-west": 307, "us-east": 403, "ap-south": 307,
    }  # fmt: skip
    error = answers["us-east"].json()["errors"][0]
    assert error["code"] == "DENIED"
    assert "Xray" in error["message"]


async def test_a_tag_names_an_older_digest_where_replication_lags(client: Client) -> None:
    seen = {
        region: (await seen_from(client, region).pull("HEAD", "shop/inventory", "manifests/latest")).headers[
            "docker-content-digest"
        ]
        for region in REGIONS
    }
    assert seen["eu-west"] == seen["us-east"] != seen["ap-south"]
    old = await client.pull("GET", "shop/inventory", f"manifests/{seen['ap-south']}")
    assert old.status_code == 200


async def test_the_registry_is_unavailable_now_and_then(client: Client, clock: Clock) -> None:
    async def status() -> int:
        return (await client.pull("HEAD", "platform/ingress", "manifests/1.12")).status_code

    assert await status() == 200
    clock.advance(30)  # to the full minute
    assert await status() == 503
    clock.advance(20)
    assert await status() == 200


async def test_a_used_up_quota_shows_in_the_headers_of_what_is_refused(client: Client, demo: DemoRegistry) -> None:
    hub = demo.sites.hub
    headers = {"Authorization": f"Bearer {await client.token('library/warehouse', site=hub)}"}
    head = await client.send("HEAD", hub, "/v2/library/warehouse/manifests/7", **headers)
    get = await client.send("GET", hub, "/v2/library/warehouse/manifests/7", **headers)
    assert (head.status_code, get.status_code) == (429, 429)
    for answer in (head, get):
        assert answer.headers["ratelimit-limit"] == "100;w=21600"
        assert answer.headers["ratelimit-remaining"] == "0;w=21600"
        assert answer.headers["docker-ratelimit-source"] == "127.0.0.1"
    assert get.headers["retry-after"] == "60"
    assert get.json()["errors"][0]["code"] == "TOOMANYREQUESTS"


async def test_a_slow_region_waits_and_the_others_do_not(client: Client) -> None:
    async def seconds(region: str) -> float:
        began = time.monotonic()
        answer = await seen_from(client, region).pull("GET", "data/notebooks", "manifests/2024.3")
        assert answer.status_code == 200
        return time.monotonic() - began

    assert await seconds("us-east") >= 2.0
    assert await seconds("eu-west") < 1.0
    with pytest.raises(httpx.ReadTimeout):
        await seconds("ap-south")  # slower than this client waits


async def test_a_lost_layer_is_promised_and_not_delivered(client: Client) -> None:
    digest = await layer(client, "media/thumbnails", "1.3")
    answer = await client.follow(await client.pull("GET", "media/thumbnails", f"blobs/{digest}"))
    assert (answer.status_code, b"NoSuchKey" in answer.content) == (404, True)


async def test_a_blob_host_has_let_its_certificate_expire(client: Client) -> None:
    redirect = await client.pull("GET", "media/transcoder", f"blobs/{await layer(client, 'media/transcoder', '6.1')}")
    with pytest.raises(httpx.ConnectError) as caught:
        await client.follow(redirect)
    assert "certificate has expired" in str(caught.value)


async def test_a_child_of_an_index_is_gone(client: Client) -> None:
    index = (await client.pull("GET", "data/features", "manifests/1.1")).json()
    found = {
        entry["platform"]["architecture"]: (
            await client.pull("GET", "data/features", f"manifests/{entry['digest']}")
        ).status_code
        for entry in index["manifests"]
    }
    assert found == {"amd64": 200, "arm64": 404}


async def test_other_regions_play_the_parts_in_order(client: Client, clock: Clock, demo_state: Path) -> None:
    async with DemoRegistry(demo_state, clock=clock, regions=("fra", "iad")) as other:
        elsewhere = Client(client.http, other)
        digest = await layer(elsewhere, "shop/recommendations", "1.7")
        seen = [
            (await seen_from(elsewhere, region).pull("GET", "shop/recommendations", f"blobs/{digest}")).status_code
            for region in ("fra", "iad", "us-east")
        ]
    assert seen == [307, 403, 307]
