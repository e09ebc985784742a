"""Storing channels, whose URLs and keys go in and are not shown again."""

from collections.abc import Collection
from secrets import token_urlsafe
from typing import Final

from django.core.exceptions import ValidationError
from django.db import transaction

from probes.actions import secrets
from probes.models import Channel, Registry, ResourceGroup, Rule
from probes.policy.channel_url import ChannelUrlRefused, shown
from probes.policy.delivery import ChannelKind

KEY_BYTES: Final = 32
SHORTEST_KEY: Final = 16
LONGEST_KEY: Final = 500
"""Characters of a signing key that somebody brings."""


def save(channel: Channel, *, url: str = "", signing_key: str = "") -> str:
    """Store a new or changed channel; an empty `url` or `signing_key` keeps what is stored.

    Returns the signing key where one was made, since a webhook came without: it is to be shown this once. Raises
    `ValidationError` by field, and `SecretUnreadable`.
    """
    kind = ChannelKind(channel.kind)
    made = ""
    with transaction.atomic():
        before = Channel.objects.select_for_update().filter(pk=channel.pk).first()
        if before is not None and before.kind != channel.kind:
            raise ValidationError({"kind": "Its URL would mean something else: make a new channel."})
        kept_url, kept_key = secrets.open_channel_secret(channel) if channel.has_secret else ("", "")
        if not (url or kept_url):
            raise ValidationError({"url": "Say where it leads."})
        try:
            channel.address = shown(kind, url or kept_url)
        except ChannelUrlRefused as refused:
            raise ValidationError({"url": str(refused)}) from None
        key = signing_key or kept_key
        if kind is ChannelKind.WEBHOOK and not key:
            key = made = token_urlsafe(KEY_BYTES)
        if (url or kept_url, key) != (kept_url, kept_key):
            secrets.keep_channel_secret(channel, url=url or kept_url, signing_key=key)
        # Whatever kept it from being reached may be mended now: it is tried at once.
        channel.quiet_until = None
        channel.full_clean(exclude=("secret_encrypted",))
        channel.save()
    return made


def save_rule(
    rule: Rule, *, groups: Collection[ResourceGroup] | None, registries: Collection[Registry] | None
) -> Rule:
    """Validate and store a new or changed rule; None leaves its groups or registries as they are, empty are all.

    Raises `ValidationError` by field.
    """
    with transaction.atomic():
        rule.full_clean()
        rule.save()
        if groups is not None:
            rule.groups.set(groups)
        if registries is not None:
            rule.registries.set(registries)
    return rule
