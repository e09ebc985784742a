"""Reading a running cluster, against a recorded API server on loopback."""

import asyncio
import base64
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from probes.discovery import access, asking, cluster, command
from probes.discovery.access import Cluster, ClusterUnusable
from probes.policy.discovery.finding import Notebook
from tests.fakes.kubernetes_api import TOKEN, KubernetesApi, Listed, failure
from tests.fakes.tls_files import TlsFiles

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return TlsFiles(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server_tls(tls: TlsFiles) -> ssl.SSLContext:
    files = tls.issue("api")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    return context


@pytest.fixture
def api(server_tls: ssl.SSLContext) -> Iterator[KubernetesApi]:
    with KubernetesApi.recorded(server_tls) as running:
        yield running


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_SHORTEST_PAUSE_SECONDS", 0.001)


def there(api: KubernetesApi, tls: TlsFiles, *, token: str = TOKEN) -> Cluster:
    return access.cluster_at("test", api.url, ca_pem=tls.ca_file.read_text(), token=token)


def read(where: Cluster, *namespaces: str, selector: str = "", seconds: float = 30) -> Notebook:
    book = Notebook()
    asyncio.run(cluster.read_cluster(where, book, namespaces=namespaces, selector=selector, seconds=seconds))
    return book


def found(book: Notebook) -> set[str]:
    return {item.reference for item in book.found}


EVERYTHING = {
    "docker.io/envoyproxy/envoy:v1.30.1",
    "docker.io/library/busybox:1.36",
    "docker.io/library/postgres:16.3",
    "ghcr.io/shop/api:2.0.0",
    "ghcr.io/shop/backup:1.0",
    "ghcr.io/shop/import:3@sha256:" + "ab" * 32,
    "ghcr.io/shop/migrate:1.4.2",
    "ghcr.io/shop/web:1.4.2",
    "mirror.internal:5000/shop/web:1.4.2",
    "quay.io/prometheus/node-exporter:v1.8.0",
    "registry.k8s.io/coredns/coredns:v1.11.1",
    "registry.k8s.io/kube-apiserver:v1.30.0",
}


def test_workloads_and_pods_are_read_but_not_what_is_over_or_rolled_back(api: KubernetesApi, tls: TlsFiles) -> None:
    book = read(there(api, tls))
    assert found(book) == EVERYTHING
    assert book.is_complete
    assert {str(item.place) for item in book.found if item.reference == "ghcr.io/shop/web:1.4.2"} == {
        "cluster test: Deployment shop/web, container web"
    }
    assert [item.platform for item in book.found if "postgres" in item.reference] == ["linux/arm64"]
    assert {asked.authorization for asked in api.asked} == {f"Bearer {TOKEN}"}
    assert len(api.asked) == len(cluster.LISTED)


def test_lists_are_read_page_by_page(api: KubernetesApi, tls: TlsFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "PAGE_ITEMS", 1)
    assert found(read(there(api, tls))) == EVERYTHING
    assert [asked.query.get("continue") for asked in api.asked if asked.path.endswith("/deployments")] == [
        None,
        "1",
        "2",
    ]


def test_namespaces_and_labels_are_the_servers_to_choose_by(api: KubernetesApi, tls: TlsFiles) -> None:
    assert found(read(there(api, tls), "monitoring", "kube-system")) == {
        "quay.io/prometheus/node-exporter:v1.8.0",
        "registry.k8s.io/coredns/coredns:v1.11.1",
        "registry.k8s.io/kube-apiserver:v1.30.0",
    }
    assert found(read(there(api, tls), selector="app=api")) == {"ghcr.io/shop/api:2.0.0"}


def test_a_list_that_has_expired_is_begun_again(
    api: KubernetesApi, tls: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "PAGE_ITEMS", 1)
    expired = iter([True])

    def expire(asked: Listed) -> tuple[int, dict[str, Any]] | None:
        is_late = asked.query.get("continue") == "2" and next(expired, False)
        return failure(410, "Expired", "The provided continue parameter is too old") if is_late else None

    api.misbehaviour = expire
    book = read(there(api, tls))
    assert (found(book), book.is_complete) == (EVERYTHING, True)
    assert len(book.found) == len(read(there(api, tls)).found)  # nothing of the first try is left


def test_a_list_that_always_expires_is_a_gap(
    api: KubernetesApi, tls: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "PAGE_ITEMS", 1)
    api.misbehaviour = lambda asked: failure(410, "Expired", "too old") if "continue" in asked.query else None
    book = read(there(api, tls))
    assert not book.is_complete
    assert "ghcr.io/shop/web:1.4.2" in found(book)  # of the first page, all the same


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (403, "give the account the role in deploy/kubernetes/discover.yaml"),
        (404, "HTTP 404"),
        (500, "HTTP 500: etcdserver: leader changed"),
        (503, "HTTP 503"),
    ],
)
def test_one_list_that_is_refused_hides_no_other(api: KubernetesApi, tls: TlsFiles, status: int, said: str) -> None:
    api.misbehaviour = lambda asked: (
        failure(status, "x", "etcdserver: leader changed") if asked.path.endswith("/daemonsets") else None
    )
    book = read(there(api, tls))
    assert found(book) == EVERYTHING - {"quay.io/prometheus/node-exporter:v1.8.0"}
    (gap,) = [remark for remark in book.remarks if remark.is_gap]
    assert str(gap).startswith("cluster test: daemonsets of all namespaces: not read: ")
    assert said in str(gap)


def test_a_fault_that_passes_is_nothing(api: KubernetesApi, tls: TlsFiles) -> None:
    faults = iter([True, True])
    api.misbehaviour = lambda asked: (
        failure(500, "x", "y") if asked.path.endswith("/daemonsets") and next(faults, False) else None
    )
    assert read(there(api, tls)).is_complete


def test_a_wrong_token_finds_nothing_and_is_not_shown(api: KubernetesApi, tls: TlsFiles) -> None:
    api.misbehaviour = lambda _: failure(401, "x", "no such token: secret-of-mine")
    api.token = ""
    book = read(there(api, tls, token="secret-of-mine"))
    assert (found(book), book.is_complete) == (set(), False)
    assert len([remark for remark in book.remarks if remark.is_gap]) == len(cluster.LISTED)
    assert not any("secret-of-mine" in str(remark) for remark in book.remarks)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"metadata": {"continue": "same"}, "items": []}, "goes in a circle"),
        ({"items": {}}, "is no list"),
        ({"metadata": {"continue": 7}, "items": []}, "goes in a circle"),
        ([], "is no list"),
    ],
)
def test_a_server_that_makes_no_sense_is_left(api: KubernetesApi, tls: TlsFiles, answer: Any, said: str) -> None:
    api.misbehaviour = lambda _: (200, answer)
    book = read(there(api, tls))
    assert all(said in str(remark) for remark in book.remarks if remark.is_gap)
    assert not book.is_complete


@pytest.mark.parametrize(
    "item",
    [
        None,
        [],
        {},
        {"metadata": []},
        {"metadata": {}, "spec": []},
        {"metadata": {}, "spec": {"containers": [{"image": 1}]}},
    ],
)
def test_odd_items_break_nothing(api: KubernetesApi, tls: TlsFiles, item: Any) -> None:
    api.misbehaviour = lambda _: (200, {"metadata": {}, "items": [item]})
    assert found(read(there(api, tls))) == set()


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(
    api: KubernetesApi, tls: TlsFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "PAGE_BYTES", 2500)
    assert found(read(there(api, tls))) == EVERYTHING
    assert {"250", "1"} <= {asked.query["limit"] for asked in api.asked}


def test_a_slow_server_has_its_time_and_no_more(api: KubernetesApi, tls: TlsFiles) -> None:
    api.pause_seconds = 0.5
    book = read(there(api, tls), seconds=0.2)
    assert (found(book), book.is_complete) == (set(), False)
    assert any("timeout total" in str(remark) for remark in book.remarks)


def test_a_server_of_another_authority_is_not_believed(api: KubernetesApi) -> None:
    book = read(access.cluster_at("test", api.url, ca_pem="", token=TOKEN))
    assert not book.is_complete
    assert api.asked == []


def kubeconfig(directory: Path, at: str, *, user: dict[str, Any], **of_cluster: Any) -> Path:
    path = directory / "config"
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "prod",
                "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": "ignored"}}],
                "clusters": [{"name": "c", "cluster": {"server": at, **of_cluster}}],
                "users": [{"name": "u", "user": user}],
            }
        )
    )
    return path


def in_base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def test_the_whole_command_by_a_kubeconfig(
    api: KubernetesApi, tls: TlsFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ca = {"certificate-authority-data": in_base64(tls.ca_file)}
    path = kubeconfig(tmp_path, f"{api.url}/", user={"token": TOKEN}, **ca)
    status = command.main(["--from-cluster", "--kubeconfig", str(path), "--source", "prod", "--quiet"])
    shown = capsys.readouterr()
    assert status == 0, shown.err
    assert shown.out.count("kind: Image") == len(EVERYTHING)
    assert '"cluster prod: CronJob shop/backup, container backup"' in shown.out


def test_a_client_certificate_logs_in(tls: TlsFiles, tmp_path: Path) -> None:
    files, client = tls.issue("api-mutual"), tls.issue_to_client("me")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tls.ca_file))
    context.load_cert_chain(files.certificate, files.key)
    context.verify_mode = ssl.CERT_REQUIRED
    with KubernetesApi.recorded(context) as api:
        api.token = ""
        user = {"client-certificate": str(client.certificate), "client-key-data": in_base64(client.key)}
        path = kubeconfig(tmp_path, api.url, user=user, **{"certificate-authority": str(tls.ca_file)})
        assert read(access.chosen(str(path))).is_complete


def test_the_service_account_of_a_pod_is_used(
    api: KubernetesApi, tls: TlsFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "ca.crt").write_text(tls.ca_file.read_text())
    monkeypatch.setattr(access, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", api.url.rpartition(":")[2])
    where = access.chosen()
    assert (where.name, read(where).is_complete) == ("in-cluster", True)


def test_the_name_of_a_certificate_may_be_another_than_the_servers(tls: TlsFiles, tmp_path: Path) -> None:
    files = tls.issue("api-named", "api.cluster.internal")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    with KubernetesApi.recorded(context) as api:
        ca = {"certificate-authority": str(tls.ca_file), "tls-server-name": "api.cluster.internal"}
        path = kubeconfig(tmp_path, api.url, user={"token": TOKEN}, **ca)
        assert read(access.chosen(str(path))).is_complete


@pytest.mark.parametrize(
    ("user", "of_cluster", "said"),
    [
        ({"exec": {"command": "aws"}}, {}, "by a program"),
        ({"auth-provider": {}}, {}, "auth-provider"),
        ({"username": "a", "password": "hunter2hunter2"}, {}, "user name and password"),
        ({"token": "a b"}, {}, "no header may hold"),
        ({"as": "root", "token": "x"}, {}, "as somebody else"),
        ({}, {"insecure-skip-tls-verify": True}, "not supported"),
        ({}, {"certificate-authority-data": "!"}, "no PEM in base64"),
        ({}, {"certificate-authority": "gone.pem"}, "cannot be read"),
        ({}, {"certificate-authority-data": base64.b64encode(b"x").decode()}, "cannot be used"),
        ({"client-certificate-data": base64.b64encode(b"x").decode()}, {}, "PEM of a private key"),
        ({}, {"server": "http://10.0.0.1:8080"}, "plain HTTP"),
        ({}, {"server": "ftp://x"}, "neither https nor http"),
        ({}, {"server": "https://api.example.com", "tls-server-name": "other"}, "where the server is an address"),
        ({}, {"proxy-url": "socks5://x:1"}, "cannot be used"),
    ],
)
def test_what_is_not_supported_is_refused_and_no_secret_shown(
    tmp_path: Path, user: dict[str, Any], of_cluster: dict[str, Any], said: str
) -> None:
    path = kubeconfig(tmp_path, "https://127.0.0.1:6443", user=user, **of_cluster)
    with pytest.raises(ClusterUnusable, match=said) as refused:
        access.chosen(str(path))
    assert "hunter2" not in str(refused.value)
    with pytest.raises(SystemExit) as stopped:
        command.main(["--from-cluster", "--kubeconfig", str(path)])
    assert stopped.value.code == 2


@pytest.mark.parametrize("text", ["", "[", "a: b", "current-context: gone", "\xff"])
def test_what_is_no_kubeconfig_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ClusterUnusable):
        access.chosen(str(path))
    with pytest.raises(ClusterUnusable):
        access.chosen(str(tmp_path / "gone"))


def test_an_edge_workers_packages_suffice_in_a_cluster(api: KubernetesApi, tls: TlsFiles, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "ca.crt").write_text(tls.ca_file.read_text())
    program = f"""
import sys
sys.modules.update(dict.fromkeys(("django", "yaml", "semantic_version", "psycopg", "cryptography")))
from pathlib import Path
from probes.discovery import access, command
access.SERVICE_ACCOUNT = Path({str(tmp_path)!r})
status = command.main(["--from-cluster", "--source", "here", "--quiet"])
sys.exit(status)
"""
    environment = {
        "HOME": str(tmp_path),
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": api.url.rpartition(":")[2],
    }
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment, cwd=ROOT
    )
    assert (done.returncode, done.stdout.count("kind: Image")) == (0, len(EVERYTHING)), done.stderr
