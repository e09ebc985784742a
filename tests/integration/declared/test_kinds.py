"""Credentials, channels, rules, maintenance windows and regions are declared like all else; no secret is told."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_django.fixtures import Settings

from probes.actions import secrets
from probes.actions.applying import ApplyRefused
from probes.management.secret_origins import from_here
from probes.models import (
    AuditEntry,
    Channel,
    Credential,
    MaintenanceOccurrence,
    MaintenanceWindow,
    Region,
    Registry,
    Rule,
    Source,
    StatusGroup,
    StatusPage,
)
from probes.policy.declared import telling, writing
from probes.policy.declared.kinds import Kind
from probes.policy.declared.planning import Verb
from probes.policy.declared.secrets import Origin, Unresolved
from probes.selectors.declared import everything
from tests.integration.declared.conftest import Apply

URL = "https://hooks.example/T0KEN"
KEY = "a signing key of a webhook"
PASSWORD = "correct horse"
SECRETS = {"GHCR": PASSWORD, "HOOK": URL, "HOOK_KEY": KEY}
SOURCE = "{apiVersion: kairos/v1, kind: Source, metadata: {name: ops-git}, spec: {complete: true}}\n"
ALL = """
kind: Registry
metadata: {name: ghcr.io}
---
kind: Group
metadata: {name: shop}
---
kind: Image
metadata: {name: web}
spec: {reference: "ghcr.io/shop/web:1.2", group: shop, credential: ghcr}
---
kind: Credential
metadata: {name: ghcr}
spec:
  registry: ghcr.io
  repository_prefix: shop
  username: robot
  region: eu-west
  secretFrom: {env: GHCR}
---
kind: Channel
metadata: {name: on-call}
spec:
  name: On call
  kind: webhook
  reminder_minutes: 60
  secretFrom: {url: {env: HOOK}, signing_key: {env: HOOK_KEY}}
---
kind: Rule
metadata: {name: on-call-shop}
spec:
  channel: on-call
  topics: [incident_opened, incident_resolved]
  severity: warning
  groups: [shop]
  registries: [ghcr.io]
  labels: {team: shop}
---
kind: MaintenanceWindow
metadata: {name: sundays}
spec:
  starts_on: "2026-03-08"
  starts_at: "02:00"
  zone: Europe/Berlin
  duration_minutes: 90
  rule: FREQ=WEEKLY;BYDAY=SU
  resources: [web]
  groups: [shop]
  regions: [eu-west]
---
kind: Region
metadata: {name: eu-west}
spec: {name: Europe West, latitude: 50.11, longitude: 8.68}
---
kind: StatusGroup
metadata: {name: payments}
spec: {page: registry, group: shop, public_name: Payments, visibility: public, naming: names, position: 2}
---
kind: StatusPage
metadata: {name: registry}
spec:
  title: Our registry
  description: Whether images can be pulled.
  visibility: public
  shows_reasons: true
  frame_origins: ["https://www.example.com"]
"""


def documents(text: str, *, source: str = SOURCE) -> str:
    return source + "".join(f"---\napiVersion: kairos/v1\n{item.strip()}\n" for item in text.split("---"))


def one(kind: str, name: str, /, **spec: Any) -> str:
    return json.dumps({"apiVersion": "kairos/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}) + "\n"


def told(applied: Any) -> str:
    return "\n".join(line.text for line in telling.lines(applied.plan)) + json.dumps(telling.to_json(applied.plan))


@pytest.fixture(autouse=True)
def region(db: None) -> Region:
    """A region that was enrolled, and is managed by the source."""
    source = Source.objects.create(slug="ops-git", name="ops-git")
    return Region.objects.create(slug="eu-west", name="Europe", managed_by=source)


def test_all_kinds_are_stored_by_their_actions(apply: Apply, region: Region) -> None:
    apply(documents(ALL), secrets=SECRETS)

    credential = Credential.objects.get(slug="ghcr")
    assert (credential.registry.host, credential.region, credential.kind) == ("ghcr.io", region, "password")
    assert secrets.open_secret(credential).password == PASSWORD
    channel = Channel.objects.get(slug="on-call")
    assert (channel.name, channel.address, channel.reminder_minutes) == ("On call", "https://hooks.example:443", 60)
    assert secrets.open_channel_secret(channel) == (URL, KEY)
    rule = Rule.objects.get(slug="on-call-shop")
    assert (rule.channel, rule.severity, rule.labels) == (channel, "warning", {"team": "shop"})
    assert [row.slug for row in rule.groups.all()] == ["shop"]
    assert [row.host for row in rule.registries.all()] == ["ghcr.io"]
    window = MaintenanceWindow.objects.get(slug="sundays")
    assert [row.slug for row in window.resources.all()] == ["web"]
    assert MaintenanceOccurrence.objects.filter(window=window, region_ids=[region.pk]).exists()
    group = StatusGroup.objects.get(slug="payments")
    assert (group.page.title, group.group.slug, group.naming, group.position) == ("Our registry", "shop", "names", 2)
    assert (group.page.shows_reasons, group.page.shows_hosts) == (True, False)
    assert group.page.frame_origins == ["https://www.example.com"]
    region.refresh_from_db()
    assert (region.name, region.latitude, region.longitude) == ("Europe West", 50.11, 8.68)
    manager = Source.objects.get(slug="ops-git")
    assert {row.managed_by for row in (credential, channel, rule, window, region, group, group.page)} == {manager}


def test_second_time_there_is_nothing_to_do_and_nothing_is_written(apply: Apply, now: datetime) -> None:
    apply(documents(ALL), secrets=SECRETS)
    entries, stored = AuditEntry.objects.count(), Credential.objects.get().rotated_at

    again = apply(documents(ALL), secrets=SECRETS, at=now + timedelta(hours=1))

    assert again.is_nothing
    assert AuditEntry.objects.count() == entries
    assert Credential.objects.get().rotated_at == stored


def test_dry_run_tells_the_same_and_stores_nothing(apply: Apply) -> None:
    rehearsed = apply(documents(ALL), secrets=SECRETS, dry_run=True)

    assert not any(model.objects.exists() for model in (Credential, Channel, Rule, MaintenanceWindow))
    assert rehearsed.plan.changes == apply(documents(ALL), secrets=SECRETS).plan.changes


def test_no_secret_is_told_and_that_one_changes_is(apply: Apply) -> None:
    made = told(apply(documents(ALL), secrets=SECRETS))
    assert made.count("secretFrom: secret is stored") == 2

    changed = told(apply(documents(ALL), secrets={**SECRETS, "GHCR": "battery staple"}))
    assert "~ Credential/ghcr" in changed
    assert "secretFrom: secret changes" in changed
    assert "Channel" not in changed
    assert secrets.open_secret(Credential.objects.get()).password == "battery staple"

    renamed = told(apply(documents(ALL.replace("On call", "Called")), secrets={**SECRETS, "GHCR": "battery staple"}))
    assert "secretFrom: secret unchanged" in renamed

    everything_told = made + changed + renamed
    assert not [word for word in (*SECRETS.values(), "battery", "T0KEN") if word in everything_told]


def test_secret_that_is_left_out_stays(apply: Apply) -> None:
    apply(documents(ALL), secrets=SECRETS)
    text = documents(ALL).replace("  secretFrom:", "  # secretFrom:").replace("username: robot", "username: other")

    applied = apply(text)

    assert [(change.verb, change.name) for change in applied.plan.changes] == [(Verb.UPDATE, "ghcr")]
    assert secrets.open_secret(Credential.objects.get()).password == PASSWORD
    assert secrets.open_channel_secret(Channel.objects.get()) == (URL, KEY)


def test_what_is_exported_holds_no_secret_and_changes_nothing_when_it_is_applied(apply: Apply) -> None:
    apply(documents(ALL), secrets=SECRETS)
    text = "".join(writing.text(writing.documents(everything(Kind))))

    assert not [word for word in SECRETS.values() if word in text]
    assert "comes from: secretFrom: {password: {env: NAME}}" in text
    assert "comes from: secretFrom: {url: {env: NAME}, signing_key: {env: NAME}}" in text
    found = {item["kind"]: item for item in yaml.safe_load_all(text)}
    assert found["MaintenanceWindow"]["spec"]["starts_at"] == "02:00"
    assert found["Rule"]["spec"]["topics"] == ["incident_opened", "incident_resolved"]
    assert found["Region"]["spec"] == {"name": "Europe West", "latitude": 50.11, "longitude": 8.68}
    again = apply(f"{SOURCE}---\n{text}")
    assert again.is_nothing
    assert again.plan.unchanged == 10


@pytest.mark.parametrize(
    ("kind", "spec", "given", "stored"),
    [
        ("bearer", {"env": "A"}, {"A": "t0ken"}, {"bearer": "t0ken"}),
        ("identity_token", {"identity_token": {"file": "/a"}}, {"/a": "t0ken"}, {"identity_token": "t0ken"}),
        (
            "ecr",
            {"own_role": True, "aws_region": "eu-west-1"},
            {},
            {"provider": "ecr", "provider_key": '{"own_role": true, "region": "eu-west-1"}'},
        ),
        (
            "acr",
            {"tenant": "shop.example", "client_id": "robot", "client_secret": {"env": "A"}},
            {"A": "s3cret"},
            {"provider": "acr"},
        ),
    ],
)
def test_each_kind_of_credential_has_its_parts(
    apply: Apply, kind: str, spec: dict[str, Any], given: dict[str, str], stored: dict[str, str]
) -> None:
    Registry.objects.create(host="r.example")
    text = one("Credential", "r", registry="r.example", kind=kind, secretFrom=spec)

    apply(text, secrets=given)

    found = secrets.open_secret(Credential.objects.get()).to_json()
    assert found.items() >= stored.items()
    assert apply(text, secrets=given).is_nothing


def test_end_of_a_secret_stays_where_it_is_left_out_and_ends_with_it(apply: Apply) -> None:
    Registry.objects.create(host="r.example")
    said: dict[str, Any] = {"registry": "r.example", "username": "robot", "secretFrom": {"env": "A"}}
    apply(one("Credential", "r", **said, expires_at="2027-01-01T01:00:00+01:00"), secrets={"A": "one"})
    assert Credential.objects.get().expires_at == datetime.fromisoformat("2027-01-01T00:00:00Z")

    assert apply(one("Credential", "r", **said, expires_at="2027-01-01T00:00:00Z"), secrets={"A": "one"}).is_nothing
    assert apply(one("Credential", "r", **said), secrets={"A": "one"}).is_nothing

    apply(one("Credential", "r", **said), secrets={"A": "two"})
    assert Credential.objects.get().expires_at is None


BEARER = {"registry": "r.example", "kind": "bearer"}
MAIL = {"kind": "email", "sender": "kairos@r.example", "recipients": ["a@r.example"]}
WINDOW = {"starts_on": "2026-03-08", "starts_at": "02:00", "duration_minutes": 60}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (one("Credential", "r", **BEARER), "Credential/r: secretFrom.bearer: Give the bearer token."),
        (one("Credential", "r", **BEARER, secretFrom={"env": "NONE"}), "There is no variable NONE"),
        (one("Credential", "r", **BEARER, secretFrom={"bearer": "s3cret"}), "A secret is not written here."),
        (one("Credential", "r", **BEARER, secretFrom="s3cret"), "A secret itself is not written here."),
        (one("Credential", "r", **BEARER, secretFrom={"password": {"env": "A"}}), "has these parts: bearer."),
        (one("Credential", "r", **BEARER, secretFrom={"passwort": {"env": "A"}}), "A secret has no such part."),
        (one("Credential", "r", **BEARER, secretFrom={"env": "SPACED"}), "A bearer token is visible ASCII"),
        (one("Credential", "r", **BEARER, secretFrom={"env": "A", "file": "/a"}), "Write one of {env: NAME} and "),
        (one("Credential", "r", **BEARER, secretFrom={"env": "$A"}), "Write the name of a variable"),
        (one("Credential", "r", **{**BEARER, "kind": "ecr"}, secretFrom={"env": "A"}), "parts: access_key_id, "),
        (one("Credential", "r", registry="none.example", secretFrom={"env": "A"}), "no Registry 'none.example'"),
        (one("Credential", "r", secretFrom={"env": "A"}), "Credential/r: registry: It has to be there."),
        (one("Channel", "c", **MAIL), "Channel/c: secretFrom.url: Say where it leads."),
        (one("Channel", "c", kind="webhook", secretFrom={"env": "A"}), "secretFrom.url: "),
        (one("Channel", "c", kind="webhook", secretFrom={"env": "HOOK"}), "A webhook is signed: say by which key."),
        (one("Channel", "c", kind="pigeon"), "Channel/c: kind: Write one of email, webhook, "),
        (one("Channel", "c", **{**MAIL, "recipients": []}, secretFrom={"env": "SMTP"}), "E-mail goes to somebody."),
        (one("Rule", "u", channel="none"), "Rule/u: channel: There is no Channel 'none'"),
        (one("Rule", "u", channel="none", topics=["weather"]), "Rule/u: topics: Write one of "),
        (one("StatusPage", "p"), "title: It has to be there."),
        (one("StatusPage", "p", title="P", frame_origins=["https://a.example/x"]), "frame_origins: "),
        (one("StatusPage", "p", title="P", visibility="some"), "visibility: Write one of public, signed_in, hidden."),
        (one("StatusGroup", "g", page="no", group="no", public_name="G"), "page: There is no StatusPage 'no'"),
        (one("MaintenanceWindow", "w", **WINDOW), "Choose what is worked on, or from where it is seen."),
        (one("MaintenanceWindow", "w", **WINDOW, resources=["no"]), "resources: There is no Image or Endpoint 'no'"),
        (one("MaintenanceWindow", "w", **{**WINDOW, "starts_at": "2pm"}), "starts_at: Write a time of day"),
        (one("MaintenanceWindow", "w", **{**WINDOW, "starts_on": "2026-02-30"}), "starts_on: Write a date"),
        (one("MaintenanceWindow", "w", **WINDOW, rule="FREQ=HOURLY", regions=["eu-west"]), "Window/w: rule: "),
        (one("MaintenanceWindow", "w", **{**WINDOW, "starts_on": "2026-02-01"}, regions=["eu-west"]), "in the past"),
        (one("Region", "eu-west"), "Region/eu-west: It is there, and the source ops-git manages it."),
        (one("Region", "mars"), "none is made by a file: enrol it. There are: eu-west."),
        (SOURCE.strip() + "\n---\n" + one("Region", "eu-west", latitude=12.5), "Region/eu-west: longitude: "),
        (one("Region", "eu-west", latitude=91, longitude=0), "latitude: Write a number from -90 to 90."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_a_dry_run_as_well(apply: Apply, text: str, said: str) -> None:
    Registry.objects.create(host="r.example")
    given = {"A": "s3cret", "SPACED": "s3 cret", "HOOK": URL, "SMTP": "smtps://mail.example"}

    for dry_run in (True, False):
        with pytest.raises(ApplyRefused) as refused:
            apply(text, secrets=given, dry_run=dry_run)
        assert said in str(refused.value)
        assert "s3" not in str(refused.value)
        assert re.match("kairos.yaml:[13]: ", str(refused.value))

    assert not any(model.objects.exists() for model in (Credential, Channel, Rule, MaintenanceWindow))


@pytest.mark.parametrize(
    ("kind", "changed", "said"),
    [
        ("Credential", {"registry": "other.example"}, "A credential stays at its registry"),
        ("Channel", {"kind": "alertmanager"}, "make a new channel"),
    ],
)
def test_what_a_secret_belongs_to_does_not_change(
    apply: Apply, kind: str, changed: dict[str, Any], said: str
) -> None:
    for host in ("r.example", "other.example"):
        Registry.objects.create(host=host)
    spec = {"registry": "r.example", "kind": "bearer"} if kind == "Credential" else MAIL
    given = {"A": "t0ken" if kind == "Credential" else "smtps://mail.example"}
    apply(one(kind, "it", **spec, secretFrom={"env": "A"}), secrets=given)

    with pytest.raises(ApplyRefused, match=said):
        apply(one(kind, "it", **{**spec, **changed}), dry_run=True)


def test_without_a_resolver_nothing_is_looked_up(now: datetime, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from probes.actions import applying  # noqa: PLC0415 - read for this test alone
    from probes.policy.declared.planning import Wishes  # noqa: PLC0415 - likewise
    from tests.integration.declared.conftest import read  # noqa: PLC0415 - likewise

    Registry.objects.create(host="r.example")
    monkeypatch.setenv("A", "s3cret")

    with pytest.raises(ApplyRefused, match="secretFrom: Where secrets come from is not looked up here"):
        applying.apply(read(one("Credential", "r", **BEARER, secretFrom={"env": "A"})), Wishes(), now=now)


def test_prune_deletes_what_is_not_declared_in_an_order_in_which_nothing_is_in_use(
    apply: Apply, now: datetime
) -> None:
    apply(documents(ALL), secrets=SECRETS)
    occurrences = MaintenanceOccurrence.objects.count()

    pruned = apply(SOURCE, prune=True, at=now + timedelta(days=8), any_share=True)

    assert [(change.verb, change.kind.value) for change in pruned.plan.changes] == [
        (Verb.DELETE, "MaintenanceWindow"),
        (Verb.RETIRE, "Image"),
        (Verb.DELETE, "StatusGroup"),
        (Verb.DELETE, "StatusPage"),
        (Verb.DELETE, "Rule"),
        (Verb.DELETE, "Channel"),
    ]
    assert pruned.kept == ("Credential/ghcr", "Registry/ghcr.io", "Group/shop")  # of the image that was retired
    assert not any(model.objects.exists() for model in (Channel, Rule, MaintenanceWindow))
    assert Region.objects.get().managed_by == Source.objects.get()
    assert 0 < MaintenanceOccurrence.objects.filter(ends_at__lt=now + timedelta(days=8)).count() < occurrences


def test_prune_deletes_no_rules_and_no_credentials_of_others_with_what_they_belong_to(apply: Apply) -> None:
    apply(documents(ALL), secrets=SECRETS)
    Rule.objects.create(slug="by-hand", channel=Channel.objects.get())
    rest = documents("---".join(ALL.split("---")[:4] + ALL.split("---")[5:7] + ALL.split("---")[7:]))
    without = rest.replace("channel: on-call", "channel: none").split("---\napiVersion: kairos/v1\nkind: Rule")[0]

    with pytest.raises(ApplyRefused, match="Channel/on-call: It is not declared, and used by rule by-hand"):
        apply(without, secrets=SECRETS, prune=True, any_share=True)


def test_prune_takes_nothing_from_a_status_page_of_others(apply: Apply) -> None:
    apply(documents(ALL), secrets=SECRETS)
    page = StatusPage.objects.create(slug="theirs", title="Theirs", visibility="public")
    StatusGroup.objects.create(page=page, group=StatusGroup.objects.get().group, public_name="Theirs")

    with pytest.raises(
        ApplyRefused, match="Group/shop: It is not declared, and used by group on a status page theirs"
    ):
        apply(SOURCE, prune=True, any_share=True)


def test_window_of_an_image_that_is_declared_beside_it_is_planned_with_it(apply: Apply) -> None:
    apply(
        one("MaintenanceWindow", "w", **WINDOW, resources=["web"]) + "---\n"
        + one("Image", "web", reference="ghcr.io/shop/web:1")
    )  # fmt: skip

    assert MaintenanceOccurrence.objects.exists()


def test_secret_is_taken_from_a_variable_or_a_file_and_never_what_is_our_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> None:
    settings.KAIROS_STATE_DIR = tmp_path / "state"
    for name in ("state/secrets.key", "keys/control", "mine/token"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("hush\n")
    (tmp_path / "mine/link").symlink_to("../state/secrets.key")
    monkeypatch.setenv("GHCR", "hush")
    monkeypatch.setenv("DATABASE_URL", "hush")
    monkeypatch.setenv("KAIROS_CONTROL_KEY_FILE", str(tmp_path / "keys/control"))
    assert from_here(Origin("env", "GHCR")) == "hush"
    assert from_here(Origin("file", str(tmp_path / "mine/token"))) == "hush"
    for name in ("DATABASE_URL", "KAIROS_CONTROL_KEY_FILE"):
        with pytest.raises(Unresolved, match="of Kairos itself"):
            from_here(Origin("env", name))
    for path in ("state/secrets.key", "keys/control", "mine/link", "mine/../state/secrets.key"):
        with pytest.raises(Unresolved, match="of Kairos itself"):
            from_here(Origin("file", str(tmp_path / path)))
    with pytest.raises(Unresolved, match="of the kernel"):
        from_here(Origin("file", "/proc/self/environ"))
