"""`manage.py probe` as an operator runs it."""

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import trustme
from django.core.management import ManagementUtility

from kairos.demo.accounts import USERNAME
from kairos.demo.certificates import authority
from kairos.demo.sites import Sites
from kairos.embedded import free_port
from tests.integration.demo.test_demo_process import running
from tests.integration.wire.forward_proxy import ForwardProxy, proxy_that
from tests.integration.wire.peer import Peer, peer_that
from tests.integration.wire.small_registry import SmallRegistry, answer

ROOT = Path(__file__).parents[3]
FIELDS = {
    "reference", "canonical", "kind", "status", "reason", "stage", "host", "confidence", "depth", "digest",
    "platforms", "warnings", "notices", "hint", "detail", "retry_at", "started_at", "duration_ms", "attempts",
    "requests", "bytes_read", "auth_path", "connection", "proxy", "rate_limit", "certificates", "steps",
}  # fmt: skip
STEP_FIELDS = {
    "stage", "method", "url", "host", "address", "http_status", "error", "connection", "dns_ms", "connect_ms",
    "tls_ms", "first_byte_ms", "total_ms", "bytes",
}  # fmt: skip


@dataclass(frozen=True)
class Demo:
    """The demonstration registry as a process, and the options that reach it."""

    port: int
    state: Path

    @property
    def options(self) -> list[str]:
        resolve = (f"--resolve={host}:{','.join(found)}" for host, found in Sites.at(self.port).resolve.items())
        return [f"--ca-file={self.state / 'authority.pem'}", "--allow-cidr=127.0.0.0/8", *resolve]

    def reference(self, name: str, host: str = "registry") -> str:
        return f"{host}.kairos.test:{self.port}/{name}"

    @property
    def password(self) -> str:
        return (self.state / "account-password").read_text().strip()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    state = tmp_path_factory.mktemp("demo")
    authority(state)
    port = free_port()  # one for all its hosts
    with running(state, "--port", str(port)):
        yield Demo(port, state)


@dataclass(frozen=True)
class Done:
    """How a run of the command ended."""

    returncode: int
    stdout: str
    stderr: str


class Probe(Protocol):
    """Runs the command in this process, with standard input and variables of the environment as given."""

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> Done: ...


@pytest.fixture
def probe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Probe:
    def run(*arguments: str, stdin: str = "", **environment: str) -> Done:
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdin", io.StringIO(stdin))
            for name, value in environment.items():
                patch.setenv(name, value)
            capsys.readouterr()
            status: object = 0
            try:
                ManagementUtility(["manage.py", "probe", *arguments]).execute()
            except SystemExit as leaving:
                status = leaving.code or 0
        captured = capsys.readouterr()
        assert isinstance(status, int)
        return Done(status, captured.out, captured.err)

    return run


def test_it_needs_no_settings_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "probe", "--json", "quay.io/Team/app"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "KAIROS_STATE_DIR": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert json.loads(done.stdout)["reason"] == "ref_uppercase"
    assert done.returncode == 5
    assert list(tmp_path.iterdir()) == []


def test_an_available_image_is_a_ladder_and_status_0(demo: Demo, probe: Probe) -> None:
    done = probe(*demo.options, "--platform=all", demo.reference("shop/storefront:stable"))

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == demo.reference("shop/storefront:stable")
    assert "HEAD manifest stable" in lines[2]
    assert "127.0.0.2" in lines[2]
    assert sum("GET layer" in line for line in lines) >= 4
    assert any(line.startswith("    linux/arm64  ok  sha256:") for line in lines)
    assert "✓ available · proven to blobs" in lines[-1]


def test_the_hint_stands_under_the_step_that_failed(demo: Demo, probe: Probe) -> None:
    done = probe(*demo.options, demo.reference("media/thumbnails:1.3"))

    lines = done.stdout.splitlines()
    failed = next(number for number, line in enumerate(lines) if line.lstrip().startswith("✗ GET layer"))
    assert "layer_missing" in "".join(lines[failed : failed + 3])
    assert "Re-push, or restore storage." in "".join(lines[failed : failed + 4])
    assert done.returncode == 1


def test_json_is_the_contract_one_document_a_line(demo: Demo, probe: Probe) -> None:
    done = probe(*demo.options, "--json", demo.reference("shop/checkout:2.4.1"), demo.reference("shop/search:3.0.0"))

    available, missing = (json.loads(line) for line in done.stdout.splitlines())
    assert set(available) >= FIELDS
    assert set(available["steps"][0]) == STEP_FIELDS
    assert (available["status"], available["reason"], available["stage"]) == ("available", "ok", None)
    assert (missing["status"], missing["reason"], missing["stage"]) == ("unavailable", "tag_not_found", "manifest")
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("name", "host", "status"),
    [
        ("shop/checkout:2.4.1", "registry", 0),
        ("shop/search:3.0.0", "registry", 1),
        ("library/warehouse:7", "hub", 4),
        ("legacy/reports:1", "registry", 5),
    ],
)
def test_the_exit_status_says_who_has_to_act(demo: Demo, probe: Probe, name: str, host: str, status: int) -> None:
    assert probe(*demo.options, demo.reference(name, host)).returncode == status


def test_an_unresolvable_host_is_degraded_or_our_resolver_and_never_unavailable(probe: Probe) -> None:
    done = probe("--json", "--timeout=5", "registry.invalid/app:1")
    assert json.loads(done.stdout)["reason"] in ("dns_nxdomain", "dns_temporary")
    assert done.returncode in (3, 4)


class TestSecrets:
    def test_a_password_comes_from_standard_input_or_the_environment(self, demo: Demo, probe: Probe) -> None:
        private = (*demo.options, f"--username={USERNAME}", demo.reference("payments/gateway:4.2"))

        by_stdin = probe(*private, "--password-stdin", stdin=f"{demo.password}\n")
        by_environment = probe(*private, KAIROS_PROBE_PASSWORD=demo.password)

        assert (by_stdin.returncode, by_environment.returncode) == (0, 0), by_stdin.stdout

    def test_a_wrong_one_is_refused_and_not_shown(self, demo: Demo, probe: Probe) -> None:
        done = probe(
            *demo.options,
            f"--username={USERNAME}",
            demo.reference("payments/gateway:4.2"),
            KAIROS_PROBE_PASSWORD="not-this",
        )
        assert "auth_bad_credentials" in done.stdout
        assert "not-this" not in done.stdout + done.stderr
        assert done.returncode == 1

    def test_there_is_no_option_for_a_password(self, probe: Probe) -> None:
        done = probe("--username=robot", "--password=secret", "alpine")
        assert done.returncode == 2

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--username=robot", "alpine"), "needs a password"),
            (("--password-stdin", "alpine"), "needs --username"),
            (("--identity-token-stdin", "alpine"), "no identity token on standard input"),
            (("--bearer-stdin", "alpine"), "no bearer token on standard input"),
            (("--credential-kind=ecr", "alpine"), "--credential-kind ecr: Not JSON."),
            (("--credential-kind=ecr", "--credential-file=missing.json", "alpine"), "missing.json: No such file"),
            (("--credential-file=key.json", "alpine"), "needs --credential-kind"),
            (("--credential-kind=ecr", "--bearer-stdin", "alpine"), "not allowed with argument"),
        ],
    )
    def test_half_a_login_is_wrong_usage(self, probe: Probe, arguments: tuple[str, ...], message: str) -> None:
        done = probe(*arguments)
        assert message in done.stderr
        assert done.returncode == 2

    @pytest.mark.parametrize("options", [("--password-stdin",), ("--identity-token-stdin",)])
    def test_a_login_that_is_no_text_is_wrong_usage(self, probe: Probe, options: tuple[str, ...]) -> None:
        """Not status 1, which says that the image is unavailable."""
        done = probe("--username=robot", *options, "127.0.0.1:1/app", stdin="to-look-for-\udcff\n")
        assert done.returncode == 2
        assert done.stderr.endswith("the login is not text in UTF-8\n")
        assert "to-look-for" not in done.stderr

    def test_a_bearer_token_comes_from_standard_input_or_the_environment(self, demo: Demo, probe: Probe) -> None:
        arguments = (*demo.options, "--json", demo.reference("payments/gateway:4.2"))

        by_stdin = probe(*arguments, "--bearer-stdin", stdin="a-token-to-look-for\n")
        by_environment = probe(*arguments, KAIROS_PROBE_BEARER="a-token-to-look-for")

        for done in (by_stdin, by_environment):
            document = json.loads(done.stdout)
            assert (document["reason"], document["requests"]) == ("auth_bad_credentials", 1)
            assert "to-look-for" not in done.stdout + done.stderr

    def test_a_bearer_token_that_no_header_holds_is_wrong_usage(self, probe: Probe) -> None:
        done = probe("--bearer-stdin", "alpine", stdin="two to-look-for\n")
        assert done.returncode == 2
        assert "to-look-for" not in done.stderr

    def test_a_clouds_key_comes_from_a_file_or_standard_input(self, demo: Demo, probe: Probe, tmp_path: Path) -> None:
        endpoint = f"https://{demo.reference('')}"
        key = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "to-look-for", "region": "eu-west-1"}
        path = tmp_path / "key.json"
        path.write_text(json.dumps({**key, "endpoint": endpoint}))
        arguments = (*demo.options, "--json", "--credential-kind=ecr", demo.reference("payments/gateway:4.2"))

        by_file = probe(*arguments, f"--credential-file={path}")
        by_stdin = probe(*arguments, stdin=path.read_text())

        for done in (by_file, by_stdin):
            # The demonstration is no cloud: what matters is who was asked, and that it ended there.
            document = json.loads(done.stdout)
            assert [step["stage"] for step in document["steps"]] == ["token"]
            assert (document["stage"], document["host"]) == ("token", demo.reference("").rstrip("/"))
            assert "to-look-for" not in done.stdout + done.stderr

    def test_a_clouds_key_that_is_none_is_named_by_its_field_and_not_shown(self, probe: Probe) -> None:
        done = probe("--credential-kind=ecr", "alpine", stdin='{"secret_access_key": "to-look-for"}')
        assert "--credential-kind ecr: access_key_id: Write an access key ID" in done.stderr
        assert "to-look-for" not in done.stderr
        assert done.returncode == 2

    def test_one_credential_is_never_shown_to_two_registries(self, probe: Probe) -> None:
        done = probe("--username=robot", "quay.io/a/b", "ghcr.io/a/b", KAIROS_PROBE_PASSWORD="secret")
        assert "one credential for several registries" in done.stderr
        assert done.returncode == 2


@pytest.fixture
def proxy(demo: Demo) -> Iterator[ForwardProxy]:
    """A proxy whose DNS knows the demonstration's hosts; it runs beside the command's own event loop."""
    proxy = ForwardProxy(names={host: found[0] for host, found in Sites.at(demo.port).resolve.items()})
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with proxy_that(proxy):
            started.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(10)
    yield proxy
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


class TestWaysToARegistry:
    def test_a_proxy_resolves_every_hosts_name_and_the_outcome_says_so(
        self, demo: Demo, probe: Probe, proxy: ForwardProxy
    ) -> None:
        """N16, N4: no `--resolve`, and no `--allow-cidr` either, since the guard sees no address."""
        options = (f"--ca-file={demo.state / 'authority.pem'}", f"--proxy=http://robot@127.0.0.1:{proxy.port}")
        reference = demo.reference("shop/checkout:2.4.1")
        done = probe(*options, "--json", reference, KAIROS_PROBE_PROXY_PASSWORD="swordfish")

        document = json.loads(done.stdout)
        assert (document["reason"], document["proxy"]) == ("ok", f"127.0.0.1:{proxy.port}")
        assert {step["address"] for step in document["steps"]} == {None}
        assert {step["dns_ms"] for step in document["steps"]} == {None}
        asked = {head.split()[1].decode().rpartition(":")[0] for head in proxy.heads}
        assert {"registry.kairos.test", "auth.kairos.test"} <= asked
        assert all(b"Proxy-Authorization: Basic cm9ib3Q6c3dvcmRmaXNo" in head for head in proxy.heads)
        assert "swordfish" not in done.stdout + done.stderr

    def test_a_proxy_is_named_above_the_steps(self, demo: Demo, probe: Probe, proxy: ForwardProxy) -> None:
        done = probe(f"--proxy=http://127.0.0.1:{proxy.port}", demo.reference("shop/checkout:2.4.1"))

        assert done.stdout.splitlines()[0].endswith(f"  through the proxy 127.0.0.1:{proxy.port}")
        assert "tls_untrusted" in done.stdout

    def test_an_allowed_host_needs_no_network(self, demo: Demo, probe: Probe) -> None:
        """S5: and whoever is not on the list stays where the guard keeps it."""
        options = [option for option in demo.options if not option.startswith("--allow-cidr")]
        reference = demo.reference("shop/checkout:2.4.1")
        every = [f"--allow-host={host}" for host in Sites.at(demo.port).resolve]

        allowed = probe(*options, *every, "--json", reference)
        registry_alone = probe(*options, "--allow-host=registry.kairos.test", "--json", reference)

        assert json.loads(allowed.stdout)["reason"] == "ok"
        assert json.loads(registry_alone.stdout)["reason"] == "auth_realm_forbidden"

    def test_a_client_certificate_is_taken_from_files(self, demo: Demo, probe: Probe, tmp_path: Path) -> None:
        made = trustme.CA().issue_cert("robot@example.org")
        made.private_key_pem.write_to_path(tmp_path / "key.pem")
        made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
        done = probe(
            *demo.options,
            f"--client-cert={tmp_path / 'cert.pem'}",
            f"--client-key={tmp_path / 'key.pem'}",
            demo.reference("shop/checkout:2.4.1"),
        )
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--proxy=http://robot:swordfish@127.0.0.1:3128",), "does not belong on a command line"),
            (("--proxy=proxy.internal:3128",), "not a proxy's URL"),
            (("--client-key=/none",), "--client-key needs --client-cert"),
            (("--client-cert=/none",), "--client-cert: "),
            ((f"--client-cert={__file__}",), "--client-cert: the client certificate cannot be used"),
            (("--allow-host=https://registry.internal",), "not HOST or HOST:PORT"),
        ],
    )
    def test_a_way_that_cannot_be_taken_is_wrong_usage(
        self, probe: Probe, arguments: tuple[str, ...], message: str
    ) -> None:
        done = probe(*arguments, "alpine")
        assert message in done.stderr
        assert "swordfish" not in done.stderr
        assert done.returncode == 2


class TestWhatBadInputGets:
    def test_a_reference_is_refused_with_its_reason_and_position_and_no_packet(self, probe: Probe) -> None:
        done = probe("--json", "quay.io/Team/app")
        document = json.loads(done.stdout)
        assert (document["reason"], document["stage"], document["requests"]) == ("ref_uppercase", "parse", 0)
        assert "at character 9" in document["detail"]
        assert done.returncode == 5

    @pytest.mark.parametrize(
        "option",
        [
            "--allow-cidr=10.0.0.0/99",
            "--resolve=registry.example",
            "--resolve=registry.example:nowhere",
            "--timeout=0",
            "--timeout=soon",
            "--count=0",
            "--platform=linux",
            "--depth=deep",
            "--ca-file=manage.py",
            "--ca-file=missing.pem",
        ],
    )
    def test_a_bad_option_is_wrong_usage_in_one_line(self, probe: Probe, option: str) -> None:
        done = probe(option, "alpine")
        assert done.returncode == 2
        assert option.partition("=")[0] in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr


def test_repetitions_stay_warm_and_end_with_a_summary(demo: Demo, probe: Probe) -> None:
    done = probe(
        *demo.options, "--depth=resolve", "--count=3", "--interval=0.05", demo.reference("shop/checkout:2.4.1")
    )
    assert "3 checks: 3 available" in done.stdout.splitlines()[-1]
    assert sum("GET token" in line for line in done.stdout.splitlines()) == 1


def test_a_reader_that_leaves_is_no_verdict() -> None:
    command = (
        f"{sys.executable} manage.py probe --count=3 --interval=0.01 quay.io/Team/app | true; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (141, "")


def test_interrupted_repetitions_are_summed_up() -> None:
    """As ping does; the status is that of the interruption, since 1 would read as unavailable."""
    command = [sys.executable, "manage.py", "probe", "--count=1000", "--interval=0.05", "quay.io/Team/app"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Whoever starts the tests in the background may have had us ignore it, and a child inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads at work here
    ) as repeating:  # fmt: skip
        assert repeating.stdout is not None
        for _ in range(8):  # two outcomes
            repeating.stdout.readline()
        repeating.send_signal(signal.SIGINT)
        shown, complaint = repeating.communicate(timeout=60)
    assert re.search(r"\d+ checks: \d+ config_error; ", shown.splitlines()[-1])
    assert (repeating.returncode, complaint) == (130, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_full_disk_is_no_verdict() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "manage.py", "probe", "quay.io/Team/app"],
            cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "CommandError: the outcome could not be written: No space left on device\n"


def test_terminal_without_our_marks_gets_the_verdict_all_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "probe", "quay.io/Team/app"],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"? config_error ? 0 requests" in done.stdout
    assert (done.returncode, done.stderr) == (5, b"")


def test_help_teaches(probe: Probe) -> None:
    done = probe("--help")
    for part in (
        "examples:", "exit status", "--trust-auth-host", "KAIROS_PROBE_PASSWORD", "platform_missing", "tag_moved",
    ):  # fmt: skip
        assert part in done.stdout


def test_throttled_registry_is_asked_once_and_then_waited_for(demo: Demo, probe: Probe) -> None:
    """E13."""
    done = probe(
        *demo.options, "--json", "--count=3", "--interval=0.05", demo.reference("library/warehouse:7", "hub")
    )
    first, *later = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 4
    for outcome in later:
        assert (outcome["reason"], outcome["requests"], outcome["steps"]) == ("rate_limited", 0, [])
        assert outcome["retry_at"] == first["retry_at"]
        assert outcome["detail"].startswith("nothing was sent: hub.kairos.test:")


def test_ladder_of_a_check_that_waits_says_so_and_until_when(demo: Demo, probe: Probe) -> None:
    done = probe(*demo.options, "--count=2", "--interval=0.05", demo.reference("library/warehouse:7", "hub"))
    waiting = done.stdout[done.stdout.rindex("nothing was sent: ") :]
    assert "and we wait until " in waiting.splitlines()[0]
    assert " · next try after " in waiting
    assert " · 0 requests · " in waiting


async def outcomes_at(peer: Peer, *options: str, name: str = "team/app:1") -> list[dict[str, Any]]:
    """Run the command as a process beside a peer of this one's event loop."""
    probe = await asyncio.create_subprocess_exec(
        *(sys.executable, "manage.py", "probe", "--json", *options),
        *("--plain-http", "--allow-cidr=127.0.0.0/8", f"127.0.0.1:{peer.port}/{name}"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    written, _ = await asyncio.wait_for(probe.communicate(), 60)
    return [json.loads(line) for line in written.splitlines()]


async def test_image_for_another_platform_is_a_failure_for_who_insists() -> None:
    """P15."""
    async with peer_that(SmallRegistry()) as peer:
        (lenient,) = await outcomes_at(peer, "--platform=linux/arm64")
        (strict,) = await outcomes_at(peer, "--platform=linux/arm64", "--strict-platform")
        (suited,) = await outcomes_at(peer, "--platform=linux/amd64", "--strict-platform")
    assert (lenient["reason"], lenient["warnings"]) == ("ok", ["platform_mismatch"])
    assert (strict["status"], strict["reason"]) == ("unavailable", "platform_missing")
    assert strict["detail"] == "linux/arm64; present: linux/amd64"
    assert (suited["reason"], suited["warnings"]) == ("ok", [])


async def test_tag_beside_a_digest_is_asked_for_when_told_to() -> None:
    """R13."""
    registry = SmallRegistry()
    async with peer_that(registry) as peer:
        (found,) = await outcomes_at(peer, "--depth=resolve")
        pinned = f"team/app:1@{found['digest']}"
        (still,) = await outcomes_at(peer, "--depth=resolve", "--check-tag", name=pinned)
        registry.instead["HEAD 1"] = answer("200 OK", b"", f"Docker-Content-Digest: sha256:{'0' * 64}")
        (moved,) = await outcomes_at(peer, "--depth=resolve", "--check-tag", name=pinned)
        (unasked,) = await outcomes_at(peer, "--depth=resolve", name=pinned)
    assert [outcome["warnings"] for outcome in (still, moved, unasked)] == [[], ["tag_moved"], []]
    assert {(outcome["reason"], outcome["digest"]) for outcome in (still, moved, unasked)} == {
        ("ok", found["digest"])
    }


async def test_sample_takes_the_layers_in_turn() -> None:
    """B25."""
    async with peer_that(SmallRegistry(layers=8)) as peer:
        outcomes = await outcomes_at(peer, "--sample", "--count=5", "--interval=0.01")
    assert [(outcome["depth"], outcome["warnings"]) for outcome in outcomes] == [("blobs", ["probe_sampled"])] * 5
    sampled = [
        {int(step["url"][-2:], 16) for step in outcome["steps"] if step["stage"] == "layer"} for outcome in outcomes
    ]
    assert sampled == [{0, 7, turn} for turn in (1, 2, 3, 4, 5)]


@pytest.mark.parametrize(("name", "value"), [("KAIROS_LIMIT_DNS_SECONDS", "soon"), ("KAIROS_LIMIT_DNS_SECOND", "5")])
def test_limit_that_is_none_is_wrong_usage(probe: Probe, name: str, value: str) -> None:
    done = probe("alpine", **{name: value})
    assert done.returncode == 2
    assert name in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
