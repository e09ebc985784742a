"""A kubeconfig. Source: the kubeconfig reference (v1).

What is not supported is refused and never left out: without it we might be somebody else, or trust anybody.
"""

import base64
import binascii
from pathlib import Path
from typing import Final

from probes.discovery.access import Cluster, ClusterUnusable, cluster_at
from probes.policy.discovery.nodes import Mapping
from probes.policy.discovery.yaml_stream import YamlRefused, documents

MAX_BYTES: Final = 4 * 1024 * 1024
_UNSUPPORTED: Final = {
    "exec": "logs in by a program (exec), which is not run: make a token, as `kubectl create token` does",
    "auth-provider": "logs in by an auth-provider, which Kubernetes has removed: use a token or a certificate",
    "username": "has a user name and password, which Kubernetes has removed: use a token or a certificate",
    "as": "acts as somebody else (as), which is not supported",
}


def from_file(path: Path, context: str = "") -> Cluster:
    """Return the cluster of a kubeconfig's context, its current one by default. Raises `ClusterUnusable`."""
    try:
        text = path.read_bytes()[: MAX_BYTES + 1].decode()
        config = next(documents(text), Mapping(1)) if len(text) <= MAX_BYTES else Mapping(1)
    except OSError as error:
        raise ClusterUnusable(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, YamlRefused):
        raise ClusterUnusable(f"{path} is no kubeconfig") from None
    name = context or config.text("current-context")
    if not name:
        raise ClusterUnusable(f"{path} has no current context: name one by --context")
    of_context = _named(config, "contexts", "context", name, path)
    cluster = _named(config, "clusters", "cluster", of_context.text("cluster"), path)
    user = _named(config, "users", "user", of_context.text("user"), path) if of_context.text("user") else Mapping(1)
    for member, why in _UNSUPPORTED.items():
        if member in user:
            raise ClusterUnusable(f"{path}: the user of {name} {why}")
    if cluster.text("insecure-skip-tls-verify") == "true":
        raise ClusterUnusable(f"{path}: insecure-skip-tls-verify is not supported: give the cluster's CA")
    token = user.text("token")
    if not token and (token_file := user.text("tokenFile")):
        token = _read(path, token_file).strip()
    certificate, key = _pem(user, "client-certificate", path), _pem(user, "client-key", path)
    return cluster_at(
        name,
        cluster.text("server").rstrip("/"),
        ca_pem=_pem(cluster, "certificate-authority", path),
        token=token,
        identity_pem=f"{key}\n{certificate}" if certificate or key else "",
        proxy_url=cluster.text("proxy-url"),
        server_name=cluster.text("tls-server-name"),
    )


def _named(config: Mapping, listed: str, member: str, name: str, path: Path) -> Mapping:
    for item in config.list(listed).maps:
        if item.text("name") == name:
            return item.map(member)
    raise ClusterUnusable(f"{path} has no {member} {name!a}")


def _pem(section: Mapping, member: str, path: Path) -> str:
    """Return a PEM that stands in the kubeconfig, or in the file that it names."""
    if data := section.text(f"{member}-data"):
        try:
            return base64.b64decode(data, validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            raise ClusterUnusable(f"{path}: {member}-data is no PEM in base64") from None
    return _read(path, section.text(member)) if section.text(member) else ""


def _read(path: Path, name: str) -> str:
    """Return a file that a kubeconfig names; a relative name is beside it."""
    try:
        return (path.parent / name).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise ClusterUnusable(f"{path}: {name} cannot be read") from None
