"""Keys in use: whose signature is taken, whom secrets are sealed to, and when a replaced key ends."""

from datetime import datetime, timedelta

import pytest

from probes.actions import dispatch, enrolment, ingest, missed, partitions, region_keys, regions, secrets
from probes.actions.plans import Message
from probes.edge.keyring import Keyring, SecretRefused
from probes.models import Batch, Credential, RegionKey, Registry
from probes.policy.liveness import Unread
from probes.protocol.check import target_of
from probes.trust.refusal import RefusalCause, Refused
from tests.fakes.far_region import FarRegion
from tests.integration.control.conftest import MakeImages

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


class Workers:
    """A region's workers before and after a change of keys."""

    def __init__(self, now: datetime) -> None:
        enrolled = enrolment.enroll("eu-west", now=now)
        self.old = FarRegion(enrolled.region, enrolled.keys)
        self.beats = 0

    def rotate(self, now: datetime, overlap: timedelta = DAY) -> FarRegion:
        self.new = FarRegion(self.old.row, enrolment.rotate("eu-west", overlap=overlap, now=now).keys)
        return self.new

    def beat(self, worker: FarRegion, now: datetime) -> None:
        self.beats += 1
        regions.record_heartbeat(worker.heartbeat(sequence=self.beats), now=now)


@pytest.fixture
def workers(db: None, now: datetime) -> Workers:
    partitions.ensure_partitions(now.date())
    return Workers(now)


def ended(now: datetime) -> int:
    return len(region_keys.end_replaced(now=now))


def secret_for(region: FarRegion, message: Message) -> str | None:
    """Return the password that the region's one check would be made with, None where it does not open."""
    batch = region.open(message)
    (plan,) = batch.plans
    try:
        return Keyring(batch.secrets, region.keys.box_keys).secret_for(plan, target_of(plan)).password
    except SecretRefused:
        return None


def refusal(worker: FarRegion, now: datetime) -> RefusalCause:
    with pytest.raises(Refused) as refused:
        regions.record_heartbeat(worker.heartbeat(sequence=999), now=now)
    return refused.value.cause


def test_heartbeat_tells_that_its_key_is_in_use(workers: Workers, now: datetime) -> None:
    workers.beat(workers.old, now)
    workers.beat(workers.old, now + MINUTE)
    key = RegionKey.objects.get()
    assert (key.first_used_at, key.last_used_at) == (now, now + MINUTE)


def test_heartbeat_that_is_taken_by_a_clock_behind_is_heard(workers: Workers, now: datetime) -> None:
    workers.beat(workers.old, now)
    workers.beat(workers.old, now - MINUTE)
    key = RegionKey.objects.get()
    assert (key.first_used_at, key.last_used_at) == (now, now)


def test_both_keys_count_during_a_change(workers: Workers, now: datetime) -> None:
    new = workers.rotate(now)
    workers.beat(workers.old, now)
    workers.beat(new, now)
    assert [key.last_used_at for key in RegionKey.objects.all()] == [now, now]


def test_key_that_nobody_signs_with_any_more_ends(workers: Workers, now: datetime) -> None:
    workers.beat(workers.old, now)
    new = workers.rotate(now)
    for minutes in range(4):
        assert ended(now + minutes * MINUTE) == 0
        workers.beat(new, now + minutes * MINUTE + MINUTE)
        if minutes < 2:  # one of two workers has still to be restarted
            workers.beat(workers.old, now + minutes * MINUTE + MINUTE)
    at = now + 4 * MINUTE
    assert ended(at) == 1
    assert refusal(workers.old, at) is RefusalCause.BAD_SIGNATURE
    workers.beat(new, at)
    assert ended(at) == 0


def test_key_is_kept_while_the_new_one_is_not_in_use(workers: Workers, now: datetime) -> None:
    workers.beat(workers.old, now)
    workers.rotate(now)
    assert ended(now + 60 * MINUTE) == 0
    workers.beat(workers.old, now + 60 * MINUTE)


def test_key_is_kept_while_the_whole_region_is_silent(workers: Workers, now: datetime) -> None:
    workers.beat(workers.old, now)
    workers.beat(workers.rotate(now), now)
    assert ended(now + 60 * MINUTE) == 0
    workers.beat(workers.old, now + 60 * MINUTE)


def test_key_is_kept_until_the_new_one_has_been_in_use_for_a_while(workers: Workers, now: datetime) -> None:
    workers.beat(workers.old, now)
    new, back = workers.rotate(now), now + 60 * MINUTE
    for minutes in range(2):
        workers.beat(new, back + minutes * MINUTE)
        assert ended(back + minutes * MINUTE) == 0
    workers.beat(new, back + 2 * MINUTE)
    assert ended(back + 2 * MINUTE) == 1


def change(workers: Workers, now: datetime) -> datetime:
    """Have all workers restarted with a new key; return when the old one could end."""
    workers.beat(workers.old, now)
    new = workers.rotate(now)
    for minutes in range(1, 4):
        workers.beat(new, now + minutes * MINUTE)
    return now + 3 * MINUTE


def test_key_is_kept_while_workers_come_back_one_after_the_other(workers: Workers, now: datetime) -> None:
    """The link of a region was down for an hour: the first heartbeats say nothing of who is still away."""
    at = change(workers, now)
    back = at + 60 * MINUTE
    workers.beat(workers.new, back)
    assert ended(back + MINUTE) == 0
    workers.beat(workers.old, back + MINUTE)
    workers.beat(workers.new, back + 2 * MINUTE)
    assert ended(back + 2 * MINUTE) == 0


@pytest.mark.parametrize("unread", [Unread(heartbeats=1), Unread(reports=1)])
def test_no_key_ends_while_something_waits_to_be_read(workers: Workers, now: datetime, unread: Unread) -> None:
    """It may be signed with any key, and heartbeats of the version before wait among the reports."""
    at = change(workers, now)
    assert region_keys.end_replaced(now=at, unread=unread) == []
    assert len(region_keys.end_replaced(now=at)) == 1


def test_key_ends_with_the_overlap_whatever_waits_to_be_read(workers: Workers, now: datetime) -> None:
    change(workers, now)
    assert len(region_keys.end_replaced(now=now + DAY, unread=Unread(reports=5000))) == 1


@pytest.mark.parametrize("state", [Batch.State.SENT, Batch.State.LOST])
def test_key_is_kept_while_a_report_under_it_is_still_to_come(
    workers: Workers, now: datetime, make_images: MakeImages, state: str
) -> None:
    """Cut off from the broker a worker spools what it found, and says nothing of it: only the ledger knows."""
    (image,) = make_images(interval_seconds=60 if state == Batch.State.LOST else 3600)
    (message,) = dispatch.check_now([image.pk], now=now).messages
    at = change(workers, now)
    missed.reap_batches(now=at)
    assert Batch.objects.get().state == state
    assert ended(at) == 0
    assert ingest.ingest(workers.old.report(workers.old.open(message)), now=at).stored == 1
    assert ended(at) == 1


@pytest.mark.parametrize(
    ("issued", "state"),
    [
        (2 * MINUTE + timedelta(seconds=1), Batch.State.SENT),
        (2 * MINUTE + timedelta(seconds=1), Batch.State.LOST),
        (-60 * MINUTE, Batch.State.LOST),
    ],
    ids=["sent afterwards", "lost afterwards", "lost long before"],
)
def test_batch_that_nobody_with_the_key_can_report_keeps_it_not(
    workers: Workers, now: datetime, issued: timedelta, state: str
) -> None:
    at = change(workers, now)
    Batch.objects.create(
        region=workers.old.row,
        issued_at=now + issued,
        expires_at=now + issued + MINUTE,
        resource_ids=[],
        slots=[],
        state=state,
    )
    assert ended(at) == 1


def test_key_ends_with_the_overlap_whoever_uses_it(workers: Workers, now: datetime) -> None:
    workers.rotate(now)
    workers.beat(workers.old, now + DAY - MINUTE)
    assert refusal(workers.old, now + DAY) is RefusalCause.BAD_SIGNATURE
    assert ended(now + DAY) == 1
    assert ended(now + DAY) == 0


def test_private_half_is_forgotten_when_its_key_ends(workers: Workers, now: datetime) -> None:
    workers.rotate(now)
    region_keys.end_replaced(now=now + DAY)
    old, new = RegionKey.objects.order_by("made_at", "pk")
    assert (bytes(old.box_private_encrypted), old.valid_until) == (b"", now + DAY)
    assert new.box_private_encrypted


def test_stolen_key_is_shut_out_at_once(workers: Workers, now: datetime) -> None:
    new = workers.rotate(now, overlap=timedelta(0))
    assert refusal(workers.old, now) is RefusalCause.BAD_SIGNATURE
    workers.beat(new, now)


def test_secret_opens_for_workers_with_either_file(workers: Workers, now: datetime, make_images: MakeImages) -> None:
    make_images()
    credential = Credential(registry=Registry.objects.get(), username="robot")
    secrets.store_secret(credential, password="correct-horse", now=now)
    new = workers.rotate(now)
    (message,) = dispatch.claim_due(now).messages
    assert [secret_for(worker, message) for worker in (workers.old, new)] == ["correct-horse", "correct-horse"]


def test_secret_is_sealed_to_the_new_key_when_the_old_one_has_ended(
    workers: Workers, now: datetime, make_images: MakeImages
) -> None:
    make_images()
    credential = Credential(registry=Registry.objects.get(), username="robot")
    secrets.store_secret(credential, password="correct-horse", now=now)
    new = workers.rotate(now, overlap=timedelta(0))
    (message,) = dispatch.claim_due(now).messages
    assert secret_for(new, message) == "correct-horse"
    assert secret_for(workers.old, message) is None


def test_report_of_a_batch_is_taken_from_either_key(workers: Workers, now: datetime, make_images: MakeImages) -> None:
    asked = dispatch.check_now([image.pk for image in make_images(2)], now=now)
    new = workers.rotate(now)
    assert ingest.ingest(new.report(workers.old.open(asked.messages[0])), now=now).stored == 2


def test_region_that_is_retired_between_claim_and_batch_gets_none(
    workers: Workers, now: datetime, make_images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_images()
    monkeypatch.setattr(region_keys, "box_keys", lambda *_, **__: {})
    assert dispatch.claim_due(now).messages == []
