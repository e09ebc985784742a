"""A registry's client certificate from the table to the region: with every credential, and without any."""

import asyncio
import json
import ssl
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from probes.actions import dispatch, ingest, orders, probing, secrets
from probes.edge.keyring import Keyring, SecretRefused
from probes.models import Credential, Outcome, Registry, Resource
from probes.models.client_identity import LONGEST_CHAIN, IdentityRefused
from probes.protocol.batch import Batch, Report
from probes.protocol.check import target_of
from probes.protocol.plan import Plan, Secret
from probes.trust.envelope import Kind
from tests.fakes.client_certificates import AUTHORITY, Pasted
from tests.fakes.far_engine import findings_of
from tests.fakes.far_region import FarRegion
from tests.integration.control.conftest import MakeImages, Regions
from tests.integration.wire.peer import peer_that
from tests.integration.wire.small_registry import SmallRegistry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keys_file")]

GOOD = Pasted()
IDENTITY = GOOD.key + GOOD.certificate
HOST = "ghcr.io"


@pytest.fixture
def registry(db: None) -> Registry:
    return holding(HOST)


def holding(host: str, **values: object) -> Registry:
    registry = Registry(host=host, **values)
    secrets.store_identity(registry, certificate=GOOD.certificate, key=GOOD.key, now=datetime.now(UTC))
    return registry


def store(registry: Registry, now: datetime, prefix: str = "", **login: str) -> Credential:
    credential = Credential(
        registry=registry, repository_prefix=prefix, username="" if "bearer" in login else "robot"
    )
    secrets.store_secret(credential, **login, now=now)
    return credential


def drawn_up(region: FarRegion, now: datetime) -> list[Batch]:
    return [region.open(m) for m in dispatch.claim_due(now).messages if m.queue == f"probe.{region.slug}"]


def handed_out(region: FarRegion, now: datetime) -> dict[str, Secret]:
    """Return what the region's keyring hands out for each check that is due."""
    return {
        plan.reference: Keyring(batch.secrets, region.keys.box_keys).secret_for(plan, target_of(plan))
        for batch in drawn_up(region, now)
        for plan in batch.plans
    }


class TestAtRest:
    def test_key_is_in_clear_nowhere(self, registry: Registry) -> None:
        """S19."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT convert_from(client_key_encrypted, 'UTF8'), row::text FROM probes_registry AS row")
            everywhere = f"{cursor.fetchall()} {registry} {registry!r} {registry.__dict__}"
        assert not any(line in everywhere for line in GOOD.key_lines)
        assert secrets.open_identity(Registry.objects.get()) == IDENTITY

    def test_certificate_without_its_own_key_is_not_stored(self, now: datetime) -> None:
        registry = Registry(host=HOST)
        with pytest.raises(IdentityRefused):
            secrets.store_identity(registry, certificate=GOOD.certificate, key=Pasted().key, now=now)
        assert not Registry.objects.exists()

    @pytest.mark.parametrize("half", [{"client_certificate": ""}, {"client_key_encrypted": b""}])
    def test_half_an_identity_is_refused_by_the_database_itself(
        self, registry: Registry, half: dict[str, object]
    ) -> None:
        with pytest.raises(IntegrityError, match="registry_identity_is_whole"):
            Registry.objects.update(**half)

    def test_keys_of_certificates_are_rotated_with_the_secrets_of_credentials(
        self, registry: Registry, now: datetime, keys_file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        credential = store(registry, now, password="secret")
        call_command("rotate_secret_keys", "--new-key")
        assert "2 secrets encrypted" in capsys.readouterr().out
        keys_file.write_text(keys_file.read_text().split()[0])
        registry.refresh_from_db()
        credential.refresh_from_db()
        assert secrets.open_identity(registry) == IDENTITY
        assert secrets.open_secret(credential).password == "secret"

    def test_rotation_names_the_registry_whose_key_none_opens(self, registry: Registry, keys_file: Path) -> None:
        keys_file.write_text(Fernet.generate_key().decode())
        with pytest.raises(CommandError, match=f"no key opens the secrets of these.*registry {registry.pk}: {HOST}"):
            call_command("rotate_secret_keys")
        with pytest.raises(secrets.SecretUnreadable, match=f"no key opens the secret of {HOST}"):
            secrets.open_identity(registry)


class TestOnItsWay:
    def test_check_without_a_credential_has_it_and_stays_anonymous(
        self, registry: Registry, now: datetime, regions: Regions, make_images: MakeImages
    ) -> None:
        make_images()
        (secret,) = handed_out(regions["eu-west"], now).values()
        assert secret.to_json() == {"client_identity": IDENTITY}
        assert secret.is_anonymous

    @pytest.mark.parametrize("prefix", ["", "org", "org/app-0"])
    @pytest.mark.parametrize(
        "login",
        [
            {"password": "swordfish"},
            {"identity_token": "swordfish"},
            {"bearer": "swordfish"},
            {"provider": "ecr", "provider_key": '{"own_role": true}'},
        ],
        ids=lambda login: next(iter(login)),
    )
    def test_whole_registrys_certificate_goes_with_every_credential(
        self, registry: Registry, now: datetime, regions: Regions, make_images: MakeImages, prefix: str,
        login: dict[str, str],
    ) -> None:  # fmt: skip
        credential = store(registry, now, prefix, **login)
        make_images()
        (secret,) = handed_out(regions["eu-west"], now).values()
        assert secret.to_json() == {**secrets.open_secret(credential).to_json(), "client_identity": IDENTITY}
        assert not secret.is_anonymous

    def test_repositories_outside_of_a_prefix_have_it_too(
        self, registry: Registry, now: datetime, regions: Regions, make_images: MakeImages
    ) -> None:
        store(registry, now, "org/app-0", password="swordfish")
        make_images(2)
        first, second = handed_out(regions["eu-west"], now).values()
        assert (first.password, second.password) == ("swordfish", "")
        assert first.client_identity == second.client_identity == IDENTITY
        assert first.fingerprint != second.fingerprint

    def test_other_registries_have_none(
        self, registry: Registry, now: datetime, regions: Regions, make_images: MakeImages
    ) -> None:
        other = Registry.objects.create(host="quay.io")
        store(other, now, password="swordfish")
        make_images(2)
        make_images(reference="quay.io/org/app:1")
        make_images(reference="docker.io/org/app:1")
        found = handed_out(regions["eu-west"], now)
        assert {name.partition("/")[0]: bool(secret.client_identity) for name, secret in found.items()} == {
            HOST: True,
            "quay.io": False,
            "docker.io": False,
        }

    def test_keyring_hands_it_to_no_other_registry(
        self, registry: Registry, now: datetime, regions: Regions, make_images: MakeImages
    ) -> None:
        make_images()
        region = regions["eu-west"]
        (batch,) = drawn_up(region, now)
        keyring = Keyring(batch.secrets, region.keys.box_keys)
        with pytest.raises(SecretRefused, match="for another host"):
            keyring.secret_for(batch.plans[0], target_of(Plan(reference="quay.io/org/app-0:1")))

    def test_it_is_sealed_once_for_all_checks_of_a_batch_and_for_each_region_anew(
        self, registry: Registry, now: datetime, regions: Regions, make_images: MakeImages
    ) -> None:
        make_images(3)
        messages = dispatch.claim_due(now).messages
        sealed = [dict(regions[m.queue.removeprefix("probe.")].open(m).secrets) for m in messages]
        assert [list(item) for item in sealed] == [[f"registry-{registry.pk}"]] * 3
        assert len({text for item in sealed for text in item.values()}) == 3
        everything = json.dumps([message.envelope for message in messages]) + repr(messages)
        assert not any(line in everything for line in [*GOOD.key_lines, *GOOD.certificate.splitlines()[1:3]])

    def test_removed_one_is_no_longer_sent(
        self, registry: Registry, now: datetime, regions: Regions, make_images: MakeImages
    ) -> None:
        secrets.forget_identity(registry)
        make_images()
        (batch,) = drawn_up(regions["eu-west"], now)
        assert (batch.plans[0].secret_key, dict(batch.secrets)) == ("", {})

    @pytest.mark.parametrize("has_login", [False, True])
    def test_check_is_not_made_without_one_that_no_key_opens(
        self, registry: Registry, now: datetime, regions: Regions, make_images: MakeImages, keys_file: Path,
        *, has_login: bool,
    ) -> None:  # fmt: skip
        keys_file.write_text(Fernet.generate_key().decode())
        if has_login:
            store(registry, now, password="swordfish")  # under the key of today
        make_images()
        with pytest.raises(SecretRefused, match="does not hold the credential of this check"):
            handed_out(regions["eu-west"], now)

    def test_many_large_ones_make_smaller_batches(
        self, now: datetime, regions: Regions, make_images: MakeImages
    ) -> None:
        """Each plan may name a secret of its own, and what none can open is a batch that none can read."""
        registry = holding(HOST)
        Registry.objects.update(client_certificate="x" * LONGEST_CHAIN)
        for number in range(60):
            store(registry, now, f"org/app-{number}", password="swordfish")
        make_images(60)
        sizes = [len(m.envelope["body"]) for m in dispatch.claim_due(now).messages if m.queue == "probe.eu-west"]
        assert len(sizes) == 2
        assert max(sizes) < 2 * orders.HEAVY_BYTES_IN_A_BATCH

    def test_query_count_does_not_grow_with_the_registries(
        self, now: datetime, regions: Regions, make_images: MakeImages
    ) -> None:
        counts = []
        for number in range(4):
            registry = holding(f"registry-{number}.example.com")
            store(registry, now, password="swordfish")
            make_images(reference=f"registry-{number}.example.com/org/app:1")
            with CaptureQueriesContext(connection) as captured:
                dispatch.claim_due(now)
            counts.append(len(captured))
            Resource.objects.update(next_due_at=now)
        assert len(set(counts)) == 1


def test_registry_that_wants_a_certificate_is_checked_and_nothing_of_the_key_comes_back(
    now: datetime, regions: Regions, make_images: MakeImages, caplog: pytest.LogCaptureFixture
) -> None:
    """S19: from the table through the region's engine and back, over TLS that lets in nobody else."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    AUTHORITY.configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    region = regions["eu-west"]

    with asyncio.Runner() as loop:  # Django's connection is this thread's, and not for use within a loop
        held = AsyncExitStack()
        peer = loop.run(held.enter_async_context(peer_that(SmallRegistry(), server)))
        host = f"127.0.0.1:{peer.port}"
        holding(host, allow_cidrs=["127.0.0.0/8"], ca_pem=authority.cert_pem.bytes().decode())
        make_images(reference=f"{host}/team/app:1", depth="blobs")
        (batch,) = drawn_up(region, now)
        findings = loop.run(findings_of(region, batch, now=now))
        loop.run(held.aclose())
    assert findings[0].outcome.conclusion.reason.value == "ok"
    report = Report(batch=batch.id, region=region.slug, finished_at=now, findings=findings)
    ingest.ingest(region.sign(Kind.REPORT, report.to_json()), now=now)
    everywhere = f"{Outcome.objects.get().document} {findings} {caplog.text}"
    assert not any(line in everywhere for line in [*GOOD.key_lines, "PRIVATE KEY"])


def test_probe_that_shows_no_login_shows_no_certificate_either(
    registry: Registry, regions: Regions, now: datetime
) -> None:
    """Whoever may probe what is not stored is to reach what everybody does, unless a login is theirs to show."""
    login, region = store(registry, now, password="open sesame"), regions["eu-west"]
    wanted = probing.Wanted(reference=f"{HOST}/org/app:1", regions=[region.slug])

    def shown(credential: Credential | None) -> int:
        ordered = probing.probe(replace(wanted, credential=credential), by=None, now=now)
        return sum(len(region.open(message).secrets) for message in ordered.messages)

    assert (shown(None), shown(login)) == (0, 1)
