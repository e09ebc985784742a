"""What is declared and is no resource: checked, stored and deleted by the actions that people's hands go through."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from probes.actions import channels, logins, maintenance, regions, schedules, status_pages, terms
from probes.actions.secrets import SecretUnreadable
from probes.models import Channel, Credential, CredentialKind, MaintenanceWindow, Region
from probes.policy.channel_url import ChannelUrlRefused, shown
from probes.policy.declared.fields import Field
from probes.policy.declared.kinds import KINDS, SECRET_FROM, Kind
from probes.policy.declared.planning import Change
from probes.policy.declared.reading import Fault
from probes.policy.delivery import ChannelKind
from probes.selectors.declared import MODELS, named_by

AFTER_RESOURCES: Final = frozenset({Kind.MAINTENANCE_WINDOW})
"""What names resources, and is stored once they are."""

_WITH_ALL_CONSTRAINTS: Final = frozenset({Kind.CREDENTIAL, Kind.STATUS_GROUP})
"""Kinds of which a constraint speaks of what they lead to."""
_NAMED_REGIONS: Final = 20


def faults_of(change: Change, error: ValidationError) -> list[Fault]:
    """Return what a row's validation found, by the fields of the document."""
    if not hasattr(error, "error_dict"):
        return [change.wanted.fault(" ".join(error.messages))]
    kind = KINDS[change.kind]
    paths = {item.attribute: item.path for item in reversed(kind.fields)}
    paths |= {named_by(change.kind): "metadata.name", NON_FIELD_ERRORS: ""}
    if kind.secret is not None:
        paths |= {part.attribute: f"{SECRET_FROM}.{part.name}" for part in kind.secret.parts}
    return [
        change.wanted.fault(message, paths.get(attribute, attribute))
        for attribute, messages in error.message_dict.items()
        for message in messages
    ]


def unknown_region(change: Change) -> Fault:
    """Return why a region that nobody has announced is not made."""
    slugs = list(Region.objects.order_by("slug").values_list("slug", flat=True)[: _NAMED_REGIONS + 1])
    there = ", ".join(slugs[:_NAMED_REGIONS]) + (", …" if len(slugs) > _NAMED_REGIONS else "")
    message = f"There is no such region, and none is made by a file: enrol it. There are: {there or 'none'}."
    return change.wanted.fault(message, "metadata.name")


def check(row: Any, change: Change, secret: Mapping[str, Any] | None, *, now: datetime) -> Iterator[Fault]:
    """Yield what the action that stores the row would refuse.

    `secret` is what is to be stored of one; None where that is known to be wrong.
    """
    kind = KINDS[change.kind]
    led_to = {item.attribute: item.path for item in kind.fields if item.refers and not item.leads_to_many}
    if change.kind in _WITH_ALL_CONSTRAINTS:
        values = change.declared.values if change.declared else {}
        led_to = {name: path for name, path in led_to.items() if values[path] and getattr(row, f"{name}_id") is None}
    try:
        row.full_clean(exclude={*led_to, "managed_by", "secret_encrypted"})
    except ValidationError as error:
        yield from faults_of(change, error)
        return
    try:
        match change.kind:
            case Kind.CREDENTIAL if secret is not None:
                logins.login_of(CredentialKind(row.kind), secret, username=row.username, kept=_kept_kind(change))
            case Kind.CHANNEL if secret is not None:
                _check_channel(row, change, secret)
            case Kind.MAINTENANCE_WINDOW:
                _check_window(row, change, now)
            case _:
                pass
    except ValidationError as error:
        yield from faults_of(change, error)


def save(change: Change, row: Any, secret: Mapping[str, Any], *, now: datetime) -> None:
    """Store a row that was checked. Raises `ValidationError` by fields of the row, or parts of its secret."""
    fields = KINDS[change.kind].fields
    for item in fields:
        if item.refers and not item.leads_to_many:
            # What it leads to may have got its id only now.
            setattr(row, item.attribute, getattr(row, item.attribute))
    many = {item.attribute: _rows(item, _names(change, item)) for item in fields if item.leads_to_many}
    try:
        _store(change, row, many, secret, now)
    except SecretUnreadable as error:
        raise ValidationError({"has_secret": str(error)}) from None
    except maintenance.NothingConcerned as error:
        raise ValidationError(str(error)) from None


def _store(change: Change, row: Any, many: Mapping[str, list[Any]], secret: Mapping[str, Any], now: datetime) -> None:
    match change.kind:
        case Kind.SCHEDULE:
            schedules.save(row, now=now)
        case Kind.POLICY | Kind.GROUP:
            terms.save(row, now=now)
        case Kind.REGION:
            row.full_clean(exclude={"managed_by"})
            regions.save(row, changed=regions.SETTINGS, with_manager=True)
        case Kind.CREDENTIAL:
            _store_credential(change, row, secret, now)
        case Kind.CHANNEL:
            channels.save(row, url=secret.get("url", ""), signing_key=secret.get("signing_key", ""))
        case Kind.RULE:
            channels.save_rule(row, groups=many["groups"], registries=many["registries"])
        case Kind.STATUS_PAGE | Kind.STATUS_GROUP:
            status_pages.save(row)
        case Kind.MAINTENANCE_WINDOW:
            maintenance.save(row, **many, now=now)
        case _:
            row.full_clean()
            row.save()


def delete(kind: Kind, row: Any, *, now: datetime) -> None:
    """Delete a row that nobody uses."""
    if kind is Kind.MAINTENANCE_WINDOW:
        maintenance.delete([row.pk], now=now)
    else:
        row.delete()


def _store_credential(change: Change, credential: Credential, secret: Mapping[str, Any], now: datetime) -> None:
    end, is_end_said = credential.expires_at, bool(change.wanted.values["expires_at"])
    logins.save(credential, secret, is_end_given=is_end_said, now=now)
    if is_end_said and credential.expires_at != end:
        # A token says by itself when it ends; what is declared counts, or the next apply would come to this again.
        credential.expires_at = end
        logins.save(credential, {}, now=now)


def _kept_kind(change: Change) -> CredentialKind | None:
    before = change.stored.values if change.stored else {}
    return CredentialKind(str(before["kind"])) if before.get(SECRET_FROM) else None


def _check_window(window: MaintenanceWindow, change: Change, now: datetime) -> None:
    maintenance.refuse_past(window, now=now)
    if not any(_names(change, item) for item in KINDS[change.kind].fields if item.leads_to_many):
        raise ValidationError(maintenance.NOTHING_CONCERNED)


def _check_channel(channel: Channel, change: Change, secret: Mapping[str, Any]) -> None:
    """Raise `ValidationError` by field: as `channels.save` would, and for a webhook that it would make a key for."""
    has_secret = bool(change.stored and change.stored.values[SECRET_FROM])
    kind, url, key = ChannelKind(channel.kind), secret.get("url"), secret.get("signing_key")
    if not (url or has_secret):
        raise ValidationError({"url": "Say where it leads."})
    if url:
        try:
            shown(kind, url)
        except ChannelUrlRefused as refused:
            raise ValidationError({"url": str(refused)}) from None
    if kind is ChannelKind.WEBHOOK and not (key or has_secret):
        raise ValidationError({"signing_key": "A webhook is signed: say by which key."})
    if key is not None and not channels.SHORTEST_KEY <= len(key) <= channels.LONGEST_KEY:
        raise ValidationError({"signing_key": f"From {channels.SHORTEST_KEY} to {channels.LONGEST_KEY} characters."})


def _names(change: Change, item: Field) -> tuple[str, ...]:
    given: Any = change.wanted.values[item.path]
    return tuple(given)


def _rows(item: Field, names: tuple[str, ...]) -> list[Any]:
    rows = MODELS[item.refers]._default_manager.filter(**{f"{named_by(item.refers)}__in": names})  # noqa: SLF001 - Django's documented API
    return list(rows.order_by("pk")) if names else []
