"""Regions enrolled and given new keys over the API."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from rest_framework.exceptions import ValidationError

from api.errors import Conflict, Refusal
from probes.actions import bundles
from probes.actions.bundles import Surroundings
from probes.actions.enrolment import EnrolmentRefused, Issued
from probes.actions.secrets import SecretUnreadable
from probes.bundle.contents import BundleRefused
from probes.trust.keys import KeyFileError


class Unequipped(Refusal):
    """The control plane lacks a key that this takes. Nothing was changed."""

    default_detail = "The control plane lacks a key."
    default_code = "unequipped"


@contextmanager
def equipped() -> Iterator[None]:
    """Raise `Unequipped` where a secret cannot be encrypted, or opened, for want of a key."""
    try:
        yield
    except SecretUnreadable as error:
        raise Unequipped(str(error)) from None


def hand_over(issue: Callable[[], Issued], *, broker_url: str, image: str) -> dict[str, Any]:
    """Issue, and return what `HandedOverSerializer` shows; all or nothing.

    Raises `ValidationError` for values that cannot be, `Conflict` where the region is not in a condition for it,
    `Unequipped` where the control plane's own keys are missing.
    """
    try:
        with transaction.atomic():
            issued = issue()
            bundle = bundles.bundle_of(issued, Surroundings(broker_url=broker_url, image=image))
    except BundleRefused as error:
        raise ValidationError({"non_field_errors": [str(error)]}) from None
    except EnrolmentRefused as error:
        raise Conflict(str(error)) from None
    except (KeyFileError, SecretUnreadable) as error:
        raise Unequipped(str(error)) from None
    return {"region": issued.region, "bundle": {file.name: file.text for file in bundle.files}}
