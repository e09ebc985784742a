"""Outages of what many images share: one incident, with theirs as children."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from probes.actions import announcements, incidents, resources, scopes
from probes.actions.secrets import store_secret
from probes.models import Credential, GlobalTerms, Incident, IncidentEntry, Registry, Resource
from probes.protocol.taxonomy import Reason, Stage
from tests.fakes.outage import (
    MINUTE,
    SECOND,
    Watch,
    alone,
    failing,
    from_there,
    scope_incidents,
    told,
)
from tests.integration.control.conftest import Regions

pytestmark = pytest.mark.django_db

DOWN = failing(Reason.CONNECT_TIMEOUT, Stage.CONNECT)
GHCR_DOWN = failing(Reason.CONNECT_TIMEOUT, Stage.CONNECT, only="ghcr.io")


@pytest.fixture
def watch(regions: Regions, now: Any) -> Watch:
    return Watch(regions, now)


def make(watch: Watch, count: int, at: str = "ghcr.io/org", **values: object) -> None:
    for number in range(count):
        resources.save(
            Resource(**{"reference": f"{at}/app-{number}:1", "interval_seconds": 3600, **values}), now=watch.now
        )


def kinds(incident: Incident) -> list[str]:
    return [kind for kind in incident.entries.values_list("kind", flat=True) if kind != "region"]


def test_registry_that_is_down_is_one_incident_of_400_images(watch: Watch) -> None:
    """Twelve reports from three regions, and another registry that is well."""
    make(watch, 400)
    make(watch, 5, "quay.io/org")
    watch.round()
    with connection.cursor() as cursor:  # all was made in a moment: the server has not looked yet at what there is
        cursor.execute("ANALYZE")
    watch.round(GHCR_DOWN)
    assert (Incident.objects.count(), len(alone())) == (400, 400)
    began_at = watch.now
    done = watch.infer()
    (outage,) = Incident.objects.filter(resource=None)
    assert told(done) == [("registry ghcr.io", "Open")]
    assert (outage.scope_kind, outage.scope_name, outage.failure) == ("registry", "ghcr.io", "no_service")
    assert (outage.level, outage.severity, outage.extent) == ("unavailable", "critical", 400)
    assert outage.explanation == "400 resources of registry ghcr.io fail: no service"
    assert began_at <= outage.began_at < began_at + SECOND
    assert (outage.children.count(), alone()) == (400, set())
    assert kinds(outage) == ["opened", "joined"]
    assert outage.entries.get(kind="joined").text.endswith(" and 397 more")
    child = Incident.objects.filter(parent=outage).first()
    assert child is not None
    assert kinds(child) == ["opened", "joined"]
    assert child.entries.get(kind="joined").text == "registry ghcr.io"
    assert watch.infer() == []


def test_failures_that_are_no_incidents_yet_tell_what_is_down(watch: Watch) -> None:
    """With three failures an image is an incident. The first one is enough to see that all the others fail too."""
    make(watch, 10)
    watch.round()
    GlobalTerms.objects.update(failures=3)
    watch.round(DOWN, times=2)
    assert not Incident.objects.exists()
    watch.round(DOWN, only="app-0")
    assert len(alone()) == 1
    assert told(watch.infer()) == [("registry ghcr.io", "Open")]
    outage = Incident.objects.get(resource=None)
    assert (outage.extent, outage.children.count()) == (10, 1)
    watch.round(DOWN)
    assert watch.infer() == []
    assert (outage.children.count(), alone()) == (10, set())
    assert kinds(outage) == ["opened", "joined", "joined"]


def test_reports_of_one_moment_are_waited_for(watch: Watch) -> None:
    make(watch, 4)
    watch.round()
    watch.round(DOWN)
    assert watch.infer(5 * SECOND) == []
    assert told(watch.infer(15 * SECOND)) == [("registry ghcr.io", "Open")]


def test_few_of_many_stand_alone(watch: Watch) -> None:
    make(watch, 4, "ghcr.io/org/bad")
    make(watch, 5, "ghcr.io/org/good")
    watch.round()
    watch.round(failing(Reason.CONNECT_TIMEOUT, only="/bad/"))
    assert watch.infer() == []
    assert len(alone()) == 4


def test_paused_images_do_not_count(watch: Watch) -> None:
    test_few_of_many_stand_alone(watch)
    good = Resource.objects.filter(reference__contains="/good/").values_list("pk", flat=True)
    resources.pause(good[:2], now=watch.now)
    assert told(watch.infer()) == [("registry ghcr.io", "Open")]


def test_other_causes_are_other_failures(watch: Watch) -> None:
    make(watch, 4)
    watch.round()
    watch.round(failing(Reason.TAG_NOT_FOUND, only="app-0"), failing(Reason.TAG_NOT_FOUND, only="app-1"), DOWN)
    assert watch.infer() == []
    assert len(alone()) == 4


def test_repository_that_is_gone_is_not_its_registry(watch: Watch) -> None:
    for tag in range(4):
        resources.save(Resource(reference=f"ghcr.io/org/app:{tag}"), now=watch.now)
    make(watch, 2)
    watch.round()
    watch.round(failing(Reason.REPOSITORY_NOT_FOUND, only="org/app:"))
    watch.infer()
    assert scope_incidents() == [("repository", "ghcr.io/org/app", "repository_not_found")]


@pytest.mark.parametrize(
    ("finds", "scope"),
    [
        (
            failing(Reason.AUTH_SERVICE_ERROR, Stage.TOKEN, "auth.example"),
            ("auth_host", "auth.example", "no_service"),
        ),
        (
            failing(Reason.BLOB_BACKEND_DENIED, Stage.LAYER, "cdn.example"),
            ("blob_host", "cdn.example", "no_service"),
        ),
    ],
    ids=["auth host", "blob host"],
)
def test_host_besides_the_registrys_is_blamed_where_checks_ended_there(
    watch: Watch, finds: Any, scope: tuple[str, str, str]
) -> None:
    make(watch, 4)
    watch.round()
    watch.round(finds)
    watch.infer()
    assert scope_incidents() == [scope]


def test_auth_host_that_most_can_use_is_not_down(watch: Watch) -> None:
    make(watch, 4, "ghcr.io/org/bad")
    make(watch, 5, "ghcr.io/org/good")
    watch.round()
    watch.round(failing(Reason.AUTH_SERVICE_ERROR, Stage.TOKEN, "auth.example", only="/bad/"))
    assert watch.infer() == []


def test_expired_credential_is_one_incident(watch: Watch, keys_file: Path) -> None:
    make(watch, 4, "ghcr.io/team")
    make(watch, 5, "ghcr.io/public")
    row = Credential(registry=Registry.objects.get(host="ghcr.io"), repository_prefix="team", username="robot")
    store_secret(row, now=watch.now, password="s3cret")
    watch.round()
    watch.round(failing(Reason.AUTH_EXPIRED, Stage.TOKEN, only="/team/"))
    done = watch.infer()
    assert scope_incidents() == [("credential", str(row.pk), "auth_expired")]
    outage = Incident.objects.get(resource=None)
    assert outage.explanation == "4 resources of credential robot at ghcr.io/team fail: login expired"
    assert (outage.children.count(), len(done)) == (4, 1)
    assert outage.subject == "credential robot at ghcr.io/team"
    (told_of,) = announcements.of_incidents(done, now=watch.now)
    assert told_of.title == "credential robot at ghcr.io/team is unavailable: 4 resources fail"
    child = outage.children.first()
    assert child is not None
    assert child.entries.get(kind="joined").text == outage.subject


def test_outage_of_a_credential_keeps_its_name_when_that_is_renamed_or_deleted(watch: Watch, keys_file: Path) -> None:
    test_expired_credential_is_one_incident(watch, keys_file)
    Credential.objects.all().delete()
    watch.round()
    (told_of,) = announcements.of_incidents(watch.infer(), now=watch.now)
    assert told_of.title.startswith("credential robot at ghcr.io/team is available again, after ")


def test_credential_that_expired_in_one_region_is_that_credential(watch: Watch, keys_file: Path) -> None:
    GlobalTerms.objects.update(degraded_after_seconds=0)
    make(watch, 4, "ghcr.io/team")
    registry = Registry.objects.get(host="ghcr.io")
    rows = [Credential(registry=registry, region=region) for region in (None, watch.regions["eu-west"].row)]
    for row in rows:
        store_secret(row, now=watch.now, password="s3cret")
    watch.round()
    watch.round(from_there("eu-west", failing(Reason.AUTH_EXPIRED, Stage.TOKEN)))
    watch.infer()
    assert scope_incidents() == [("credential", str(rows[1].pk), "auth_expired")]


def test_region_that_alone_sees_failures_is_to_blame(watch: Watch) -> None:
    """They are incidents only when they last."""
    make(watch, 3)
    make(watch, 3, "quay.io/org")
    watch.round()
    watch.round(from_there("eu-west", DOWN))
    assert watch.infer() == []
    assert told(watch.infer(16 * MINUTE)) == []
    assert told(watch.infer()) == [("region eu-west", "Open")]
    outage = Incident.objects.get(resource=None)
    assert (outage.level, outage.extent, outage.children.count()) == ("degraded", 6, 6)


def test_later_failure_joins(watch: Watch) -> None:
    make(watch, 4, "ghcr.io/org")
    make(watch, 1, "ghcr.io/late")
    watch.round()
    watch.round(failing(Reason.CONNECT_TIMEOUT, only="/org/"))
    watch.infer()
    watch.round(failing(Reason.CONNECT_TIMEOUT, only="/org/"), times=20)
    watch.round(DOWN)
    assert watch.infer() == []
    outage = Incident.objects.get(resource=None)
    assert (outage.children.count(), outage.extent, alone()) == (5, 5, set())
    assert outage.entries.filter(kind="joined").last().text == "ghcr.io/late/app-0:1"  # type: ignore[union-attr]  # it is there


def test_outage_resolves_by_itself_with_the_last_that_recovered(watch: Watch) -> None:
    make(watch, 8)
    watch.round()
    watch.round(DOWN)
    watch.infer()
    watch.round(failing(Reason.CONNECT_TIMEOUT, only="app-0"))
    back = watch.now
    done = watch.infer()
    outage = Incident.objects.get(resource=None)
    assert told(done) == [("registry ghcr.io", "Resolve")]
    assert outage.resolved_at is not None
    assert (outage.cause, back <= outage.resolved_at < back + SECOND) == ("recovered", True)
    assert kinds(outage)[-1] == "resolved"


def test_child_that_does_not_recover_stands_alone_when_it_was_checked_often_enough(watch: Watch) -> None:
    test_outage_resolves_by_itself_with_the_last_that_recovered(watch)
    outage = Incident.objects.get(resource=None)
    assert watch.infer(60 * MINUTE) == []
    child = Incident.objects.get(resolved_at=None)
    assert child.parent == outage
    watch.round(DOWN, only="app-0")
    assert told(watch.infer(60 * MINUTE)) == [("ghcr.io/org/app-0:1", "Leave")]
    child.refresh_from_db()
    assert (child.parent_id, child.is_open, alone()) == (None, True, {"ghcr.io/org/app-0:1"})
    assert (kinds(child)[-1], kinds(outage)[-1]) == ("left", "left")
    assert child.entries.get(kind="left").text == "registry ghcr.io"
    assert outage.entries.get(kind="left").text == "ghcr.io/org/app-0:1"
    assert watch.infer() == []


def test_outage_that_comes_back_is_another_and_takes_its_child_along(watch: Watch) -> None:
    test_outage_resolves_by_itself_with_the_last_that_recovered(watch)
    first = Incident.objects.get(resource=None)
    watch.round(DOWN)
    assert told(watch.infer()) == [("registry ghcr.io", "Open")]
    first.refresh_from_db()
    again = Incident.objects.get(resource=None, resolved_at=None)
    assert (again.children.count(), first.children.filter(resolved_at=None).count()) == (8, 0)
    assert again.began_at >= first.resolved_at  # type: ignore[operator]  # it is over
    assert first.entries.filter(kind="left").count() == 1


def test_outage_whose_reason_changes_is_still_the_same(watch: Watch) -> None:
    make(watch, 4)
    watch.round()
    watch.round(DOWN)
    watch.infer()
    watch.round(failing(Reason.AUTH_DENIED, Stage.TOKEN))
    assert watch.infer() == []
    assert scope_incidents(resolved_at=None) == [("registry", "ghcr.io", "auth_denied")]
    outage = Incident.objects.get(resource=None)
    assert (kinds(outage)[-1], outage.children.filter(resolved_at=None).count()) == ("turned", 4)
    assert outage.explanation == "4 resources of registry ghcr.io fail: login may not pull"
    watch.round()
    assert told(watch.infer()) == [("registry ghcr.io", "Resolve")]


def test_level_follows_that_of_the_children(watch: Watch) -> None:
    GlobalTerms.objects.update(degraded_after_seconds=0)
    make(watch, 4)
    watch.round()
    watch.round(failing(Reason.CONNECT_TIMEOUT))
    watch.infer()
    watch.round(from_there("eu-west", DOWN))
    assert told(watch.infer()) == [("registry ghcr.io", "Turn")]
    outage = Incident.objects.get(resource=None)
    assert (outage.level, outage.worst) == ("degraded", "unavailable")


def test_outage_of_what_nobody_looks_at_any_more_is_over(watch: Watch) -> None:
    make(watch, 4)
    watch.round()
    watch.round(DOWN)
    watch.infer()
    ids = list(Resource.objects.values_list("pk", flat=True))
    resources.pause(ids[:2], now=watch.now)
    resources.delete(ids[2:], now=watch.now)
    assert told(watch.infer()) == [("registry ghcr.io", "Resolve")]
    assert Incident.objects.get(resource=None).cause == "paused"


def test_somebody_at_the_outage_is_not_at_each_of_its_children(watch: Watch, django_user_model: Any) -> None:
    user = django_user_model.objects.create(username="somebody")
    make(watch, 4)
    watch.round()
    watch.round(DOWN)
    watch.infer()
    outage = Incident.objects.get(resource=None)
    assert incidents.acknowledge(outage.pk, by=user, now=watch.now)
    incidents.comment(outage.pk, "The registry is told.", by=user, now=watch.now)
    watch.infer()
    outage.refresh_from_db()
    assert outage.acknowledged_by == user
    assert kinds(outage)[-2:] == ["acknowledged", "comment"]
    assert not outage.children.exclude(acknowledged_at=None).exists()


def test_scope_cannot_have_two_open_incidents(watch: Watch) -> None:
    make(watch, 4)
    watch.round()
    watch.round(DOWN)
    watch.infer()
    outage = Incident.objects.get(resource=None)
    outage.pk, outage.failure = None, "tag_not_found"
    with pytest.raises(IntegrityError), transaction.atomic():
        outage.save()


def test_nothing_is_looked_at_while_nothing_is_open(watch: Watch) -> None:
    make(watch, 2)
    watch.round()
    with CaptureQueriesContext(connection) as captured:
        assert watch.infer() == []
    assert len([query for query in captured if "probes_incident" in query["sql"]]) == 1


def test_queries_do_not_depend_on_how_many_fail(watch: Watch) -> None:
    def queries(at: str, count: int) -> int:
        make(watch, count, at)
        watch.round(only=at)
        watch.round(DOWN, only=at)
        watch.now += 20 * SECOND
        with CaptureQueriesContext(connection) as captured:
            scopes.infer_scopes(now=watch.now)
        return len(captured)

    assert queries("quay.io/org", 40) <= queries("ghcr.io/org", 4) <= 35
    assert len(scope_incidents()) == 2


@pytest.mark.django_db(transaction=True)
def test_two_rounds_at_once_make_one_incident(watch: Watch) -> None:
    make(watch, 4)
    watch.round()
    watch.round(DOWN)
    now = watch.now + 20 * SECOND
    start = threading.Barrier(4)
    done: list[Any] = []

    def infer() -> None:
        try:
            start.wait(30)
            done.extend(scopes.infer_scopes(now=now))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=infer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert told(done) == [("registry ghcr.io", "Open")]
    assert IncidentEntry.objects.filter(kind="joined").count() == 5


@pytest.mark.django_db(transaction=True)
def test_incident_that_somebody_holds_joins_the_next_time(watch: Watch) -> None:
    make(watch, 4)
    watch.round()
    watch.round(DOWN)
    (held, *_) = Incident.objects.all()
    took: list[Any] = []

    def infer() -> None:
        try:
            took.extend(scopes.infer_scopes(now=watch.now + 20 * SECOND))
        finally:
            connections.close_all()

    with transaction.atomic():
        Incident.objects.select_for_update(no_key=True).get(pk=held.pk)
        thread = threading.Thread(target=infer)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
    outage = Incident.objects.get(resource=None)
    assert (outage.children.count(), outage.extent) == (3, 4)
    assert watch.infer(30 * SECOND) == []
    assert outage.children.count() == 4
