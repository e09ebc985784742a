"""The closed sets in which an outcome speaks, and what each reason means to an operator.

Source: the behaviour table, part C (C.2 shape of a result, C.3 reasons and hints).
A status is chosen by *who has to act*; a reason belongs to exactly one status.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """What one check found, by who has to act."""

    AVAILABLE = "available"  # nobody: at the stated depth a pull would work
    UNAVAILABLE = "unavailable"  # the image's or registry's owner: a pull would fail the same way now
    DEGRADED = "degraded"  # the registry's operator: it did not do its job, and may heal
    INDETERMINATE = "indeterminate"  # the operator of Kairos: we cannot tell
    CONFIG_ERROR = "config_error"  # whoever set up the check: it is wrong or forbidden


class Stage(StrEnum):
    """The hop at which a check ended. A fault on the way to a hop keeps that hop's stage."""

    PARSE = "parse"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    CHALLENGE = "challenge"
    TOKEN = "token"  # noqa: S105 - a stage, not a secret
    MANIFEST = "manifest"
    INDEX = "index"
    CHILD = "child"
    CONFIG = "config"
    LAYER = "layer"

    REQUEST = "request"  # of an endpoint: at its own URL
    REDIRECT = "redirect"  # of an endpoint: where that led


class Confidence(StrEnum):
    """Whether the registry's answer admits another reading (private or missing, say)."""

    DEFINITE = "definite"
    AMBIGUOUS = "ambiguous"


class Depth(StrEnum):
    """How far a check goes, in order; each level includes those before it."""

    RESOLVE = "resolve"
    MANIFEST = "manifest"
    PLATFORM = "platform"
    BLOBS = "blobs"

    @property
    def rank(self) -> int:
        return _DEPTH_RANK[self]

    def includes(self, other: "Depth") -> bool:
        """Tell whether a check of this depth proves what one of `other` proves."""
        return self.rank >= other.rank


_DEPTH_RANK: Final = {depth: rank for rank, depth in enumerate(Depth)}


class Retry(StrEnum):
    """Whether asking again within the same check can change the answer."""

    NO = "no"
    ONCE = "once"
    SLOW = "slow"  # only later checks can see a change
    AFTER = "after"  # not before `retry_at`
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a reason says: its status, whether a retry helps, and the sentence an operator reads.

    `only_impairs` tells that the thing works, though not as well as it is wanted to: that is no outage.
    """

    status: Status
    retry: Retry
    hint: str
    confidence: Confidence = Confidence.DEFINITE
    only_impairs: bool = False


class Reason(StrEnum):
    """Why a check ended as it did. `MEANINGS` gives each its status and hint."""

    OK = "ok"

    REPOSITORY_NOT_FOUND = "repository_not_found"
    TAG_NOT_FOUND = "tag_not_found"
    DIGEST_NOT_FOUND = "digest_not_found"
    NOT_FOUND = "not_found"
    TAG_EXPIRED = "tag_expired"
    TAG_DIGEST_INCONSISTENT = "tag_digest_inconsistent"
    CHILD_MANIFEST_MISSING = "child_manifest_missing"
    PLATFORM_MISSING = "platform_missing"
    INDEX_EMPTY = "index_empty"
    INDEX_TOO_DEEP = "index_too_deep"
    CONFIG_MISSING = "config_missing"
    LAYER_MISSING = "layer_missing"
    SIZE_MISMATCH = "size_mismatch"
    DIGEST_MISMATCH = "digest_mismatch"
    MANIFEST_MALFORMED = "manifest_malformed"
    MANIFEST_EMPTY = "manifest_empty"
    MANIFEST_TYPE_CONFLICT = "manifest_type_conflict"
    MANIFEST_TYPE_UNSUPPORTED = "manifest_type_unsupported"
    MANIFEST_ENCODING_UNSUPPORTED = "manifest_encoding_unsupported"
    MANIFEST_TOO_LARGE = "manifest_too_large"
    LEGACY_SCHEMA1 = "legacy_schema1"

    AUTH_REQUIRED = "auth_required"
    AUTH_REQUIRED_OR_MISSING = "auth_required_or_missing"
    AUTH_BAD_CREDENTIALS = "auth_bad_credentials"
    AUTH_EXPIRED = "auth_expired"
    AUTH_INSUFFICIENT_SCOPE = "auth_insufficient_scope"
    AUTH_DENIED = "auth_denied"
    AUTH_DENIED_OR_MISSING = "auth_denied_or_missing"
    IP_NOT_ALLOWED = "ip_not_allowed"
    POLICY_BLOCKED = "policy_blocked"
    LEGAL_BLOCK = "legal_block"
    QUOTA_OR_BILLING = "quota_or_billing"
    BLOB_DENIED = "blob_denied"
    AUTH_CHALLENGE_MISSING = "auth_challenge_missing"
    AUTH_CHALLENGE_MALFORMED = "auth_challenge_malformed"
    AUTH_SCHEME_UNSUPPORTED = "auth_scheme_unsupported"
    AUTH_ENDPOINT_MISSING = "auth_endpoint_missing"
    AUTH_REALM_UNTRUSTED = "auth_realm_untrusted"
    AUTH_REALM_FORBIDDEN = "auth_realm_forbidden"
    AUTH_REDIRECT = "auth_redirect"
    REDIRECT_FORBIDDEN = "redirect_forbidden"
    REDIRECT_INSECURE = "redirect_insecure"
    REDIRECT_AUTH_REQUIRED = "redirect_auth_required"
    TLS_UNTRUSTED = "tls_untrusted"
    TLS_EXPIRED = "tls_expired"
    TLS_HOSTNAME = "tls_hostname"
    TLS_PROTOCOL = "tls_protocol"

    DNS_NXDOMAIN = "dns_nxdomain"
    CONNECT_REFUSED = "connect_refused"
    CONNECT_TIMEOUT = "connect_timeout"
    CONNECT_UNREACHABLE = "connect_unreachable"
    CONNECTION_RESET = "connection_reset"
    TIMEOUT_HEADERS = "timeout_headers"
    TIMEOUT_BODY = "timeout_body"
    TIMEOUT_TOTAL = "timeout_total"
    BODY_TRUNCATED = "body_truncated"
    PROTOCOL_ERROR = "protocol_error"
    REGISTRY_ERROR = "registry_error"
    GATEWAY_ERROR = "gateway_error"
    UNEXPECTED_STATUS = "unexpected_status"
    NOT_A_REGISTRY = "not_a_registry"
    REDIRECT_LOOP = "redirect_loop"
    BLOB_BACKEND_DENIED = "blob_backend_denied"
    AUTH_SERVICE_ERROR = "auth_service_error"
    AUTH_SERVICE_TIMEOUT = "auth_service_timeout"
    AUTH_TOKEN_EMPTY = "auth_token_empty"  # noqa: S105 - a reason, not a secret
    AUTH_TOKEN_INVALID = "auth_token_invalid"  # noqa: S105 - likewise
    AUTH_TOKEN_NOT_JSON = "auth_token_not_json"  # noqa: S105 - likewise
    AUTH_TOKEN_TOO_LARGE = "auth_token_too_large"  # noqa: S105 - likewise
    MIRROR_UPSTREAM_AUTH = "mirror_upstream_auth"
    MIRROR_UPSTREAM_ERROR = "mirror_upstream_error"

    ENDPOINT_STATUS = "endpoint_status"
    ENDPOINT_DENIED = "endpoint_denied"
    ENDPOINT_CONTENT = "endpoint_content"
    ENDPOINT_JSON = "endpoint_json"
    ENDPOINT_TOO_LARGE = "endpoint_too_large"
    ENDPOINT_ERROR = "endpoint_error"
    ENDPOINT_SLOW = "endpoint_slow"
    CERTIFICATE_EXPIRING = "certificate_expiring"

    RATE_LIMITED = "rate_limited"
    RATE_LIMITED_AUTH = "rate_limited_auth"
    RATE_LIMITED_UPSTREAM = "rate_limited_upstream"
    ENDPOINT_THROTTLED = "endpoint_throttled"
    DNS_TEMPORARY = "dns_temporary"
    PROBE_ABORTED = "probe_aborted"
    PROBE_OVERLOADED = "probe_overloaded"
    PROXY_FAILED = "proxy_failed"
    INTERNAL_ERROR = "internal_error"

    REF_INVALID = "ref_invalid"
    REF_AMBIGUOUS_HOST = "ref_ambiguous_host"
    REF_UPPERCASE = "ref_uppercase"
    REF_TOO_LONG = "ref_too_long"
    REF_BAD_TAG = "ref_bad_tag"
    REF_BAD_DIGEST = "ref_bad_digest"
    REF_LOOKS_LIKE_ID = "ref_looks_like_id"
    REF_REJECTED = "ref_rejected"
    DIGEST_UNSUPPORTED = "digest_unsupported"
    ENDPOINT_INVALID = "endpoint_invalid"
    TARGET_FORBIDDEN = "target_forbidden"
    PROXY_AUTH = "proxy_auth"

    @property
    def meaning(self) -> Meaning:
        return MEANINGS[self]

    @property
    def status(self) -> Status:
        return MEANINGS[self].status


class Warn(StrEnum):
    """Something worth knowing that never changes a status."""

    NO_DIGEST_HEADER = "no_digest_header"
    BAD_DIGEST_HEADER = "bad_digest_header"
    DIGEST_HEADER_MISMATCH = "digest_header_mismatch"
    HEAD_UNSUPPORTED = "head_unsupported"
    HEAD_GET_DISAGREE = "head_get_disagree"
    CONTENT_TYPE_GENERIC = "content_type_generic"
    RANGE_IGNORED = "range_ignored"
    FOREIGN_LAYER = "foreign_layer"
    PLATFORM_FALLBACK = "platform_fallback"
    PLATFORM_UNSTATED = "platform_unstated"
    PLATFORM_MISMATCH = "platform_mismatch"
    NO_LAYERS = "no_layers"
    NOT_A_CONTAINER_IMAGE = "not_a_container_image"
    PROBE_SAMPLED = "probe_sampled"
    PROBE_CAPPED = "probe_capped"
    PULL_QUOTA_LOW = "pull_quota_low"
    PULL_QUOTA_EXHAUSTED = "pull_quota_exhausted"
    TLS_EXPIRING = "tls_expiring"
    REGISTRY_WARNING = "registry_warning"
    TOKEN_TTL_ODD = "token_ttl_odd"  # noqa: S105 - a warning, not a secret
    HUB_HOST_ALIAS = "hub_host_alias"
    REFERENCE_LONG = "reference_long"
    TAG_MOVED = "tag_moved"
    DNS_MIXED_SCOPE = "dns_mixed_scope"
    NAMESPACE_MISMATCH = "namespace_mismatch"


def _unavailable(hint: str, retry: Retry = Retry.NO, confidence: Confidence = Confidence.DEFINITE) -> Meaning:
    return Meaning(Status.UNAVAILABLE, retry, hint, confidence)


def _degraded(hint: str, retry: Retry = Retry.ONCE) -> Meaning:
    return Meaning(Status.DEGRADED, retry, hint)


def _impaired(hint: str) -> Meaning:
    return Meaning(Status.DEGRADED, Retry.SLOW, hint, only_impairs=True)


def _indeterminate(hint: str, retry: Retry = Retry.YES) -> Meaning:
    return Meaning(Status.INDETERMINATE, retry, hint)


def _throttled(who: str, remedy: str) -> Meaning:
    hint = f"{who} throttles us; this says nothing about the image. The next try waits. {remedy}"
    return Meaning(Status.INDETERMINATE, Retry.AFTER, hint)


def _config_error(hint: str) -> Meaning:
    return Meaning(Status.CONFIG_ERROR, Retry.NO, hint)


_NOT_FOUND = "The registry knows no such {}. Check the spelling; was it deleted, or expired by retention?"
_DOCUMENT = "What is under this name is no usable image manifest; the detail says why. Build and push it again."
_REFERENCE = "Fix the image reference; the detail says where it is wrong."
_NETWORK = "The host did not answer properly. If all regions agree, ask its operator; else look at the network."
_SERVER = "If it lasts, ask the registry's operator."
_TOKEN_SERVICE = "The token service failed: fresh pulls fail, nodes that hold a token may not. Ask its operator."  # noqa: S105
_LOGIN = "The registry's login instructions are unusable; the detail says why. Its operator has to mend them."
_FORBIDDEN_PLACE = (
    "We were pointed to plain HTTP, a private address or another service's port. "
    "Have that mended, or allow the network or host."
)
_CERTIFICATE = "Renew or fix the host's certificate. Other clients fail too."

MEANINGS: Final[dict[Reason, Meaning]] = {
    Reason.OK: Meaning(Status.AVAILABLE, Retry.NO, "Everything asked for at this depth answered."),
    Reason.REPOSITORY_NOT_FOUND: _unavailable(_NOT_FOUND.format("repository"), Retry.SLOW),
    Reason.TAG_NOT_FOUND: _unavailable(_NOT_FOUND.format("tag"), Retry.SLOW),
    Reason.DIGEST_NOT_FOUND: _unavailable(_NOT_FOUND.format("digest"), Retry.SLOW),
    Reason.NOT_FOUND: _unavailable(_NOT_FOUND.format("image"), Retry.SLOW),
    Reason.TAG_EXPIRED: _unavailable(
        "The registry says the tag expired or was deleted; restore or re-push it.", Retry.SLOW
    ),
    Reason.TAG_DIGEST_INCONSISTENT: _unavailable(
        "The tag points to a manifest that the registry does not serve; re-push the tag.", Retry.ONCE
    ),
    Reason.CHILD_MANIFEST_MISSING: _unavailable(
        "The index lists this platform but its manifest is gone; re-push all platforms.", Retry.ONCE
    ),
    Reason.PLATFORM_MISSING: _unavailable(
        "No image for the wanted platform; the detail lists those present. Push one, or check for another platform."
    ),
    Reason.INDEX_EMPTY: _unavailable("The index lists no runnable image; re-push it with its platforms."),
    Reason.INDEX_TOO_DEEP: _unavailable("Indexes are nested too deeply or in a circle. Push a flat one."),
    Reason.CONFIG_MISSING: _unavailable(
        "The image's config blob is missing; pulls stop half-way. Re-push, or restore storage.", Retry.ONCE
    ),
    Reason.LAYER_MISSING: _unavailable(
        "A layer is missing; pulls stop half-way. Re-push, or restore storage.", Retry.ONCE
    ),
    Reason.SIZE_MISMATCH: _unavailable(
        "Size differs from what the descriptor promises; treat as corruption or tampering.", Retry.ONCE
    ),
    Reason.DIGEST_MISMATCH: _unavailable(
        "Bytes differ from what the digest promises; treat as corruption or tampering.", Retry.ONCE
    ),
    Reason.MANIFEST_MALFORMED: _unavailable(_DOCUMENT),
    Reason.MANIFEST_EMPTY: _degraded(f"The registry answered with an empty manifest. {_SERVER}", Retry.NO),
    Reason.MANIFEST_TYPE_CONFLICT: _unavailable(
        "The manifest contradicts itself about its type; runtimes may read it differently. Re-push it."
    ),
    Reason.MANIFEST_TYPE_UNSUPPORTED: _unavailable(_DOCUMENT),
    Reason.MANIFEST_ENCODING_UNSUPPORTED: _unavailable(
        "The manifest comes compressed in a way that clients do not undo. The registry's operator has to mend that."
    ),
    Reason.MANIFEST_TOO_LARGE: _unavailable("The manifest is larger than runtimes take (4 MiB). Push a smaller one."),
    Reason.LEGACY_SCHEMA1: _unavailable("Docker schema 1, which current runtimes refuse. Build and push it again."),
    Reason.AUTH_REQUIRED: _unavailable("A login is needed and none that fits is configured. Add a credential."),
    Reason.AUTH_REQUIRED_OR_MISSING: _unavailable(
        "Private or nonexistent: this registry does not say which. Add read credentials to find out.",
        confidence=Confidence.AMBIGUOUS,
    ),
    Reason.AUTH_BAD_CREDENTIALS: _unavailable("The registry refused our login, not the image. Rotate the secret."),
    Reason.AUTH_EXPIRED: _unavailable(
        "Our login has expired; this says nothing about the image. Renew it (Amazon ECR passwords last 12 hours)."
    ),
    Reason.AUTH_INSUFFICIENT_SCOPE: _unavailable(
        "Our login has no right to pull; this says nothing about the image. Give the token pull scope."
    ),
    Reason.AUTH_DENIED: _unavailable(
        "With this login, or without one, this repository may not be pulled. Grant pull rights, or add a credential."
    ),
    Reason.AUTH_DENIED_OR_MISSING: _unavailable(
        "May not be pulled with this login, or does not exist: this registry does not say which. "
        "Check the spelling, then grant pull rights.",
        confidence=Confidence.AMBIGUOUS,
    ),
    Reason.IP_NOT_ALLOWED: _unavailable(
        "The registry's firewall refuses this region's address. Have its operator allow it.", Retry.SLOW
    ),
    Reason.POLICY_BLOCKED: _unavailable(
        "The image exists; a policy (vulnerability, signature, quarantine) stops pulls. Mend either.", Retry.SLOW
    ),
    Reason.LEGAL_BLOCK: _unavailable(
        "Blocked for legal reasons (HTTP 451). The registry's operator can tell which.", Retry.SLOW
    ),
    Reason.QUOTA_OR_BILLING: _unavailable(
        "The registry's account is over its quota or unpaid. Its owner has to act.", Retry.SLOW
    ),
    Reason.BLOB_DENIED: _unavailable(
        "Readable manifest, unreadable blobs: a scanner's policy or storage rights. Ask its owner.", Retry.ONCE
    ),
    Reason.AUTH_CHALLENGE_MISSING: _unavailable(_LOGIN),
    Reason.AUTH_CHALLENGE_MALFORMED: _unavailable(_LOGIN),
    Reason.AUTH_SCHEME_UNSUPPORTED: _unavailable(_LOGIN),
    Reason.AUTH_ENDPOINT_MISSING: _unavailable(
        "The registry sends logins to a token service that is not there. Its operator has to mend that."
    ),
    Reason.AUTH_REALM_UNTRUSTED: _unavailable(
        "The registry sends logins to a host that is not on its own domain. "
        "Confirm it and add it to the registry's trusted auth hosts."
    ),
    Reason.AUTH_REALM_FORBIDDEN: _unavailable(_FORBIDDEN_PLACE),
    Reason.AUTH_REDIRECT: _unavailable(
        "The token service redirects elsewhere, where logins do not follow. Its operator has to mend that."
    ),
    Reason.REDIRECT_FORBIDDEN: _unavailable(_FORBIDDEN_PLACE),
    Reason.REDIRECT_INSECURE: _unavailable("A redirect leads to plain HTTP. Its operator has to mend that."),
    Reason.REDIRECT_AUTH_REQUIRED: _unavailable(
        "A redirect leads to a host that wants a login of its own; ours stays at home. Have that mended."
    ),
    Reason.TLS_UNTRUSTED: _unavailable(
        "The host's authority is not trusted here. Add it to the registry's CA bundle; others fail too.", Retry.ONCE
    ),
    Reason.TLS_EXPIRED: _unavailable(_CERTIFICATE, Retry.ONCE),
    Reason.TLS_HOSTNAME: _unavailable(_CERTIFICATE, Retry.ONCE),
    Reason.TLS_PROTOCOL: _unavailable("TLS could not be spoken. Does the port speak plain HTTP?", Retry.ONCE),
    Reason.DNS_NXDOMAIN: _degraded("The host's name does not exist. Check the spelling, or its DNS zone."),
    Reason.CONNECT_REFUSED: _degraded(_NETWORK),
    Reason.CONNECT_TIMEOUT: _degraded(_NETWORK),
    Reason.CONNECT_UNREACHABLE: _degraded(_NETWORK),
    Reason.CONNECTION_RESET: _degraded(_NETWORK),
    Reason.TIMEOUT_HEADERS: _degraded(_NETWORK),
    Reason.TIMEOUT_BODY: _degraded(_NETWORK),
    Reason.TIMEOUT_TOTAL: _degraded(_NETWORK),
    Reason.BODY_TRUNCATED: _degraded(_NETWORK),
    Reason.PROTOCOL_ERROR: _degraded(_NETWORK),
    Reason.REGISTRY_ERROR: _degraded(f"The registry answered with a server error. {_SERVER}"),
    Reason.GATEWAY_ERROR: _degraded(f"A gateway in front of the registry answered with an error. {_SERVER}"),
    Reason.UNEXPECTED_STATUS: _degraded(f"The registry answered with a status that means nothing here. {_SERVER}"),
    Reason.NOT_A_REGISTRY: _degraded("A proxy or a login page answered. Check the host's name and the way there."),
    Reason.REDIRECT_LOOP: _degraded(
        "Redirects lead in a circle, or there are too many. If it lasts, ask the host's operator."
    ),
    Reason.BLOB_BACKEND_DENIED: _degraded(f"The blob storage refused the registry's signed URL. {_SERVER}"),
    Reason.AUTH_SERVICE_ERROR: _degraded(_TOKEN_SERVICE),
    Reason.AUTH_SERVICE_TIMEOUT: _degraded(_TOKEN_SERVICE),
    Reason.AUTH_TOKEN_EMPTY: _degraded(_TOKEN_SERVICE),
    Reason.AUTH_TOKEN_INVALID: _degraded(_TOKEN_SERVICE),
    Reason.AUTH_TOKEN_NOT_JSON: _degraded(_TOKEN_SERVICE),
    Reason.AUTH_TOKEN_TOO_LARGE: _degraded(_TOKEN_SERVICE),
    Reason.MIRROR_UPSTREAM_AUTH: _degraded("The mirror could not log in to its upstream: renew its credential."),
    Reason.MIRROR_UPSTREAM_ERROR: _degraded(f"The mirror could not reach its upstream. {_SERVER}"),
    Reason.ENDPOINT_STATUS: _unavailable(
        "It answered with another status than those expected; the detail says which.", Retry.SLOW
    ),
    Reason.ENDPOINT_DENIED: _unavailable(
        "It refuses our login, or wants one. Renew the credential, or add one.", Retry.SLOW
    ),
    Reason.ENDPOINT_CONTENT: _unavailable("Its answer does not hold what is expected in it.", Retry.SLOW),
    Reason.ENDPOINT_JSON: _unavailable(
        "Its answer is not the JSON that is expected; the detail says what was found.", Retry.SLOW
    ),
    Reason.ENDPOINT_TOO_LARGE: _unavailable(
        "Its answer is larger than a check reads, so what is expected in it was not looked for. "
        "Ask for something smaller.",
        Retry.SLOW,
    ),
    Reason.ENDPOINT_ERROR: _degraded("It answered with a server error. If it lasts, ask its operator."),
    Reason.ENDPOINT_SLOW: _impaired("It answered as expected, but slower than it should. Look at its load."),
    Reason.CERTIFICATE_EXPIRING: _impaired("It answered as expected. Its certificate expires soon: renew it."),
    Reason.RATE_LIMITED: _throttled("The registry", "A credential may have a larger quota."),
    Reason.RATE_LIMITED_AUTH: _throttled("The token service", "Check less often, or from fewer regions."),
    Reason.RATE_LIMITED_UPSTREAM: _throttled("The mirror's upstream", "Give the mirror a login there."),
    Reason.ENDPOINT_THROTTLED: Meaning(
        Status.INDETERMINATE,
        Retry.AFTER,
        "It throttles us, which is no outage. The next try waits. Check less often, or from fewer regions.",
    ),
    Reason.DNS_TEMPORARY: _indeterminate("Our resolver failed, the registry was not asked. Look at our DNS."),
    Reason.PROBE_ABORTED: _indeterminate("The check was cut short on our side; the next one tells."),
    Reason.PROBE_OVERLOADED: _indeterminate("The check could not begin in time: this region has too much to do."),
    Reason.PROXY_FAILED: _indeterminate("Our own proxy did not connect us, the registry was not asked. Look at it."),
    Reason.INTERNAL_ERROR: _indeterminate("A fault of Kairos itself; please report it."),
    Reason.REF_INVALID: _config_error(_REFERENCE),
    Reason.REF_AMBIGUOUS_HOST: _config_error(
        "This names an image on Docker Hub, not a host. Add a repository after the host, or write library/NAME."
    ),
    Reason.REF_UPPERCASE: _config_error("A repository must be lowercase. Fix the image reference."),
    Reason.REF_TOO_LONG: _config_error("The repository is longer than 255 characters. Fix the image reference."),
    Reason.REF_BAD_TAG: _config_error("A tag has 1 to 128 characters: letters, digits, '_', '.', '-'."),
    Reason.REF_BAD_DIGEST: _config_error("A digest is its algorithm, a colon, and lowercase hex of full length."),
    Reason.REF_LOOKS_LIKE_ID: _config_error("This is an image ID, which no registry can look up. Use a name."),
    Reason.REF_REJECTED: _config_error("The registry's own grammar refuses this name. Fix the image reference."),
    Reason.DIGEST_UNSUPPORTED: _config_error("Only sha256 and sha512 digests are supported."),
    Reason.ENDPOINT_INVALID: _config_error("Fix what is to be checked; the detail says where it is wrong."),
    Reason.TARGET_FORBIDDEN: _config_error(
        "The host resolves to a non-public address; allow its network for this host to check it."
    ),
    Reason.PROXY_AUTH: _config_error("The proxy wants a login; the check's was not sent. Configure its own."),
}
