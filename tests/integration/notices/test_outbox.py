"""What happens becomes notices, or is better left unsaid: rows of the outbox, nothing sent."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from probes.actions import (
    announcements,
    conditions,
    incidents,
    maintenance,
    notices,
    resources,
    scopes,
    verdicts,
)
from probes.models import (
    Channel,
    Incident,
    MaintenanceWindow,
    Notice,
    Region,
    Resource,
    ResourceGroup,
    Rule,
)
from probes.policy.delivery import Result
from probes.policy.incidents import Leave, Open, Resolve
from probes.policy.notices import HOLD
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.control_plane import ControlPlane
from tests.fakes.far_region import finding
from tests.integration.notices.conftest import MakeChannel
from tests.integration.notices.happening import (
    EVERYWHERE,
    GONE,
    MINUTE,
    SECOND,
    deliver,
    event,
    handed_out,
    note,
    topics,
)

pytestmark = pytest.mark.django_db


def test_outage_is_held_told_and_told_to_be_over(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    make_channel()
    plane.check(image, finds=EVERYWHERE)
    (held,) = Notice.objects.all()
    assert (held.state, held.topic, held.due_at) == ("pending", "incident_opened", plane.now + HOLD)
    assert handed_out(plane.now + HOLD - SECOND) == []
    assert deliver(plane.now + HOLD) == ["ghcr.io/org/app:1 is unavailable"]
    plane.check(image)
    plane.now += MINUTE
    (over,) = handed_out(plane.now)
    assert over.announcement.text.startswith("Last told: "), "it told that they fail"
    note(over, Channel.objects.get(), Result.DELIVERED, plane.now)
    assert over.announcement.title == "ghcr.io/org/app:1 is available again, after 1 min"
    assert topics(state="sent") == ["incident_opened", "incident_resolved"]


def test_what_is_over_before_anybody_was_told_is_never_told(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    make_channel()
    plane.check(image, finds=EVERYWHERE)
    Notice.objects.update(due_at=plane.now + 2 * MINUTE)
    plane.check(image)
    assert topics(state="suppressed") == ["incident_opened", "incident_resolved"]
    assert set(Notice.objects.values_list("because", flat=True)) == {"over before anybody was told"}
    assert deliver(plane.now + 10 * MINUTE) == []


def test_outage_that_is_over_while_the_channel_is_down_is_told_whole(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    make_channel()
    plane.check(image, finds=EVERYWHERE)
    plane.now += HOLD
    (parcel,) = handed_out(plane.now)
    note(parcel, Channel.objects.get(), Result.UNREACHABLE, plane.now, "connect refused")
    plane.check(image)
    assert deliver(plane.now + 10 * MINUTE) == [
        "ghcr.io/org/app:1 is unavailable",
        "ghcr.io/org/app:1 is available again, after 2 min",
    ]


def test_notice_is_written_with_what_it_tells_of_or_not_at_all(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    make_channel()
    with transaction.atomic():
        plane.check(image, finds=EVERYWHERE)
        assert Notice.objects.exists()
        transaction.set_rollback(True)
    assert not Notice.objects.exists()
    assert not Incident.objects.exists()


def test_worse_before_it_was_told_is_told_once_and_as_it_is(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    make_channel()
    plane.check(image, finds={"us-east": GONE})
    plane.now += 16 * MINUTE
    verdicts.refresh_lapsed(now=plane.now)
    Notice.objects.update(due_at=plane.now + 2 * MINUTE)
    plane.check(image, finds=EVERYWHERE)
    assert deliver(plane.now + 5 * MINUTE) == ["ghcr.io/org/app:1 is unavailable"]
    assert topics() == ["incident_opened"]


def test_worse_after_it_was_told_is_told(plane: ControlPlane, image: Resource, make_channel: MakeChannel) -> None:
    make_channel()
    plane.check(image, finds={"us-east": GONE})
    plane.now += 16 * MINUTE
    verdicts.refresh_lapsed(now=plane.now)
    assert deliver(plane.now + HOLD) == ["ghcr.io/org/app:1 is degraded"]
    plane.check(image, finds=EVERYWHERE)
    assert deliver(plane.now) == ["ghcr.io/org/app:1 is unavailable"]
    assert topics() == ["incident_opened", "incident_worse"]


def test_flapping_is_told_once_and_then_nothing_until_it_settles(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    make_channel()
    for _ in range(8):
        plane.check(image, finds=EVERYWHERE)
        plane.check(image)
    assert topics().count("incident_flapping") == 1
    deliver(plane.now + HOLD)
    count = Notice.objects.count()
    for _ in range(3):
        plane.check(image, finds=EVERYWHERE)
        plane.check(image)
    assert Notice.objects.count() == count
    plane.now += 70 * MINUTE
    verdicts.refresh_lapsed(now=plane.now)
    assert topics()[-1] == "incident_resolved"
    assert len(deliver(plane.now)) == 1


def scoped(plane: ControlPlane, *children: Resource) -> Incident:
    """Open an incident of the registry above those of the images."""
    registry = Incident.objects.create(
        scope_kind="registry",
        scope_name="ghcr.io",
        level="unavailable",
        worst="unavailable",
        severity="critical",
        began_at=plane.now,
        opened_at=plane.now,
        extent=len(children),
    )
    Incident.objects.filter(resource__in=children, resolved_at=None).update(parent=registry)
    opened = incidents.Done(registry, Open(registry.level, registry.began_at))  # type: ignore[arg-type]  # its value
    notices.announce_incidents([opened], now=plane.now)
    return registry


def resolve(incident: Incident, now: datetime) -> incidents.Done:
    incident.resolved_at, incident.cause = now, "recovered"
    incident.save()
    return incidents.Done(incident, Resolve(now))


def test_children_of_an_open_incident_are_quiet(plane: ControlPlane, make_channel: MakeChannel) -> None:
    make_channel()
    images = [plane.image(f"ghcr.io/org/app-{number}:1", interval_seconds=3600) for number in range(4)]
    plane.check(*images)
    plane.check(*images, finds=EVERYWHERE)
    registry = scoped(plane, *images)
    assert deliver(plane.now + HOLD) == ["registry ghcr.io is unavailable: 4 resources fail"]
    assert Notice.objects.filter(state="suppressed", because__contains="registry ghcr.io").count() == 4
    plane.check(*images)
    notices.announce_incidents([resolve(registry, plane.now)], now=plane.now)
    assert deliver(plane.now + HOLD) == ["registry ghcr.io is available again, after 1 min"]


def test_child_that_does_not_recover_with_its_parent_is_told_then(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    make_channel()
    plane.check(image, finds=EVERYWHERE)
    registry = scoped(plane, image)
    deliver(plane.now + HOLD)
    plane.now += 5 * MINUTE
    child = Incident.objects.get(resource=image)
    notices.announce_incidents([resolve(registry, plane.now), incidents.Done(child, Leave())], now=plane.now)
    assert deliver(plane.now) == ["registry ghcr.io is available again, after 5 min"]
    assert deliver(plane.now + HOLD) == ["ghcr.io/org/app:1 is unavailable"]
    plane.check(image)
    assert deliver(plane.now + HOLD) == ["ghcr.io/org/app:1 is available again, after 6 min"]


def test_incident_of_a_scope_is_told_to_whom_one_of_its_resources_concerns(
    plane: ControlPlane, make_channel: MakeChannel
) -> None:
    ours, theirs = ResourceGroup.objects.create(name="ours"), ResourceGroup.objects.create(name="theirs")
    mine = plane.image("ghcr.io/org/mine:1", group=ours, interval_seconds=3600)
    plane.check(mine)
    plane.check(mine, finds=EVERYWHERE)
    channels = {group.name: make_channel(name=group.name) for group in (ours, theirs)}
    for group in (ours, theirs):
        Rule.objects.get(channel=channels[group.name]).groups.add(group)
    scoped(plane, mine)
    assert topics(channels["ours"]) == ["incident_opened"]
    assert topics(channels["theirs"]) == []


def test_whom_an_outage_hits_later_is_told_of_it_then(plane: ControlPlane, make_channel: MakeChannel) -> None:
    ours, theirs = ResourceGroup.objects.create(name="ours"), ResourceGroup.objects.create(name="theirs")
    first = [plane.image(f"ghcr.io/org/ours-{number}:1", group=ours, interval_seconds=3600) for number in range(4)]
    later = plane.image("ghcr.io/org/theirs:1", group=theirs, interval_seconds=3600)
    channels = {group.name: make_channel(name=group.name) for group in (ours, theirs)}
    for group in (ours, theirs):
        Rule.objects.get(channel=channels[group.name]).groups.add(group)
    down = dict.fromkeys(EVERYWHERE, finding(Reason.CONNECT_TIMEOUT, Stage.CONNECT))
    plane.check(*first, later)
    plane.check(*first, finds=down)
    scopes.infer_scopes(now=plane.now + 20 * SECOND)
    assert deliver(plane.now + 2 * HOLD) == ["registry ghcr.io is unavailable: 4 resources fail"]
    assert topics(channels["theirs"]) == []
    plane.check(later, finds=down)
    scopes.infer_scopes(now=plane.now + 20 * SECOND)
    assert deliver(plane.now + 2 * HOLD) == ["registry ghcr.io is unavailable: 5 resources fail"]
    assert topics(channels["theirs"], state="sent") == ["incident_opened"]
    assert topics(channels["ours"], state="sent") == ["incident_opened"]


def test_end_of_what_was_left_unsaid_is_left_unsaid(plane: ControlPlane, make_channel: MakeChannel) -> None:
    """Nobody looked at the outbox between the hold and the end: the child's opening was due, but never told."""
    make_channel()
    images = [plane.image(f"ghcr.io/org/app-{number}:1", interval_seconds=3600) for number in range(4)]
    plane.check(*images)
    plane.check(*images, finds=EVERYWHERE)
    scoped(plane, *images)
    plane.now += HOLD
    plane.check(images[0])
    assert topics(state="pending")[-1] == "incident_resolved"
    assert deliver(plane.now) == ["registry ghcr.io is unavailable: 4 resources fail"]
    over = Notice.objects.get(topic="incident_resolved")
    assert (over.state, over.because) == ("suppressed", "over before anybody was told")


def test_many_children_do_not_hold_up_what_tells_of_them(plane: ControlPlane, make_channel: MakeChannel) -> None:
    make_channel()
    images = [plane.image(f"ghcr.io/org/app-{number}:1", interval_seconds=3600) for number in range(45)]
    plane.check(*images)
    plane.check(*images, finds=EVERYWHERE)
    scoped(plane, *images)
    (parcel,) = handed_out(plane.now + HOLD)
    assert parcel.announcement.title == "registry ghcr.io is unavailable: 45 resources fail"


def test_rules_choose_by_group_label_severity_and_topic(plane: ControlPlane, make_channel: MakeChannel) -> None:
    group = ResourceGroup.objects.create(name="payments", severity="warning")
    image = plane.image(group=group, labels={"team": "payments"}, interval_seconds=3600)
    plane.check(image)
    rules: dict[str, dict[str, Any]] = {
        "everything": {},
        "team": {"labels": {"team": "payments"}},
        "another team": {"labels": {"team": "search"}},
        "critical": {"severity": "critical"},
        "warning": {"severity": "warning"},
        "only resolved": {"topics": ["incident_resolved"]},
    }
    channels = {name: make_channel(name=name, rule=rule) for name, rule in rules.items()}
    plane.check(image, finds=EVERYWHERE)
    told = {name for name, channel in channels.items() if topics(channel)}
    assert told == {"everything", "team", "warning"}


def test_disabled_channel_is_told_nothing_and_can_be_tested(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    channel = make_channel(is_enabled=False)
    plane.check(image, finds=EVERYWHERE)
    assert not Notice.objects.exists()
    notices.test(channel, now=plane.now)
    assert deliver(plane.now) == ["This is a test of Kairos' notices"]


def test_nothing_is_told_in_maintenance_and_what_lasts_is_told_after_it(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    make_channel()
    plane.check(image, finds=EVERYWHERE)
    begins = plane.now + MINUTE
    window = MaintenanceWindow(
        name="the disks", starts_on=begins.date(), starts_at=begins.time(), duration_minutes=30
    )
    maintenance.save(window, resources=[image], now=plane.now)
    assert deliver(plane.now + 2 * MINUTE) == []
    assert Notice.objects.get().due_at == begins + 30 * MINUTE
    assert deliver(begins + 31 * MINUTE) == ["ghcr.io/org/app:1 is unavailable"]


def test_image_that_another_took_the_place_of_is_told_to_be_over(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel
) -> None:
    make_channel()
    plane.check(image, finds=EVERYWHERE)
    deliver(plane.now + HOLD)
    image.refresh_from_db()
    image.reference = "ghcr.io/org/other:1"
    resources.save(image, now=plane.now + 2 * MINUTE)
    (title,) = deliver(plane.now + 2 * MINUTE)
    assert title == "ghcr.io/org/app:1 names something else now: its incident is over, after 2 min"


def test_change_of_a_region_is_told_at_once(plane: ControlPlane, make_channel: MakeChannel) -> None:
    make_channel()
    plane.hear_all()
    with conditions.changing(Region.objects.filter(slug="eu-west"), now=plane.now) as (region,):
        region.silent_since = plane.now
    (notice,) = Notice.objects.all()
    assert (notice.topic, notice.due_at) == ("region_condition", plane.now)
    assert notice.told.facts["after"] == "silent"
    assert notice.told.severity == "critical"
    with conditions.changing(Region.objects.filter(slug="eu-west"), now=plane.now) as (region,):
        region.silent_since = None
    assert Notice.objects.latest("id").told.facts["is_over"]


@pytest.mark.parametrize(
    ("kind", "topic"),
    [
        ("tag_moved", "tag_moved"),
        ("tag_split", "split_tag"),
        ("tag_joined", "split_tag"),
        ("platform_vanished", "platform_changed"),
        ("immutable_tag_moved", "immutable_tag_moved"),
        ("certificate_expiring", "expiry"),
        ("quota_short", "quota"),
    ],
)
def test_event_is_told_once_under_its_key(
    plane: ControlPlane, image: Resource, make_channel: MakeChannel, kind: str, topic: str
) -> None:
    make_channel()
    found = event(plane.now, "tag/1/sha256:ab", kind=kind, resource_id=image.pk, text="The tag moved.")
    for _ in range(2):
        notices.announce([announcements.of_event(found)], now=plane.now)
    (notice,) = Notice.objects.all()
    assert (notice.topic, notice.told.title) == (topic, "The tag moved.")


def test_queries_do_not_depend_on_how_many_incidents_are_told(plane: ControlPlane, make_channel: MakeChannel) -> None:
    make_channel()
    make_channel(name="another", rule={"labels": {"team": "payments"}})

    def queries(images: Sequence[Resource]) -> int:
        plane.check(*images)
        plane.now += MINUTE
        done = [incidents.Done(_opened(image, plane.now), Open("unavailable", plane.now)) for image in images]  # type: ignore[arg-type]  # its value
        with CaptureQueriesContext(connection) as captured:
            notices.announce_incidents(done, now=plane.now)
        return len(captured)

    few = queries([plane.image("ghcr.io/org/one:1")])
    many = queries([plane.image(f"ghcr.io/org/app-{number}:1") for number in range(40)])
    assert many == few <= 12
    assert Notice.objects.count() == 41


def _opened(image: Resource, now: datetime) -> Incident:
    return Incident.objects.create(
        resource=image, level="unavailable", worst="unavailable", severity="critical", began_at=now, opened_at=now
    )
