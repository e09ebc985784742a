"""What each warning says to an operator. A warning never changes a status (behaviour table, C.3)."""

from collections.abc import Mapping
from typing import Final

from probes.protocol.taxonomy import Warn

SENTENCES: Final[Mapping[str, str]] = {
    Warn.NO_DIGEST_HEADER: "The registry sends no digest header.",
    Warn.BAD_DIGEST_HEADER: "The registry's digest header is malformed.",
    Warn.DIGEST_HEADER_MISMATCH: "The registry's digest header does not match the bytes.",
    Warn.HEAD_UNSUPPORTED: "The registry does not answer HEAD requests.",
    Warn.HEAD_GET_DISAGREE: "HEAD and GET gave different answers.",
    Warn.CONTENT_TYPE_GENERIC: "The manifest came with a generic content type.",
    Warn.RANGE_IGNORED: "The blob storage ignores range requests.",
    Warn.FOREIGN_LAYER: "A layer is kept outside the registry and was not checked.",
    Warn.PLATFORM_FALLBACK: "Another platform than the wanted one was checked.",
    Warn.PLATFORM_UNSTATED: "The image does not say for which platform it is.",
    Warn.PLATFORM_MISMATCH: "The image's config names another platform than the wanted one.",
    Warn.NO_LAYERS: "The image has no layers.",
    Warn.NOT_A_CONTAINER_IMAGE: "This is an artifact and not a container image.",
    Warn.PROBE_SAMPLED: "A sample of the layers was checked.",
    Warn.PROBE_CAPPED: "Not every part was checked: the check reached its limit.",
    Warn.PULL_QUOTA_LOW: "The pull quota of this region's address is nearly used up.",
    Warn.PULL_QUOTA_EXHAUSTED: "The pull quota of this region's address is used up.",
    Warn.TLS_EXPIRING: "A certificate expires within two weeks.",
    Warn.REGISTRY_WARNING: "The registry sent a warning.",
    Warn.TOKEN_TTL_ODD: "The token's lifetime is odd.",
    Warn.HUB_HOST_ALIAS: "The host is another name of Docker Hub.",
    Warn.REFERENCE_LONG: "The reference is longer than many clients take.",
    Warn.TAG_MOVED: "The tag no longer points to the wanted digest.",
    Warn.DNS_MIXED_SCOPE: "The name resolves to public and non-public addresses.",
    Warn.NAMESPACE_MISMATCH: "The mirror says that it speaks for another registry.",
}
