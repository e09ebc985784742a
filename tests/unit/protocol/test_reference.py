"""What a person may type, what it names, and where exactly it is wrong."""

import pytest

from probes.protocol.digest import Digest
from probes.protocol.reference import ReferenceInvalid, parse_reference, serves
from probes.protocol.taxonomy import Reason, Warn

SHA = "a" * 64
SHA256 = f"sha256:{SHA}"
SHA512 = f"sha512:{'b' * 128}"


def refusal(text: str) -> ReferenceInvalid:
    with pytest.raises(ReferenceInvalid) as caught:
        parse_reference(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "canonical", "api_host"),
    [
        pytest.param("alpine", "docker.io/library/alpine:latest", "registry-1.docker.io", id="R1"),
        pytest.param("alpine:3.20", "docker.io/library/alpine:3.20", "registry-1.docker.io", id="R1-tag"),
        pytest.param("org/app:1", "docker.io/org/app:1", "registry-1.docker.io", id="R2"),
        pytest.param("org/app.name:1", "docker.io/org/app.name:1", "registry-1.docker.io", id="R2-dot"),
        pytest.param("docker.io/alpine", "docker.io/library/alpine:latest", "registry-1.docker.io", id="R3"),
        pytest.param("index.docker.io/org/app", "docker.io/org/app:latest", "registry-1.docker.io", id="R3-index"),
        pytest.param("localhost/app", "localhost/app:latest", "localhost", id="R5-localhost"),
        pytest.param("localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000", id="R5-colon"),
        pytest.param("ghcr.io/org/app", "ghcr.io/org/app:latest", "ghcr.io", id="R5-dot"),
        pytest.param("Registry/app", "Registry/app:latest", "Registry", id="R5-capital"),
        pytest.param("Registry:5000/app", "registry:5000/app:latest", "registry:5000", id="R5-capital-port"),
        pytest.param("GHCR.io/org/app", "ghcr.io/org/app:latest", "ghcr.io", id="R5-case"),
        pytest.param("192.0.2.7:5000/app", "192.0.2.7:5000/app:latest", "192.0.2.7:5000", id="R5-address"),
        pytest.param(f"x.io/app@{SHA256}", f"x.io/app@{SHA256}", "x.io", id="R12"),
        pytest.param(f"x.io/app@{SHA512}", f"x.io/app@{SHA512}", "x.io", id="R12-sha512"),
        pytest.param(f"x.io/app:1@{SHA256}", f"x.io/app:1@{SHA256}", "x.io", id="R13"),
        pytest.param("[2001:db8::1]:5000/app", "[2001:db8::1]:5000/app:latest", "[2001:db8::1]:5000", id="R14"),
        pytest.param("[2001:DB8:0::1]/app", "[2001:db8::1]/app:latest", "[2001:db8::1]", id="R14-form"),
        pytest.param("x/" + "a" * 253, f"docker.io/x/{'a' * 253}:latest", "registry-1.docker.io", id="R8"),
        pytest.param("x.io/a__b/c--d/e.f/g", "x.io/a__b/c--d/e.f/g:latest", "x.io", id="R16"),
        pytest.param("x.io/a", "x.io/a:latest", "x.io", id="R16-single"),
        pytest.param("x.io:65535/a:A_b-.9", "x.io:65535/a:A_b-.9", "x.io:65535", id="R18"),
    ],
)
def test_reference_names(text: str, canonical: str, api_host: str) -> None:
    reference = parse_reference(text)
    assert (reference.canonical, reference.api_host) == (canonical, api_host)
    assert set(reference.warnings) <= {Warn.REFERENCE_LONG}


def test_api_host_of_hub_is_taken_for_hub_with_a_warning() -> None:
    """R4."""
    reference = parse_reference("registry-1.docker.io/alpine")
    assert reference.canonical == "docker.io/library/alpine:latest"
    assert reference.warnings == (Warn.HUB_HOST_ALIAS,)


def test_digest_is_the_target_where_there_is_one() -> None:
    """R13."""
    assert parse_reference(f"x.io/app:1@{SHA256}").target == SHA256
    assert parse_reference("x.io/app:1").target == "1"
    assert parse_reference(f"x.io/app@{SHA256}").digest == Digest("sha256", SHA)


def test_long_name_with_its_host_is_a_warning() -> None:
    """R8: many clients count the host as well."""
    assert parse_reference("registry.example/" + "a" * 238).warnings == ()
    assert parse_reference("registry.example/" + "a" * 239).warnings == (Warn.REFERENCE_LONG,)


@pytest.mark.parametrize(
    ("text", "reason", "position"),
    [
        pytest.param("localhost", Reason.REF_AMBIGUOUS_HOST, 0, id="R6"),
        pytest.param("example.com:5000", Reason.REF_AMBIGUOUS_HOST, 0, id="R6-dot"),
        pytest.param("x.io/Team/app", Reason.REF_UPPERCASE, 5, id="R7"),
        pytest.param("x.io/team/aPp:1", Reason.REF_UPPERCASE, 11, id="R7-later"),
        pytest.param("Alpine", Reason.REF_UPPERCASE, 0, id="R7-alone"),
        pytest.param("x.io/" + "a" * 256, Reason.REF_TOO_LONG, 5, id="R8"),
        pytest.param("a" * 1025, Reason.REF_TOO_LONG, 1024, id="R8-all"),
        pytest.param("x.io/app:" + "t" * 129, Reason.REF_BAD_TAG, 9, id="R9-long"),
        pytest.param("x.io/app:-1", Reason.REF_BAD_TAG, 9, id="R9"),
        pytest.param("app:.1", Reason.REF_BAD_TAG, 4, id="R9-hub"),
        pytest.param("x.io/app:", Reason.REF_BAD_TAG, 9, id="R10"),
        pytest.param(SHA, Reason.REF_LOOKS_LIKE_ID, 0, id="R11"),
        pytest.param(SHA256, Reason.REF_LOOKS_LIKE_ID, 0, id="R11-digest"),
        pytest.param("x.io/app@sha256:abc", Reason.REF_BAD_DIGEST, 9, id="R12-length"),
        pytest.param(f"x.io/app@sha256:{'A' * 64}", Reason.REF_BAD_DIGEST, 9, id="R12-case"),
        pytest.param("x.io/app@", Reason.REF_BAD_DIGEST, 9, id="R12-empty"),
        pytest.param(f"x.io/app@md5:{'a' * 32}", Reason.DIGEST_UNSUPPORTED, 9, id="R12-algorithm"),
        pytest.param(f"x.io/app@b@{SHA256}", Reason.REF_BAD_DIGEST, 9, id="R12-twice"),
        pytest.param("[2001:db8::1%eth0]/app", Reason.REF_INVALID, 12, id="R14-zone"),
        pytest.param("[::ffff:192.0.2.7]/app", Reason.REF_INVALID, 1, id="R14-mapped"),
        pytest.param("[2001:db8::1/app", Reason.REF_INVALID, 1, id="R14-open"),
        pytest.param("[2001:db8::g]/app", Reason.REF_INVALID, 1, id="R14-hex"),
        pytest.param("[2001:db8::1]x/app", Reason.REF_INVALID, 13, id="R14-after"),
        pytest.param("https://x.io/app", Reason.REF_INVALID, 5, id="R15-scheme"),
        pytest.param("x.io/app?x", Reason.REF_INVALID, 8, id="R15-query"),
        pytest.param("x.io/app#x", Reason.REF_INVALID, 8, id="R15-fragment"),
        pytest.param("a.io\\@b.io/app", Reason.REF_INVALID, 4, id="R15-backslash"),
        pytest.param("me:pw@x.io/app", Reason.REF_INVALID, 5, id="R15-userinfo"),
        pytest.param("x.io/a\npp", Reason.REF_INVALID, 6, id="R15-control"),
        pytest.param("x.io/äpp", Reason.REF_INVALID, 5, id="R15-non-ascii"),
        pytest.param("x.io/../app", Reason.REF_INVALID, 5, id="R15-dots"),
        pytest.param("", Reason.REF_INVALID, 0, id="empty"),
        pytest.param("x.io/a___b", Reason.REF_INVALID, 6, id="R16-underscores"),
        pytest.param("x.io/a..b", Reason.REF_INVALID, 6, id="R16-dots"),
        pytest.param("x.io/a//b", Reason.REF_INVALID, 7, id="R16-empty"),
        pytest.param("x.io/app/", Reason.REF_INVALID, 9, id="R16-end"),
        pytest.param("x.io/", Reason.REF_INVALID, 5, id="R16-nothing"),
        pytest.param("x.io/-a", Reason.REF_INVALID, 5, id="R16-start"),
        pytest.param("x.io/a+b", Reason.REF_INVALID, 6, id="R16-plus"),
        pytest.param("x.io:0/app", Reason.REF_INVALID, 5, id="R18-zero"),
        pytest.param("x.io:65536/app", Reason.REF_INVALID, 5, id="R18-large"),
        pytest.param("x.io:/app", Reason.REF_INVALID, 5, id="R18-empty"),
        pytest.param("x.io:five/app", Reason.REF_INVALID, 5, id="R18-word"),
        pytest.param("[2001:db8::1]:0/app", Reason.REF_INVALID, 14, id="R18-ipv6"),
        pytest.param("x..io/app", Reason.REF_INVALID, 2, id="host-label"),
        pytest.param("x_y.io/app", Reason.REF_INVALID, 0, id="host-underscore"),
        pytest.param("x.i[o/app", Reason.REF_INVALID, 3, id="host-bracket"),
        pytest.param("127.1/app", Reason.REF_INVALID, 0, id="S3-short"),
        pytest.param("0x7f.1/app", Reason.REF_INVALID, 0, id="S3-hex"),
        pytest.param("2130706433:80/app", Reason.REF_INVALID, 0, id="S3-number"),
        pytest.param("010.0.0.1/app", Reason.REF_INVALID, 0, id="S3-octal"),
        pytest.param(".".join(["a" * 63] * 4) + "/app", Reason.REF_INVALID, 253, id="host-length"),
    ],
)
def test_reference_is_refused_with_reason_and_position(text: str, reason: Reason, position: int) -> None:
    error = refusal(text)
    assert (error.reason, error.position) == (reason, position)
    assert str(error) == error.message


def test_refusal_says_what_to_write_instead() -> None:
    assert "docker.io/library/localhost" in refusal("localhost").message
    assert refusal("x.io/Team/App").message == "repository must be lowercase: team/app"


@pytest.mark.parametrize(
    ("namespace", "host", "same"),
    [
        ("docker.io", "docker.io", True),
        ("registry-1.docker.io", "docker.io", True),
        ("Index.Docker.io", "docker.io", True),
        ("quay.io", "docker.io", False),
        ("QUAY.io", "quay.io", True),
        ("docker.io", "quay.io", False),
        ("quay.io:443", "quay.io", False),
    ],
)
def test_namespace_of_a_mirror_names_the_registry_it_serves(namespace: str, host: str, *, same: bool) -> None:
    """M27."""
    assert serves(namespace, host) is same
