"""Regions enrolled by the real action, which a process asks once for each name; then the same rows are written anew.

Most tests of the control plane begin with three regions. What the action asks and checks for each costs more than the
rows that it comes to, and is tested where enrolment is.
"""

from datetime import datetime
from pathlib import Path

from django.conf import settings

from probes.actions import enrolment
from probes.models import Channel, Region, RegionEvent, RegionKey
from probes.policy.liveness import RegionCondition
from probes.trust.keys import RegionKeys

_known: dict[tuple[str, ...], tuple[RegionKeys, bytes]] = {}
"""The keys of a region, and the half that its row keeps: by its name, and by what they were made with."""


def enrolled(slug: str, *, now: datetime) -> tuple[Region, RegionKeys]:
    """Return a region whose worker runs on this machine, with its keys in their file, as `enroll_here` leaves it."""
    made_with = (slug, *(file.read_text() for file in _files()))
    if made_with in _known and _is_first_of_its_name(slug):
        return _written(slug, *_known[made_with], now=now)
    region, path = enrolment.enroll_here(slug, now=now)
    keys = RegionKeys.load(path)
    (row,) = region.keys.filter(verify_key=keys.public.verify_key_text)
    _known[made_with] = (keys, bytes(row.box_private_encrypted))
    return region, keys


def _files() -> tuple[Path, Path]:
    return settings.KAIROS_CONTROL_KEY_FILE, settings.KAIROS_FERNET_KEYS_FILE


def _is_first_of_its_name(slug: str) -> bool:
    """Tell whether there is nothing that the action would take into account, and nobody whom it would tell."""
    return not (
        enrolment.home_of(slug).exists()
        or enrolment.home_of(slug).with_suffix(".json").exists()
        or Region.objects.filter(slug=slug).exists()
        or Channel.objects.exists()
    )


def _written(slug: str, keys: RegionKeys, box_private: bytes, *, now: datetime) -> tuple[Region, RegionKeys]:
    public = keys.public
    region = Region.objects.create(slug=slug, name=slug)
    region.verify_key, region.box_public_key = public.verify_key_text, public.box_key_text
    RegionKey.objects.create(
        region=region,
        verify_key=region.verify_key,
        box_public_key=region.box_public_key,
        box_private_encrypted=box_private,
        made_at=now,
    )
    region.condition_since = now
    RegionEvent.objects.create(
        region=region, at=now, before=RegionCondition.ANNOUNCED, after=RegionCondition.ACTIVE, detail="enrolled"
    )
    region.save(update_fields=["verify_key", "box_public_key", "condition_since"])
    enrolment.put_here(keys)
    return region, keys
