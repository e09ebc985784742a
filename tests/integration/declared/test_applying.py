"""What is declared is stored: made, changed, left alone, stale, pruned; as a whole or not at all."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from probes.actions import applying, declared_rows, resources, staleness
from probes.actions.applying import ApplyRefused
from probes.models import (
    AuditEntry,
    Credential,
    Endpoint,
    Policy,
    Region,
    Registry,
    Resource,
    ResourceGroup,
    Schedule,
    Source,
    Verdict,
)
from probes.policy.declared.planning import Verb
from tests.integration.declared.conftest import Apply

ALL = """
apiVersion: kairos/v1
kind: Source
metadata: {name: shop-git}
spec: {complete: true, documents: 6}
---
apiVersion: kairos/v1
kind: Image
metadata:
  name: web
  labels: {team: shop}
  found_in: ["deploy/web.yaml:21"]
spec:
  reference: ghcr.io/shop/web:1.2
  group: shop
  schedule: hourly
  policy: strict
  platforms: [linux/amd64, linux/arm64]
  terms:
    failures: 2
    uptime_target_percent: 99.90
---
apiVersion: kairos/v1
kind: Endpoint
metadata: {name: api}
spec:
  reference: https://api.example/health?token=s3cret
  group: shop
  endpoint:
    headers: {X-Probe: s3cret}
    statuses: 200-204
---
apiVersion: kairos/v1
kind: Group
metadata: {name: shop}
spec:
  name: The shop
  policy: strict
  terms: {quorum: {votes: 2}}
---
apiVersion: kairos/v1
kind: Policy
metadata: {name: strict}
spec:
  terms: {severity: warning}
---
apiVersion: kairos/v1
kind: Schedule
metadata: {name: hourly}
spec: {crontab: "0 * * * *", zone: Europe/Berlin}
---
apiVersion: kairos/v1
kind: Registry
metadata: {name: ghcr.io}
spec:
  quota_share_percent: 30
  resolve: {ghcr.io: [10.0.0.5]}
  allow_cidrs: [10.0.0.0/8]
"""


def image(name: str, reference: str = "ghcr.io/shop/web:1", **spec: object) -> str:
    more = "".join(f"  {key}: {value}\n" for key, value in spec.items())
    return (
        f"---\napiVersion: kairos/v1\nkind: Image\nmetadata: {{name: {name}}}\n"
        f"spec:\n  reference: {reference}\n{more}"
    )


def source(name: str = "shop-git", *, complete: bool = True) -> str:
    said = "true" if complete else "false"
    return f"---\napiVersion: kairos/v1\nkind: Source\nmetadata: {{name: {name}}}\nspec: {{complete: {said}}}\n"


def group(name: str, **spec: object) -> str:
    more = "".join(f"  {key}: {value}\n" for key, value in spec.items())
    return f"---\napiVersion: kairos/v1\nkind: Group\nmetadata: {{name: {name}}}\nspec:\n  notes: ''\n{more}"


def test_all_that_is_declared_is_stored(apply: Apply, now: datetime) -> None:
    applied = apply(ALL)

    assert {change.verb for change in applied.plan.changes} == {Verb.CREATE}
    web = Resource.objects.get(slug="web")
    assert (web.group, web.policy, web.schedule) == (
        ResourceGroup.objects.get(slug="shop", name="The shop", quorum_votes=2),
        Policy.objects.get(slug="strict", name="strict", severity="warning"),
        Schedule.objects.get(slug="hourly", zone="Europe/Berlin"),
    )
    assert web.registry == Registry.objects.get(host="ghcr.io", quota_share_percent=30)
    assert (web.repository, web.tag, web.labels) == ("shop/web", "1.2", {"team": "shop"})
    assert (web.platforms, web.failures) == (["linux/amd64", "linux/arm64"], 2)
    assert (web.next_due_at, web.spacing_seconds) == (now, 3600)
    api = Resource.objects.get(slug="api")
    assert api.registry.host == "api.example"
    assert Endpoint.objects.get(resource=api).headers == {"X-Probe": "s3cret"}
    manager = Source.objects.get(slug="shop-git")
    assert {
        row.managed_by for model in (Resource, ResourceGroup, Policy, Schedule) for row in model.objects.all()
    } == {manager}


def test_second_time_there_is_nothing_to_do_and_nothing_is_written(apply: Apply, now: datetime) -> None:
    apply(ALL)
    before = list(Resource.objects.order_by("pk").values())
    entries = AuditEntry.objects.count()

    applied = apply(ALL, at=now + timedelta(hours=1))

    assert applied.is_nothing
    assert applied.plan.unchanged == 6
    assert list(Resource.objects.order_by("pk").values()) == before
    assert AuditEntry.objects.count() == entries


def test_dry_run_tells_the_same_and_stores_nothing(apply: Apply) -> None:
    told = apply(ALL, dry_run=True)

    assert not Resource.objects.exists()
    assert not Source.objects.exists()
    done = apply(ALL)
    assert told.plan.changes == done.plan.changes
    assert told.makes_source == done.makes_source == "shop-git"


def test_many_are_planned_with_as_many_queries_as_few(
    apply: Apply, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    few = source() + "".join(image(f"web-{number}", f"ghcr.io/shop/web:{number}") for number in range(3))
    many = source() + "".join(image(f"web-{number}", f"h{number}.example/shop/web:1") for number in range(60))
    for text in (few, many):
        with django_assert_num_queries(16):
            apply(text, dry_run=True)
    apply(many)
    with django_assert_num_queries(30):
        apply(many)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (image("web", "ghcr.io/shop/WEB:1"), "kairos.yaml:6: Image/web: reference: "),
        (image("web", interval_seconds=1), "kairos.yaml:7: Image/web: interval_seconds: From "),
        (image("web", interval_seconds='"60"'), "kairos.yaml:7: Image/web: interval_seconds: Write a whole number, "),
        (image("web", intervall=60), "kairos.yaml:7: Image/web: intervall: There is no such field. There are: "),
        (image("web", group="nobody"), "kairos.yaml:7: Image/web: group: There is no Group 'nobody'"),
        (image("web", regions="[mars]"), "kairos.yaml:7: Image/web: regions: There is no Region 'mars'"),
        (image("web", depth="''"), "kairos.yaml:7: Image/web: depth: Write a depth, or null"),
        (image("web", platforms="[]"), "kairos.yaml:7: Image/web: platforms: "),
        (image("web", platforms="[linux]"), "kairos.yaml:7: Image/web: platforms: "),
        (image("web", platforms="linux/amd64"), "kairos.yaml:7: Image/web: platforms: Write a list"),
        (image("web", depth="abyss"), "kairos.yaml:7: Image/web: depth: "),
        (image("web", terms="{quorum: {votes: 2, percent: 50}}"), "kairos.yaml:7: Image/web: terms.quorum.percent: "),
        (image("web", terms="{failures: 101}"), "kairos.yaml:7: Image/web: terms.failures: "),
        (image("WEB"), "kairos.yaml:4: Image/WEB: metadata.name: "),
        (image("web") + image("web"), "kairos.yaml:8: Image/web: It is declared twice, first at kairos.yaml:2."),
        (image("web") + source(), "Source/shop-git: A source is the first document"),
        (source().replace("true", "true, documents: 2") + image("web"), "the stream was cut off"),
        (group("shop", terms="{quorum: {votes: 1, percent: 1}}"), "Group/shop: terms.quorum.percent: "),
        (group("shop", policy="none"), "Group/shop: policy: There is no Policy 'none'"),
        ("kind: Image", "kairos.yaml:1: Image/: apiVersion: Write kairos/v1."),
        ("{kind: Moon}", "kairos.yaml:1: kind: There is no such kind."),
        ("a: 1\na: 2", "kairos.yaml:2: a is there twice"),
        ("- 1", "kairos.yaml:1: a document is an object"),
        ("a: [", "kairos.yaml:2: no YAML: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(apply: Apply, text: str, told: str) -> None:
    with pytest.raises(ApplyRefused) as refused:
        apply(text)

    assert told in str(refused.value)
    assert not Resource.objects.exists()


def test_all_that_is_wrong_is_told_at_once_and_nothing_is_stored(apply: Apply) -> None:
    with pytest.raises(ApplyRefused) as refused:
        apply(image("good") + image("bad", "???") + group("shop", policy="none") + image("worse", depth="abyss"))

    assert [fault.thing for fault in refused.value.faults] == ["Group/shop", "Image/bad", "Image/worse"]
    assert not Resource.objects.exists()


def test_what_is_missing_from_a_complete_source_is_stale_and_is_back_when_it_is_listed(
    apply: Apply, now: datetime
) -> None:
    apply(source() + image("a") + image("b"))

    gone = apply(source() + image("a"))
    assert [(change.verb, change.name) for change in gone.plan.changes] == [(Verb.STALE, "b")]
    assert Resource.objects.get(slug="b").stale_at == now
    assert apply(source() + image("a")).is_nothing

    assert apply(source(complete=False) + image("a")).is_nothing
    back = apply(source() + image("a") + image("b"))
    assert [(change.verb, change.name) for change in back.plan.changes] == [(Verb.RESTORE, "b")]
    assert Resource.objects.get(slug="b").stale_at is None


def test_what_was_retired_and_is_listed_again_is_checked_again(apply: Apply, now: datetime) -> None:
    apply(source() + image("a"))
    pk = Resource.objects.get().pk
    staleness.retire([pk], now=now)

    apply(source() + image("a", interval_seconds=600), at=now + timedelta(days=1))

    row = Resource.objects.get()
    assert (row.pk, row.retired_at, row.paused_at, row.interval_seconds) == (pk, None, None, 600)
    assert row.next_due_at == now + timedelta(days=1)


def test_incomplete_reading_marks_nothing(apply: Apply) -> None:
    apply(source() + image("a") + image("b"))

    assert apply(source(complete=False) + image("a")).is_nothing


def test_what_another_manages_is_taken_over_only_where_that_is_said(apply: Apply, now: datetime) -> None:
    resources.save(Resource(slug="web", reference="ghcr.io/shop/web:1"), now=now)

    with pytest.raises(ApplyRefused, match="managed by hand"):
        apply(source() + image("web"))
    adopted = apply(source() + image("web"), adopt=True)
    assert [(change.verb, change.adopted_from) for change in adopted.plan.changes] == [(Verb.UPDATE, "")]
    assert Resource.objects.get().managed_by == Source.objects.get()

    with pytest.raises(ApplyRefused, match="the source shop-git manages it"):
        apply(source("other") + image("web"))
    with pytest.raises(ApplyRefused, match="the source shop-git manages it"):
        apply(image("web", interval_seconds=60))


def test_without_a_source_what_is_managed_by_hand_is_changed(apply: Apply, now: datetime) -> None:
    resources.save(Resource(slug="web", reference="ghcr.io/shop/web:1"), now=now)

    apply(image("web", interval_seconds=600))

    assert Resource.objects.get().interval_seconds == 600


def test_prune_retires_what_is_checked_and_deletes_settings_that_nobody_uses(apply: Apply, now: datetime) -> None:
    apply(source() + image("a") + image("b", group="theirs") + group("ours") + group("theirs"))

    pruned = apply(source() + image("a"), prune=True)

    assert [(change.verb, change.name) for change in pruned.plan.changes] == [
        (Verb.RETIRE, "b"),
        (Verb.DELETE, "ours"),
    ]
    assert pruned.kept == ("Group/theirs",)  # for the history of what was retired
    assert Resource.objects.get(slug="b").retired_at == now
    assert [row.slug for row in ResourceGroup.objects.all()] == ["theirs"]


def test_prune_touches_nothing_that_another_manages(apply: Apply, now: datetime) -> None:
    resources.save(Resource(slug="by-hand", reference="ghcr.io/shop/web:1"), now=now)
    apply(source("other") + image("theirs"))
    apply(source() + image("a"))

    assert apply(source() + image("a"), prune=True).is_nothing


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Let something happen between the plan and what is done of it."""

    def let(happen: Callable[[], object]) -> None:
        def rows_of(*args: Any, **options: Any) -> Any:
            happen()
            return declared_rows.rows_of(*args, **options)

        monkeypatch.setattr(applying, "rows_of", rows_of)

    return let


Meanwhile = Callable[[Callable[[], object]], None]


@pytest.mark.parametrize("what", ["deleted", "taken over"])
def test_prune_leaves_what_somebody_else_changed_meanwhile(apply: Apply, meanwhile: Meanwhile, what: str) -> None:
    apply(source() + group("shop") + group("other"))
    shop = ResourceGroup.objects.filter(slug="shop")

    meanwhile(lambda: shop.delete() if what == "deleted" else shop.update(managed_by=None))
    pruned = apply(source(), prune=True)
    assert [change.name for change in pruned.plan.changes] == ["other"]
    assert ResourceGroup.objects.exists() is (what == "taken over")


@pytest.mark.parametrize("prune", [False, True])
def test_what_is_checked_and_no_more_listed_is_left_to_whoever_took_it_over_or_retired_it_meanwhile(
    apply: Apply, meanwhile: Meanwhile, now: datetime, *, prune: bool
) -> None:
    names = ["a", "by-hand", "deleted", "elsewhere", "retired"]
    apply(source() + "".join(map(image, names)))
    of = {name: Resource.objects.filter(slug=name) for name in names}
    other = Source.objects.create(slug="other", name="other")
    before = now - timedelta(hours=1)

    def happen() -> None:
        of["by-hand"].update(managed_by=None)
        of["deleted"].delete()
        of["elsewhere"].update(managed_by=other)
        of["retired"].update(paused_at=before, retired_at=before)

    meanwhile(happen)
    done = apply(source(), prune=prune)
    assert [(change.verb, change.name) for change in done.plan.changes] == [
        (Verb.RETIRE if prune else Verb.STALE, "a")
    ]
    assert {row.slug: (row.stale_at, row.retired_at) for row in Resource.objects.all()} == {
        "a": (None, now) if prune else (now, None),
        "by-hand": (None, None),
        "elsewhere": (None, None),
        "retired": (None, before),
    }


@pytest.mark.parametrize("kind", ["Image", "Group"])
def test_what_is_listed_is_left_to_whoever_took_it_over_meanwhile(
    apply: Apply, meanwhile: Meanwhile, kind: str
) -> None:
    policy = "---\n{apiVersion: kairos/v1, kind: Policy, metadata: {name: strict}}\n"
    apply(source() + image("shop") + group("shop") + policy)
    row: Any = Resource if kind == "Image" else ResourceGroup

    meanwhile(lambda: row.objects.update(managed_by=None))
    changed = image("shop", interval_seconds=600) if kind == "Image" else group("shop", policy="strict")
    with pytest.raises(ApplyRefused, match=f"{kind}/shop: Somebody else has taken it over meanwhile"):
        apply(source() + policy + changed)


def test_prune_refuses_what_is_in_use_and_says_by_whom(apply: Apply, now: datetime) -> None:
    apply(source() + group("shop"))
    resources.save(Resource(slug="web", reference="ghcr.io/shop/web:1", group=ResourceGroup.objects.get()), now=now)

    for dry_run in (True, False):
        with pytest.raises(ApplyRefused, match="Group/shop: It is not declared, and used by resource web"):
            apply(source(), prune=True, dry_run=dry_run)

    assert ResourceGroup.objects.exists()


def test_prune_takes_no_credential_along_with_its_registry(apply: Apply) -> None:
    registry = "---\napiVersion: kairos/v1\nkind: Registry\nmetadata: {name: quay.io}\n"
    apply(source() + registry)
    Credential.objects.create(slug="robot", registry=Registry.objects.get())

    for dry_run in (True, False):
        with pytest.raises(ApplyRefused, match=r"Registry/quay\.io: .* used by credential robot"):
            apply(source(), prune=True, dry_run=dry_run)

    assert Credential.objects.exists()


def test_dry_run_of_a_prune_deletes_nothing(apply: Apply) -> None:
    apply(source() + group("shop") + image("a"))

    told = apply(source() + image("a"), prune=True, dry_run=True)

    assert [(change.verb, change.name) for change in told.plan.changes] == [(Verb.DELETE, "shop")]
    assert ResourceGroup.objects.exists()


def test_prune_of_more_than_half_wants_to_be_said(apply: Apply) -> None:
    apply(source() + "".join(image(f"web-{number}") for number in range(12)))

    with pytest.raises(ApplyRefused, match="11 of 12 would be pruned, more than half"):
        apply(source() + image("web-1"), prune=True)
    assert len(apply(source() + image("web-1"), prune=True, any_share=True).plan.of(Verb.RETIRE)) == 11


@pytest.mark.parametrize(
    ("text", "told"),
    [(image("web"), "There is no source"), (source(complete=False) + image("web"), "not complete")],
)
def test_prune_wants_a_source_that_knows_all(apply: Apply, text: str, told: str) -> None:
    with pytest.raises(ApplyRefused, match=told):
        apply(text, prune=True)


def test_image_does_not_become_an_endpoint(apply: Apply) -> None:
    apply(image("web"))

    with pytest.raises(ApplyRefused, match="There is a Image of this name"):
        apply(image("web", "https://web.example/").replace("Image", "Endpoint"))


def test_terms_of_a_group_have_the_verdicts_of_its_resources_computed_anew(apply: Apply, now: datetime) -> None:
    apply(group("shop") + image("web", group="shop"))
    verdict = Verdict.objects.create(resource=Resource.objects.get(), since=now, computed_at=now)

    apply(group("shop", terms="{failures: 1}") + image("web", group="shop"))

    verdict.refresh_from_db()
    assert verdict.stale_at == now


def test_regions_are_named_by_their_slugs(apply: Apply) -> None:
    Region.objects.create(slug="eu-west", name="Europe")

    apply(image("web", regions="[eu-west]"))

    assert [region.slug for region in Resource.objects.get().regions.all()] == ["eu-west"]
    assert apply(image("web", regions="[eu-west]")).is_nothing
