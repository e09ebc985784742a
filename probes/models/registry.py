"""How a registry is reached."""

from collections.abc import Collection
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from probes.models import validation
from probes.models.audited import audited
from probes.models.checked import Checked
from probes.models.source import Managed
from probes.policy.quota import SHARE_PERCENT
from probes.policy.quota_limits import (
    LARGEST_LIMIT,
    LONGEST_WINDOW_SECONDS,
    SHORTEST_WINDOW_SECONDS,
    Ceiling,
    Counting,
)
from probes.protocol.plan import Site


@audited(
    told=(
        "name",
        "host",
        "api_host",
        "ca_pem",
        "allow_cidrs",
        "allow_hosts",
        "resolve",
        "trusted_auth_hosts",
        "plain_http",
        "quota_share_percent",
        "quota_limit",
        "quota_window_seconds",
        "quota_counts",
        "client_certificate",
        "notes",
        "managed_by",
    ),
    masked=("client_key_encrypted",),
)
class Registry(Managed, Checked):
    """A registry's settings, one row for each host that references name; likewise those of an endpoint's host.

    A row has no states: it is made by the first resource that needs it, or by an operator, and is used by
    every check of its resources from the next claim on.

    A client certificate is stored whole or not at all: the chain as PEM, and its private key as Fernet text of PEM.
    No property gives the key: `actions.secrets` stores it, and opens it only to seal it for a region.
    """

    name = models.CharField(max_length=100, blank=True)
    host = models.CharField(
        max_length=260,
        unique=True,
        validators=[validation.canonical_host],
        help_text="As references name it: docker.io, ghcr.io, registry.example.com:5000.",
    )
    api_host = models.CharField(
        "API host",
        max_length=260,
        blank=True,
        validators=[validation.host],
        help_text="Asked instead of the host, for a mirror or a private name. Usually empty.",
    )
    ca_pem = models.TextField(
        "CA certificates",
        blank=True,
        validators=[validation.certificates],
        help_text="PEM; trusted as well as the system's roots.",
    )
    allow_cidrs = ArrayField(
        models.CharField(max_length=50, validators=[validation.allowed_cidr]),
        verbose_name="allowed networks",
        size=50,
        default=list,
        blank=True,
        help_text="Non-public networks that checks of this registry may dial, separated by commas.",
    )
    allow_hosts = ArrayField(
        models.CharField(max_length=260, validators=[validation.host]),
        verbose_name="allowed hosts",
        size=50,
        default=list,
        blank=True,
        help_text="Hosts, with or without a port, that checks of this registry may dial at non-public addresses.",
    )
    resolve = models.JSONField(
        default=dict,
        blank=True,
        validators=[validation.resolve_map],
        help_text='Addresses to use instead of DNS: {"registry.example.com": ["10.0.0.5"]}.',
    )
    trusted_auth_hosts = ArrayField(
        models.CharField(max_length=260, validators=[validation.host]),
        size=50,
        default=list,
        blank=True,
        help_text="Hosts outside the registry's own domain that may receive its credential.",
    )
    plain_http = models.BooleanField(
        "plain HTTP", default=False, help_text="The registry speaks HTTP. Nothing else gets weaker."
    )
    quota_share_percent = models.PositiveSmallIntegerField(
        "share of the quota",
        default=SHARE_PERCENT,
        db_default=SHARE_PERCENT,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="Percent of its limit, and of what is left of it, that checks may use.",
    )
    quota_limit = models.PositiveIntegerField(
        "own limit",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LARGEST_LIMIT)],
        help_text="Of a registry that tells none, for each login, and for each address without one. "
        "Goes before what it tells.",
    )
    quota_window_seconds = models.PositiveIntegerField(
        "window of the limit",
        null=True,
        blank=True,
        validators=[MinValueValidator(SHORTEST_WINDOW_SECONDS), MaxValueValidator(LONGEST_WINDOW_SECONDS)],
        help_text="Seconds within which the own limit may be used.",
    )
    quota_counts = models.CharField(
        "what counts",
        max_length=9,
        blank=True,
        default="",
        db_default="",
        choices=[(Counting.MANIFESTS.value, "each manifest that is read"), (Counting.REQUESTS.value, "each request")],
        help_text="Empty is automatic: manifests at Docker Hub and those that speak like it, else requests.",
    )
    client_certificate = models.TextField(blank=True, default="", editable=False)
    client_key_encrypted = models.BinaryField(default=b"", editable=False)
    notes = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "registries"
        ordering = ["host"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(host=""), name="registry_host_is_named"),
            models.CheckConstraint(
                condition=models.Q(client_certificate="", client_key_encrypted=b"")
                | ~models.Q(client_certificate="") & ~models.Q(client_key_encrypted=b""),
                name="registry_identity_is_whole",
            ),
            models.CheckConstraint(
                condition=models.Q(quota_limit=None, quota_window_seconds=None)
                | models.Q(quota_limit__isnull=False, quota_window_seconds__isnull=False),
                name="registry_own_limit_has_its_window",
            ),
            models.CheckConstraint(
                condition=models.Q(quota_share_percent__range=(1, 100)), name="registry_quota_share_in_range"
            ),
            models.CheckConstraint(
                condition=models.Q(quota_counts__in=["", *(item.value for item in Counting)]),
                name="registry_quota_counts_is_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.host

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        """Leave a host that is stored as it is: an endpoint's may be one that no reference names, such as `web`."""
        is_stored = Registry.objects.filter(pk=self.pk, host=self.host).exists()
        super().clean_fields({*(exclude or ()), *(("host",) if is_stored else ())})

    def clean(self) -> None:
        if (self.quota_limit is None) != (self.quota_window_seconds is None):
            missing = "quota_limit" if self.quota_limit is None else "quota_window_seconds"
            raise ValidationError({missing: "A limit and its window go together."})

    @property
    def own_ceiling(self) -> Ceiling | None:
        """The limit that an operator set."""
        if self.quota_limit is None or self.quota_window_seconds is None:
            return None
        return Ceiling(self.quota_limit, self.quota_window_seconds)

    @property
    def has_client_identity(self) -> bool:
        return bool(self.client_certificate)

    @property
    def site(self) -> Site:
        """The settings as a plan carries them."""
        return Site(
            api_host=self.api_host,
            ca_pem=self.ca_pem,
            allow_cidrs=tuple(self.allow_cidrs),
            allow_hosts=tuple(self.allow_hosts),
            resolve=tuple((host, tuple(addresses)) for host, addresses in self.resolve.items()),
            trusted_auth_hosts=tuple(self.trusted_auth_hosts),
            plain_http=self.plain_http,
        )
