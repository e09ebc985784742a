"""From the beat to the REST API and a webhook, of images in Debian's docker-registry and of an endpoint.

Every process is a real one, and nobody calls a task: what is done, beat and the workers do.
"""

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlencode

import pytest
import redis
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from probes.actions import channels, resources, secrets
from probes.models import Channel, Credential, Endpoint, Incident, Notice, Registry, Resource, Rule
from probes.policy.notices import HOLD
from probes.protocol.batch import MAX_BATCH_BYTES, Batch
from probes.trust.envelope import CONTROL, Kind, open_envelope
from probes.trust.keys import RegionKeys
from probes.trust.sealing import SealError, open_sealed
from tests.fakes.docker_registry import DockerRegistry
from tests.fakes.oci_layout import OciLayout
from tests.fakes.pipeline import REGIONS, Pipeline, running_pipeline
from tests.fakes.receivers import HttpReceiver, started
from tests.fakes.token_server import TokenServer

pytestmark = pytest.mark.slow

INTERVAL_SECONDS: Final = 10  # of which a check has eight, on a machine that does much else
ROUND_SECONDS: Final = 40.0
TURNED_SECONDS: Final = 60.0  # three rounds, and on their way
SENT_SECONDS: Final = 30.0  # by one of beat's orders, of which there is one each five seconds
ENDPOINT_INTERVAL_SECONDS: Final = 4
PASSWORD: Final = "right"


@pytest.fixture(scope="module")
def pipeline(pytestconfig: pytest.Config, django_db_blocker: DjangoDbBlocker) -> Iterator[Pipeline]:
    with running_pipeline(pytestconfig, django_db_blocker) as pipeline:
        yield pipeline


@pytest.fixture
def shop(pipeline: Pipeline, open_registry: DockerRegistry) -> DockerRegistry:
    """An open registry that the pipeline knows."""
    pipeline.add_registry(open_registry.authority, plain_http=True)
    return open_registry


@pytest.fixture
def vault(pipeline: Pipeline, token_registry: DockerRegistry, ca_file: Path) -> DockerRegistry:
    """A registry over TLS, behind a token server, of which the pipeline knows the CA and a credential."""
    registry = pipeline.add_registry(token_registry.authority, ca_pem=ca_file.read_text())
    credential = Credential(registry=registry, username="robot")
    secrets.store_secret(credential, password=PASSWORD, now=timezone.now())
    assert PASSWORD.encode() not in bytes(credential.secret_encrypted)
    return token_registry


@pytest.fixture
def hook(pipeline: Pipeline, shop: DockerRegistry) -> Iterator[HttpReceiver]:
    """A webhook that is told of the shop. It is on loopback, where its channel may reach it."""
    with started(HttpReceiver()) as hook:
        channel = Channel(name="the shop's", kind="webhook", allowed_cidrs=["127.0.0.0/8"])
        channels.save(channel, url=hook.url)
        Rule.objects.create(channel=channel).registries.add(Registry.objects.get(host=shop.authority))
        yield hook


@pytest.fixture
def service(pipeline: Pipeline) -> Iterator[HttpReceiver]:
    """A web service that the pipeline may reach."""
    with started(HttpReceiver(answer=b'{"status": "up"}')) as service:
        pipeline.add_registry(f"127.0.0.1:{service.port}")
        yield service


def test_one_deleted_blob_is_missed_from_everywhere_and_told_of_once_and_no_other_image_suffers(
    pipeline: Pipeline,
    shop: DockerRegistry,
    vault: DockerRegistry,
    token_server: TokenServer,
    layout: OciLayout,
    hook: HttpReceiver,
) -> None:
    damaged = layout.add_image("damaged", seed="damaged", layers=3)
    for name in ("sound", "private"):
        layout.add_image(name, seed=name)
    shop.push(layout.source("damaged"), "shop/damaged:1")
    shop.push(layout.source("sound"), "shop/sound:1")
    vault.push(layout.source("private"), "team/private:1", credentials=f"robot:{PASSWORD}")
    token_server.requests.clear()
    images = pipeline.add_images(
        f"{shop.authority}/shop/damaged:1",
        f"{shop.authority}/shop/sound:1",
        f"{vault.authority}/team/private:1",
        depth="blobs",
        interval_seconds=INTERVAL_SECONDS,
    )
    available = {(image.repository, region): {("ok", "blobs")} for image in images for region in REGIONS}

    assert next_round(pipeline, images, since=images[0].reference_since) == available
    assert token_server.requests  # the private one was not simply open

    blob = shop.blob_path(damaged.layers[1])
    content = blob.read_bytes()
    blob.unlink()
    missing = {("shop/damaged", region): {("layer_missing", "platform")} for region in REGIONS}
    assert next_round(pipeline, images, since=timezone.now()) == {**available, **missing}
    sound = dict.fromkeys(("shop/damaged", "shop/sound", "team/private"), "available")
    damage = {**sound, "shop/damaged": "unavailable"}
    pipeline.wait_for(lambda: verdicts(pipeline, images) == damage, TURNED_SECONDS, "three failures in a row")
    (incident,) = Incident.objects.filter(resource__in=images)
    assert (incident.resource, incident.level, incident.is_open) == (images[0], "unavailable", True)
    pipeline.wait_for(lambda: hook.posts, HOLD.total_seconds() + SENT_SECONDS, "the outage to be told")

    blob.write_bytes(content)
    assert next_round(pipeline, images, since=timezone.now()) == available
    pipeline.wait_for(lambda: verdicts(pipeline, images) == sound, TURNED_SECONDS, "two good checks in a row")
    assert not Incident.objects.get(resource__in=images).is_open
    notices = Notice.objects.filter(channel__name="the shop's")
    pipeline.wait_for(lambda: notices.filter(state="sent").count() == 2, SENT_SECONDS, "its end to be told")
    assert [(post.json["topic"], post.json["incident_id"]) for post in hook.posts] == [
        ("incident_opened", incident.pk),
        ("incident_resolved", incident.pk),
    ]
    assert list(notices.values_list("attempts", flat=True)) == [1, 1]  # and nothing waits to be told


def test_endpoint_is_asked_as_it_was_set_up_and_missed_from_everywhere_when_its_answer_changes(
    pipeline: Pipeline, service: HttpReceiver
) -> None:
    endpoint = resources.save(
        Resource(
            kind="http",
            reference=f"http://127.0.0.1:{service.port}/health",
            interval_seconds=ENDPOINT_INTERVAL_SECONDS,
        ),
        endpoint=Endpoint(
            method="POST", headers={"X-From": "kairos"}, body="well?", json_path="$.status", json_equals='"up"'
        ),
        now=timezone.now(),
    )
    assert steps_seen(pipeline, endpoint, "ok") == {region: [("POST", 200)] for region in REGIONS}
    assert verdict(pipeline, endpoint) == "available"
    assert {(post.path, post.headers["x-from"], post.body) for post in service.posts} == {
        ("/health", "kairos", b"well?")
    }

    service.answer = b'{"status": "down"}'
    assert steps_seen(pipeline, endpoint, "endpoint_json") == {region: [("POST", 200)] for region in REGIONS}
    pipeline.wait_for(lambda: verdict(pipeline, endpoint) == "unavailable", TURNED_SECONDS, "three failures in a row")


def test_password_crosses_the_broker_sealed_to_its_region(pipeline: Pipeline, vault: DockerRegistry) -> None:
    pipeline.kill("edge-eu-west")
    reference = f"{vault.authority}/team/sealed:1"
    pipeline.add_image(reference, interval_seconds=INTERVAL_SECONDS)
    keys = {slug: RegionKeys.load(pipeline.region_key_file(slug)) for slug in REGIONS}
    found: list[tuple[str, str]] = []  # what crossed the broker, and the sealed secret in it

    def waits(broker: redis.Redis) -> bool:
        """Look for the image's plan. Those of the tests before may wait as well, with secrets of their own."""
        for envelope in envelopes(broker, "probe.eu-west"):
            batch = opened(envelope, keys["eu-west"])
            keys_used = {plan.secret_key for plan in batch.plans if plan.reference == reference}
            found.extend((envelope["body"], batch.secrets[key]) for key in keys_used)
        return bool(found)

    with pipeline.broker() as broker:
        pipeline.wait_for(lambda: waits(broker), ROUND_SECONDS, "the image's batch to wait")
    pipeline.start("edge-eu-west")

    crossed, sealed = found[0]
    assert PASSWORD not in crossed
    assert open_sealed(sealed, keys["eu-west"].box_key).secret.password == PASSWORD
    with pytest.raises(SealError):
        open_sealed(sealed, keys["us-east"].box_key)


def envelopes(broker: redis.Redis, queue: str) -> Iterator[dict[str, str]]:
    """Yield what waits in a queue, as whoever reads the broker sees it."""
    for entry in cast("list[bytes]", broker.lrange(queue, 0, -1)):
        ((envelope,), _, _) = json.loads(base64.b64decode(json.loads(entry)["body"]))
        yield envelope


def opened(envelope: object, keys: RegionKeys) -> Batch:
    """Open a batch as the region does."""
    found = open_envelope(
        envelope,
        kind=Kind.BATCH,
        recipient=keys.region,
        verify_keys_of={CONTROL: [keys.control_verify_key]}.get,
        max_bytes=MAX_BATCH_BYTES,
    )
    return Batch.from_json(found.body)


def next_round(pipeline: Pipeline, images: list[Resource], since: datetime) -> dict[tuple[str, str], set[Any]]:
    """Wait until every image has an outcome from each region for a slot since then.

    Returns the reasons and depths of all such outcomes, by repository and region.
    """
    found: dict[tuple[str, str], set[Any]] = {}

    def is_complete() -> bool:
        found.clear()
        for image in images:
            query = urlencode({"resource": image.pk, "since": since.isoformat()})
            for outcome in pipeline.get(f"/api/v1/outcomes?{query}")["results"]:
                place = (image.repository, outcome["region"])
                found.setdefault(place, set()).add((outcome["reason"], outcome["depth"]))
        return len(found) == len(images) * len(REGIONS)

    pipeline.wait_for(is_complete, ROUND_SECONDS, "an outcome of each image from each region")
    return found


def verdicts(pipeline: Pipeline, images: list[Resource]) -> dict[str, str]:
    """Return what the regions together say, by repository."""
    return {image.repository: verdict(pipeline, image) for image in images}


def verdict(pipeline: Pipeline, resource: Resource) -> str:
    return str(pipeline.get(f"/api/v1/resources/{resource.pk}")["verdict"]["state"])


def steps_seen(pipeline: Pipeline, endpoint: Resource, reason: str) -> dict[str, list[tuple[str, int]]]:
    """Wait until each region has found `reason`; return the steps of the first time, by region."""
    query = urlencode({"resource": endpoint.pk, "reason": reason})
    found: dict[str, list[tuple[str, int]]] = {}

    def is_complete() -> bool:
        for outcome in pipeline.get(f"/api/v1/outcomes?{query}")["results"]:
            assert outcome["kind"] == "http"
            found[outcome["region"]] = [(step["method"], step["http_status"]) for step in outcome["steps"] or ()]
        return len(found) == len(REGIONS)

    pipeline.wait_for(is_complete, ROUND_SECONDS, f"{reason} from each region")
    return found
